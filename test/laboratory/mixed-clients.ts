// The clients that a mail server meets, most of them zombies, and a policy that tells them apart.
import { loopbackAddress } from './clients.ts'
import { early, listed, lists, mail, mute, polite } from './scripts.ts'
import type { Kind } from './arrivals.ts'

/** So many addresses that a gateway's own memory of the last minute does not know them all. */
export const knownClients = 20_000
export const known = (nth: number): string => loopbackAddress(65, nth % knownClients)

const served = /^221 /m
const delivered = /^250 2\.0\.0 Ok: queued[^]*^221 /m

/** Those that are let through, because DNS says nothing or the machine is too busy to see them in time, sit there until they lose patience. */
const patienceMs = 10_000

export const talksEarly: Kind = {
  what: 'talks before the greeting',
  share: 6,
  client: (nth) => ({ from: loopbackAddress(61, nth), script: early }),
  heard: /^521 5\.5\.1 Protocol error/m,
  patienceMs,
}
export const isListed: Kind = {
  what: 'is listed',
  share: 4,
  client: (nth) => ({ from: listed(nth), script: mute }),
  heard: /^521 .*blocked using/m,
  patienceMs,
}
export const leavesAtTeaser: Kind = {
  what: 'leaves when it sees the teaser',
  share: 2,
  client: (nth) => ({ from: loopbackAddress(62, nth), script: { leaves: 'when greeted' } }),
  heard: /^220-/,
}

/** Bots. */
export const zombies: readonly Kind[] = [
  talksEarly,
  isListed,
  leavesAtTeaser,
  { what: 'is silent', share: 1, client: (nth) => ({ from: loopbackAddress(63, nth), script: mute }), heard: /^220-/, patienceMs: 3000 },
]

/** Those for whom all this is done. Nothing may ever go wrong for them. */
export const legitimate: readonly Kind[] = [
  { what: 'is known and sends mail', share: 3, client: (nth) => ({ from: known(nth * 3), script: mail(1024) }), heard: delivered },
  { what: 'is known and quits', share: 1, client: (nth) => ({ from: known(nth * 3 + 1), script: polite }), heard: served },
  {
    what: 'is known and slow',
    share: 1,
    client: (nth) => ({ from: known(nth * 3 + 2), script: { ...mail(1024), pauseMs: 500 } }),
    heard: delivered,
  },
  { what: 'is new and sends mail', share: 2, client: (nth) => ({ from: loopbackAddress(66, nth), script: mail(1024) }), heard: delivered },
]

/** The policy; `backend` and `allowlist` are the scenario's. */
export const mixedSpec = {
  hostname: 'mx.example.test',
  greet: { action: 'Drop', wait: '1s', stressWait: '1s' },
  dnsbl: { action: 'Drop', threshold: 1, sites: lists.map((domain) => ({ domain })) },
  limits: { connectionsPerClient: 0, preQueue: 100_000, postQueue: 100_000 },
} as const
