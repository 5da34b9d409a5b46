// Sessions of every kind, many thousand of them, and what the gateway holds meanwhile: memory must not grow with the number of sessions.
import type { GatewayProcess } from '../peers/gateway.ts'
import type { Kind } from './arrivals.ts'
import { endOf, loopbackAddress, type Visit, visitAll } from './clients.ts'
import { slope } from './figures.ts'
import { isListed, leavesAtTeaser, talksEarly } from './mixed-clients.ts'
import { askReport } from './reported.ts'
import { clean, dialogue, lists, mail } from './scripts.ts'

/** More clients of the temporary allowlist do not come: its size is bounded by the retention time, not by the sessions. */
const knownClients = 500

/** Kinds of clients; addresses of 127.70 are permitted and of 127.71 denied by the policy's access list. */
const kinds: readonly Kind[] = [
  { ...talksEarly, share: 4 },
  { ...isListed, share: 3 },
  { ...leavesAtTeaser, share: 2 },
  { what: 'leaves at once', share: 1, client: (i) => ({ from: loopbackAddress(63, i), script: { leaves: 'when connected' } }), heard: /^/ },
  {
    what: 'is denied and says a few commands',
    share: 2,
    client: (i) => ({ from: loopbackAddress(71, i), script: dialogue }),
    heard: /^550 5\.3\.2[^]*^221 /m,
  },
  {
    what: 'is permitted and sends mail',
    share: 2,
    client: (i) => ({ from: loopbackAddress(70, i), script: mail(4096) }),
    heard: /^250 2\.0\.0 Ok: queued[^]*^221 /m,
  },
  {
    what: 'is known and sends mail',
    share: 2,
    client: (i) => ({ from: clean(i % knownClients), script: mail(1024) }),
    heard: /^250 2\.0\.0 Ok: queued[^]*^221 /m,
  },
]

const inTurn = kinds.flatMap((kind) => Array.from({ length: kind.share }, () => kind))

export const soakSpec = {
  greet: { action: 'Drop', wait: '1s', stressWait: '1s' },
  dnsbl: { action: 'Drop', threshold: 1, sites: lists.map((domain) => ({ domain })) },
  access: [
    { action: 'Permit', cidrs: ['127.70.0.0/16'] },
    { action: 'Reject', cidrs: ['127.71.0.0/16'] },
  ],
  denylist: { action: 'Enforce' },
  limits: { connectionsPerClient: 0, preQueue: 100_000, postQueue: 100_000 },
} as const

/** One look at the gateway. */
export interface Sample {
  readonly sessions: number
  readonly rss: number
  readonly heapUsed: number
  readonly external: number
}

export interface SoakOutcome {
  readonly samples: readonly Sample[]
  /** Bytes a session, after the first quarter: until then tables fill and code is compiled. */
  readonly heapGrowth: number
  readonly rssGrowth: number
  /** Sessions that did not go as their kind does: kind, last line heard and ending, with counts. */
  readonly wrong: ReadonlyMap<string, number>
  readonly ms: number
}

/** Runs `sessions` sessions, `atOnce` at a time, and looks at the gateway `looks` times on the way. */
export async function soak(
  gateway: GatewayProcess,
  { sessions, atOnce, looks }: { sessions: number; atOnce: number; looks: number },
  onSample: (sample: Sample) => void = () => undefined,
): Promise<SoakOutcome> {
  const wrong = new Map<string, number>()
  const samples: Sample[] = []
  let began = 0
  const part = Math.floor(sessions / looks)
  const start = performance.now()
  const kindOf = (index: number): Kind => inTurn[index % inTurn.length] as Kind
  for (let look = 0; look < looks; look++) {
    const first = began
    await visitAll({
      port: gateway.port,
      count: part,
      atOnce,
      patienceMs: 30_000,
      client: (index) => kindOf(index).client(Math.floor((first + index) / inTurn.length)),
      onVisit: (visit, index) => {
        const kind = kindOf(index)
        if (!kind.heard.test(visit.heard)) note(wrong, kind, visit)
      },
    })
    began += part
    const { rss, heapUsed, external } = await askReport(gateway.pid)
    const sample = { sessions: began, rss, heapUsed, external }
    samples.push(sample)
    onSample(sample)
  }
  const later = samples.slice(Math.floor(looks / 4))
  return {
    samples,
    heapGrowth: slope(later.map(({ sessions: x, heapUsed, external }) => ({ x, y: heapUsed + external }))),
    rssGrowth: slope(later.map(({ sessions: x, rss: y }) => ({ x, y }))),
    wrong,
    ms: performance.now() - start,
  }
}

function note(wrong: Map<string, number>, { what }: Kind, visit: Visit): void {
  const text = `${what}: ${endOf(visit)}`
  wrong.set(text, (wrong.get(text) ?? 0) + 1)
}
