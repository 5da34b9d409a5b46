// Loaded into a gateway under test by `node --expose-gc --import`: at SIGUSR2 it collects garbage and writes what the process holds.
import { renameSync, writeFileSync } from 'node:fs'
import { reportFile, type SelfReport } from './reported.ts'

process.on('SIGUSR2', () => {
  const { gc } = globalThis
  // Twice: what finalizers let go is collected by the second.
  gc?.()
  gc?.()
  const { rss, heapUsed, external } = process.memoryUsage()
  const resources: Record<string, number> = {}
  for (const name of process.getActiveResourcesInfo()) resources[name] = (resources[name] ?? 0) + 1
  const report: SelfReport = { rss, heapUsed, external, resources }
  const file = reportFile(process.pid)
  writeFileSync(`${file}.new`, JSON.stringify(report))
  renameSync(`${file}.new`, file)
})
