// The live pages of the gateways in the scene (scene.ts), as gateways send them: an hour with an attack in its middle.
import { outcomes } from '../../../gateway/core/outcome-names.ts'
import { minutesKept } from '../../../gateway/observability/live/minute-counts.ts'
import { now, statusPageOf } from './scene.ts'

const lists = ['zen.dq.example.net', 'bl.example.org', 'rep.example.net', 'wl.example.com']

/** The counts of a minute, a third of them at each of three gateways. */
function minuteOf(at: number): readonly number[] {
  const attack = Math.max(0, 30 - Math.abs(at - 35) * 4)
  const counts: Readonly<Record<string, number>> = {
    ...{ known: 10 + (at % 3), new: 4, comeBack: 1, hangup: 5 + (at % 2), pregreet: 14 + (at % 5), dnsbl: 20 + attack },
    ...{ deepTests: 1, accessList: 1 },
  }
  return outcomes.map((outcome) => counts[outcome] ?? 0)
}

interface Changed {
  readonly at?: number
  readonly status?: object
  readonly policy?: object | null
  readonly hour?: object | null
  readonly [name: string]: unknown
}

/** A page of /live. */
export function livePageOf(changed: Changed = {}): object {
  const { at = now, status = statusOf(), ...more } = changed
  const lastMinute = Math.floor(at / 60_000) * 60_000
  const minutes = Array.from({ length: minutesKept }, (_, row) => minuteOf(row))
  const today = outcomes.map((_, place) => minutes.reduce((sum, row) => sum + (row[place] ?? 0), 0))
  return {
    ...{ at, outcomes, hour: { lastMinute, minutes, today, since: lastMinute - 10 * 3_600_000 }, marks: [], status },
    lists: lists.map((name, place) => ({
      ...{
        name,
        lastMinute: 39 - place,
        answers: 200,
        listed: 88 - 20 * place,
        failed: 0,
        medianMs: 9 + 4 * place,
        slowMs: 31 + 20 * place,
      },
    })),
    mailServers: ['postfix-0:10025', 'postfix-1:10025'].map((name) => ({
      name,
      lastMinute: 9,
      answers: 50,
      listed: 0,
      failed: 0,
      medianMs: 4,
    })),
    networks: [
      { network: '198.18.44.0/24', sessions: 1404, outcomes: { dnsbl: 1400, pregreet: 4 } },
      { network: '203.0.113.0/24', sessions: 995, outcomes: { pregreet: 990, dnsbl: 5 } },
      { network: '2001:db8:66::/48', sessions: 12, outcomes: { deepTests: 12 } },
    ],
    reconnects: { told: 100, came: 83, medianMs: 400_000 },
    busiest: [{ client: '192.0.2.7', connections: 12 }],
    policy: {
      ...{ name: 'mx', namespace: 'mail', generation: 42, hash: 'f704847ec614'.repeat(5), mode: 'Enforce', hostname: 'mx.example.com' },
      ...{ loadedAt: now - 48 * 60_000, greetWaitMs: 6000, tests: [], handoff: 'NextSession', threshold: 3, accessEntries: 3 },
      lists: lists.map((list) => ({ list, weight: 3 })),
      ...{ limits: { connectionsPerClient: 50, preQueue: 500, postQueue: 100 }, showEnvelopes: true, sessionsKept: 1000 },
    },
    since: { notReady: null, draining: null, stress: null },
    process: { cpuSeconds: 10, memoryBytes: 9e7, uptimeSeconds: 36_000, processes: 1 },
    ...{ viewers: { now: 0, most: 20 }, bans: null, sessions: [], sessionsLeftOut: 0 },
    ...more,
  }
}

/** A page of /status with the parts that the live page adds to the one of the scene. */
export function statusOf(more: object = {}): object {
  const servers = ['postfix-0:10025', 'postfix-1:10025'].map((label) => ({ label, state: 'working' }))
  const page = statusPageOf(42, servers) as { readonly dnsbl: { readonly lists: readonly { readonly list: string }[] } }
  const healthy = page.dnsbl.lists.map(({ list }) => ({ list, state: 'healthy', used: true }))
  return { ...page, dnsbl: { resolver: 'works', lists: healthy, sites: [] }, refusedPolicy: null, workers: undefined, ...more }
}
