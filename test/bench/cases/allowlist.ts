// A temporary allowlist of ten million entries in LMDB: lookups, the start of a gateway that has it, and its cleanup while service goes on.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { askPause, pauseFlags } from '../../laboratory/reported.ts'
import { allowlistBytes, fillAllowlist, spoilAllowlist } from '../allowlist-data.ts'
import { type BenchCase, type Round, scaled, type Setting } from '../bench-case.ts'
import { timeAllowlist } from '../lookups-process.ts'
import { gatewayServer } from '../servers.ts'
import { gatewayCode } from '../code-paths.ts'

/** Of all entries, so many have expired when a cleanup begins. */
const spoiltShare = 0.01

const spec = { greet: { action: 'Drop', wait: '2s' } }

/** A whole gateway as it is shipped, plus a millisecond timer that notices pauses. A cleanup that is due begins when it has started. */
async function startAndClean(setting: Setting, directory: string): Promise<Round> {
  const began = performance.now()
  const gateway = await gatewayServer(setting, { spec, flags: ['--data-dir', directory], nodeFlags: pauseFlags })
  const start = performance.now() - began
  try {
    await askPause(gateway.process.pid)
    const from = gateway.cpu()
    await gateway.process.said(/full cleanup: retained=\d+ dropped=\d+/, 300)
    const { longestPauseMs } = await askPause(gateway.process.pid)
    return { start, pause: longestPauseMs, cleanup: performance.now() - began - start, 'cleanup-cpu': (gateway.cpu() - from) / 1000 }
  } finally {
    await gateway.stop()
  }
}

export const allowlist: BenchCase = {
  name: 'allowlist',
  what: 'Allowlist of 10 million entries',
  needs: [],
  measures: gatewayCode,
  figures: {
    p50: { label: 'lookup p50', unit: 'µs', digits: 1 },
    p99: { label: 'lookup p99', unit: 'µs', digits: 1 },
    start: { label: 'start', unit: 'ms', digits: 0 },
    pause: { label: 'longest pause during a cleanup', unit: 'ms', digits: 1 },
    cleanup: { label: 'duration of a cleanup', unit: 'ms', digits: 0 },
    'cleanup-cpu': { label: 'CPU of a cleanup', unit: 'ms', digits: 0 },
    file: { label: 'size of the file', unit: 'MB', digits: 0 },
    missing: { label: 'not found', unit: '', digits: 0 },
  },
  goals: [
    { text: 'lookup p99 ≤ 50 µs', figure: 'p99', of: 'gateway', bound: 'at most', value: 50 },
    { text: 'start ≤ 1 s', figure: 'start', of: 'gateway', bound: 'at most', value: 1000 },
    { text: 'no pause > 20 ms during a cleanup', figure: 'pause', of: 'gateway', bound: 'at most', value: 20 },
  ],
  rounds: 5,
  warmUp: false,
  minutes: 6,
  start: async (setting) => {
    const directory = mkdtempSync(join(tmpdir(), 'allowlist-'))
    const entries = scaled(10_000_000, setting, 1000)
    await fillAllowlist(directory, 0, entries)
    const round = async (): Promise<Round> => {
      const spoilt = Math.round(entries * spoiltShare)
      const lookups = await timeAllowlist(directory, entries)
      await spoilAllowlist(directory, spoilt)
      const service = await startAndClean(setting, directory)
      const file = allowlistBytes(directory) / 1e6
      await fillAllowlist(directory, 0, spoilt)
      return { ...lookups, ...service, file }
    }
    return {
      contenders: [{ name: 'gateway', round }],
      stop: () => Promise.resolve(rmSync(directory, { recursive: true })),
    }
  },
}
