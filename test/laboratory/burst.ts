// Many clients at the same moment, three of four in a DNSBL: what became of each of them.
import { endOf, type Visit, visitAll } from './clients.ts'
import { quantile } from './figures.ts'
import { clean, listed, lists, mute, polite } from './scripts.ts'

/** How long a client waits for a server before it counts as hanging. */
const patienceMs = 20_000

export interface Burst {
  readonly port: number
  readonly clients: number
  readonly patienceMs?: number
}

export interface BurstOutcome {
  readonly listed: {
    readonly came: number
    /** Got `521 … blocked using …` and the end of the connection. */
    readonly dropped: number
    /** Reached the mail server behind. */
    readonly letThrough: number
    /** Still there when patience was over. */
    readonly hanging: number
    /** Anything else, such as a refusal for want of something. */
    readonly otherwise: number
  }
  readonly clean: { readonly came: number; readonly served: number; readonly hanging: number; readonly otherwise: number }
  /** What `otherwise` was: the last line heard and how it ended, with counts. */
  readonly oddities: ReadonlyMap<string, number>
  /** Milliseconds from the first call to the end, of those that were dropped. */
  readonly dropMs: { readonly median: number; readonly last: number }
  readonly totalMs: number
}

/** The DNSBL part of a policy for such a crowd: each of three lists suffices. */
export const burstSpec = {
  greet: { action: 'Drop', wait: '6s', stressWait: '2s' },
  dnsbl: { action: 'Drop', threshold: 1, sites: lists.map((domain) => ({ domain })) },
} as const

const isListed = (index: number): boolean => index % 4 !== 0

/** Every client calls at once and is never heard before its greeting; clean ones then say EHLO and QUIT. */
export async function burst({ port, clients, patienceMs: patience = patienceMs }: Burst): Promise<BurstOutcome> {
  const sure = {
    listed: { came: 0, dropped: 0, letThrough: 0, hanging: 0, otherwise: 0 },
    clean: { came: 0, served: 0, hanging: 0, otherwise: 0 },
  }
  const oddities = new Map<string, number>()
  const drops: number[] = []
  const count = (visit: Visit, index: number): void => {
    if (isListed(index)) countListed(visit)
    else countClean(visit)
  }
  const odd = (visit: Visit): void => {
    const what = endOf(visit)
    oddities.set(what, (oddities.get(what) ?? 0) + 1)
  }
  const countListed = (visit: Visit): void => {
    sure.listed.came++
    if (/^521 .*blocked using/m.test(visit.heard) && visit.ending === 'hung up') {
      sure.listed.dropped++
      drops.push(visit.endedAt - visit.beganAt)
    } else if (/^220 /m.test(visit.heard)) sure.listed.letThrough++
    else if (visit.ending === 'late') sure.listed.hanging++
    else {
      sure.listed.otherwise++
      odd(visit)
    }
  }
  const countClean = (visit: Visit): void => {
    sure.clean.came++
    if (/^221 /m.test(visit.heard)) sure.clean.served++
    else if (visit.ending === 'late') sure.clean.hanging++
    else {
      sure.clean.otherwise++
      odd(visit)
    }
  }
  const totalMs = await visitAll({
    port,
    count: clients,
    atOnce: clients,
    patienceMs: patience,
    client: (index) => (isListed(index) ? { from: listed(index), script: mute } : { from: clean(index), script: polite }),
    onVisit: count,
  })
  return { ...sure, oddities, dropMs: { median: quantile(drops, 0.5), last: Math.max(...drops) }, totalMs }
}
