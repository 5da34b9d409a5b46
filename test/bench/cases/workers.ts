// Two workers beside one: how many sessions the server could take, were its processes to have a core each.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { threadMicrosOfTree } from '../../laboratory/process-use.ts'
import { type BenchCase, type Round, scaled } from '../bench-case.ts'
import { type GatewayServer, gatewayServer } from '../servers.ts'
import { sessionFigures, type SessionLoad, sessionRound } from '../session-load.ts'
import { pregreetLoad, pregreetSpec } from './pregreet.ts'
import { gatewayCode } from '../code-paths.ts'

/**
 * The load's clients are on the same machine and take cores from the server: the rate alone says little on two. What limits a server is its busiest
 * thread, so its capacity is the sessions for each second of that thread's CPU time; work that is divided unevenly, or costs more, lowers it.
 */
async function capacityRound(server: GatewayServer, load: SessionLoad): Promise<Round> {
  const before = threadMicrosOfTree(server.words)
  const round = await sessionRound(server, load)
  const after = threadMicrosOfTree(server.words)
  // A tiny round may take less than the 10 ms that Linux counts in.
  const busiest = Math.max(10_000, ...[...after].map(([thread, micros]) => micros - (before.get(thread) ?? 0)))
  return { ...round, capacity: (load.sessions / busiest) * 1e6 }
}

const { cpu, rate, p99, load: loadKind, wrong } = sessionFigures

export const workers: BenchCase = {
  name: 'workers',
  what: 'Two workers on two cores (bots that speak before the greeting, 200 at once)',
  needs: ['loopback', { flag: '--workers' }],
  measures: gatewayCode,
  figures: { capacity: { label: 'capacity', unit: '/s', digits: 0 }, rate, cpu, p99, load: loadKind, wrong },
  goals: [
    {
      text: '≥ 1.8× the capacity of one worker',
      figure: 'capacity',
      of: 'two workers',
      beside: { peer: 'one worker', how: 'ratio' },
      bound: 'at least',
      value: 1.8,
    },
  ],
  rounds: 7,
  warmUp: true,
  minutes: 1,
  start: async (setting) => {
    const load = { ...pregreetLoad, sessions: scaled(20_000, setting), atOnce: scaled(200, setting) }
    // Workers share one allowlist, in a folder.
    const folder = mkdtempSync(join(tmpdir(), 'workers-'))
    const server = (name: string, flags: readonly string[] = []): Promise<GatewayServer> =>
      gatewayServer(setting, { spec: pregreetSpec, flags: ['--data-dir', join(folder, name), ...flags] })
    const one = await server('one')
    const two = await server('two', ['--workers', '2'])
    return {
      contenders: [
        { name: 'one worker', round: () => capacityRound(one, load) },
        { name: 'two workers', round: () => capacityRound(two, load) },
      ],
      stop: async () => {
        await Promise.all([one.stop(), two.stop()])
        rmSync(folder, { recursive: true })
      },
    }
  },
}
