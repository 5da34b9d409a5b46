// One round of sessions against one server: the CPU time of server and clients for each, the duration, and the results.
import { type Crowd, visitAll } from '../laboratory/clients.ts'
import { quantile } from '../laboratory/figures.ts'
import type { FigureKind, Round } from './bench-case.ts'
import type { Server } from './servers.ts'

export interface SessionLoad {
  readonly sessions: number
  readonly atOnce: number
  readonly client: Crowd['client']
  /** What a client has received at the end if the server worked as expected. */
  readonly heard: RegExp
  /** What it has received if the server passed it by mistake. */
  readonly letThrough?: RegExp
  readonly patienceMs?: number
  /** CPU time of the mail server behind the server, in microseconds. */
  readonly behindCpu?: () => number
}

export const sessionFigures = {
  cpu: { label: 'CPU per session', unit: 'µs', digits: 0 },
  rate: { label: 'rate', unit: '/s', digits: 0 },
  p50: { label: 'p50', unit: 'ms', digits: 1 },
  p99: { label: 'p99', unit: 'ms', digits: 1 },
  resident: { label: 'resident memory after', unit: 'MB', digits: 0 },
  load: { label: 'CPU of the clients', unit: 'µs', digits: 0 },
  behind: { label: 'CPU of the mail server', unit: 'µs', digits: 0 },
  through: { label: 'passed', unit: '%', digits: 1 },
  hanging: { label: 'left waiting', unit: '%', digits: 1 },
  wrong: { label: 'other results', unit: '%', digits: 1 },
} as const satisfies Record<string, FigureKind>

/** Plays one round. Latency is from the call to the end of the connection, of clients that received the expected replies. */
export async function sessionRound(server: Server, load: SessionLoad): Promise<Round> {
  const { sessions, atOnce, client, heard, letThrough, patienceMs = 20_000, behindCpu } = load
  const took: number[] = []
  const count = { through: 0, hanging: 0, wrong: 0 }
  const [before, ownBefore, behindBefore] = [server.cpu(), process.cpuUsage(), behindCpu?.() ?? 0]
  const ms = await visitAll({
    port: server.port,
    count: sessions,
    atOnce,
    client,
    patienceMs,
    onVisit: (visit) => {
      if (heard.test(visit.heard)) took.push(visit.endedAt - visit.beganAt)
      else if (letThrough?.test(visit.heard) === true) count.through++
      else if (visit.ending === 'late') count.hanging++
      else count.wrong++
    },
  })
  const own = process.cpuUsage(ownBefore)
  const share = (part: number): number => (part / sessions) * 100
  return {
    cpu: (server.cpu() - before) / sessions,
    rate: (sessions / ms) * 1000,
    ...(took.length === 0 ? {} : { p50: quantile(took, 0.5), p99: quantile(took, 0.99) }),
    resident: server.resident() / 1e6,
    load: (own.user + own.system) / sessions,
    ...(behindCpu === undefined ? {} : { behind: (behindCpu() - behindBefore) / sessions }),
    through: share(count.through),
    hanging: share(count.hanging),
    wrong: share(count.wrong),
  }
}
