// `postscreen simulate` of a day's log: its CPU time beside that of JSON.parse on the same lines, and a million sessions.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { manifest } from '../../peers/gateway.ts'
import { writeLogOfDay } from '../../simulation/log-of-day.ts'
import { type BenchCase, scaled } from '../bench-case.ts'
import { readLog } from '../simulate-process.ts'

/** The log is of a gateway without deep tests, so new clients go through the dummy SMTP engine. */
const spec = {
  greet: { action: 'Enforce' },
  dnsbl: {
    action: 'Enforce',
    threshold: 2,
    sites: [
      { domain: 'bl1.test', weight: 2 },
      { domain: 'bl2.test', weight: 1 },
      { domain: 'wl.test', weight: -1 },
    ],
  },
  deepTests: { pipelining: { enabled: true, action: 'Enforce' } },
}

export const simulate: BenchCase = {
  name: 'simulate',
  what: 'postscreen simulate with a log of 250,000 sessions of 100,000 addresses',
  needs: [],
  measures: ['cli/simulate', 'cli/simulate.ts', 'gateway/core'],
  figures: {
    cpu: { label: 'CPU', unit: 's', digits: 1 },
    seconds: { label: 'duration', unit: 's', digits: 1 },
    memory: { label: 'most resident memory', unit: 'MB', digits: 0 },
  },
  goals: [
    {
      text: '(JSON.parse of all lines)',
      figure: 'cpu',
      of: 'simulate',
      beside: { peer: 'JSON.parse', how: 'ratio' },
      bound: 'at most',
      value: 12,
    },
    { text: 'a million sessions ≤ 120 s', figure: 'seconds', of: 'a million sessions', bound: 'at most', value: 120 },
    {
      text: 'a million sessions: ≤ 1.2× the memory',
      figure: 'memory',
      of: 'a million sessions',
      beside: { peer: 'simulate', how: 'ratio' },
      bound: 'at most',
      value: 1.2,
    },
  ],
  rounds: 5,
  warmUp: false,
  minutes: 12,
  start: (setting) => {
    const folder = mkdtempSync(join(tmpdir(), 'simulate-'))
    const policy = join(folder, 'policy.yaml')
    writeFileSync(policy, manifest({ hostname: 'mx.example.test', backend: { addresses: ['127.0.0.1:25'] }, ...spec }))
    const [sessions, addresses] = [scaled(250_000, setting), scaled(100_000, setting)]
    const [day, long] = [join(folder, 'day.log'), join(folder, 'long.log')]
    writeLogOfDay(day, sessions, addresses)
    writeLogOfDay(long, sessions * 4, addresses)
    return Promise.resolve({
      contenders: [
        { name: 'simulate', round: () => readLog('simulate', day, policy) },
        { name: 'JSON.parse', round: () => readLog('parse', day, policy) },
        { name: 'a million sessions', rounds: 1, round: () => readLog('simulate', long, policy) },
      ],
      stop: () => Promise.resolve(rmSync(folder, { recursive: true })),
    })
  },
}
