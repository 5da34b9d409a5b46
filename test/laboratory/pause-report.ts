// Loaded into a process under test by `node --import`: at SIGUSR2 it writes for how long its event loop stood still at most since the last time.
import { renameSync, writeFileSync } from 'node:fs'
import { type PauseReport, reportFile } from './reported.ts'

/** A timer that is due every millisecond; what it is late beyond that is a pause. */
const everyMs = 1
let last = performance.now()
let longest = 0

setInterval(() => look(), everyMs).unref()

function look(): void {
  const now = performance.now()
  longest = Math.max(longest, now - last - everyMs)
  last = now
}

process.on('SIGUSR2', () => {
  look()
  const report: PauseReport = { longestPauseMs: longest }
  const file = reportFile(process.pid)
  writeFileSync(`${file}.new`, JSON.stringify(report))
  renameSync(`${file}.new`, file)
  longest = 0
  last = performance.now()
})
