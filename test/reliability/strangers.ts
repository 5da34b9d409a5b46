// What strangers do to a gateway, and what their own networks do to them: the faults and clients of the soak that has them all at once.
import { writeFileSync } from 'node:fs'
import { Client, loopbackAddress } from '../laboratory/clients.ts'
import { mute, polite } from '../laboratory/scripts.ts'
import type { Kind } from '../laboratory/arrivals.ts'
import type { Treatment } from '../laboratory/moody-backend.ts'
import { type Fault, rewrite, soakFaults } from './soak-faults.ts'
import { goodTable, type SceneOptions } from './soak-scene.ts'
import { listFailing } from './visible-faults.ts'

const slowNetwork = 67
const refusedNetwork = 68
const crowdNetwork = 69

/** Clients whose own name server is slow, so that Postfix greets them late, and clients that have reached a limit of Postfix. */
export const strangers: readonly Kind[] = [
  {
    what: 'is greeted late',
    share: 1,
    client: (nth) => ({ from: loopbackAddress(slowNetwork, nth % 40), script: polite }),
    heard: /^/,
    patienceMs: 8000,
  },
  {
    what: 'is refused by Postfix',
    share: 1,
    client: (nth) => ({ from: loopbackAddress(refusedNetwork, nth % 40), script: polite }),
    heard: /^/,
    patienceMs: 8000,
  },
]

function treats(client: string): Treatment {
  if (client.startsWith(`127.${slowNetwork}.`)) return 'greets late'
  return client.startsWith(`127.${refusedNetwork}.`) ? 'says 421' : 'well'
}

/** So few that a crowd can use them up, and enough for the usual clients. */
export const strangersScene: SceneOptions = { openFiles: 1200, treats }

const crowdSize = 1600
let crowd: Client[] = []

/** Silent clients, as many at each gateway, until it ends. */
const gather = (ports: readonly number[]): void => {
  crowd = ports.flatMap((port) =>
    Array.from({ length: crowdSize }, (_, nth) => new Client(port, loopbackAddress(crowdNetwork, nth), mute, () => undefined)),
  )
}
const disperse = (): void => {
  for (const client of crowd) client.leave('left')
  crowd = []
}

/** The line in the log may be that of the fault before: an episode lasts until ten seconds are good. The ends are counted when the soak is over. */
const listFails = { shows: listFailing }
/** No client may take a mail server out of service. */
const healthy = { never: /^postscreen_backends\{state="(failing|misconfigured)"\} [1-9]/m }

/** The faults of the other soak, with what must show, and those that strangers found. */
export const strangersFaults: readonly Fault[] = [
  ...soakFaults.map((fault): Fault => {
    if (fault.what === 'DNS is dead' || fault.what === 'DNS lies') return { ...fault, ...listFails }
    if (fault.what === 'the policy file is broken') return { ...fault, says: /policy refused/ }
    if (fault.what === 'the policy is read again') return { ...fault, ...healthy }
    return fault
  }),
  {
    what: 'a list answers with error codes',
    strike: (scene) => rewrite(scene, 'codes'),
    mend: (scene) => rewrite(scene, 'well'),
    ...listFails,
  },
  {
    what: 'a backend loses its PROXY setting',
    strike: ({ backends }) => backends[0]?.turn('reads no PROXY header'),
    mend: ({ backends }) => backends[0]?.turn('well'),
    says: /is misconfigured/,
    shows: /^postscreen_backends\{state="misconfigured"\} [1-9]/m,
  },
  {
    what: 'a line of a table does not parse',
    strike: ({ table }) => writeFileSync(table, `${goodTable}192.0.2.8/27 permit\n`),
    mend: ({ table }) => writeFileSync(table, goodTable),
    says: /senders\.cidr/,
  },
  {
    what: 'the descriptors are used up',
    strike: ({ fleet }) => gather(fleet.gateways.map(({ port }) => port)),
    mend: disperse,
    says: /client connections are in use/,
    shows: /^postscreen_client_connections_refused_total [1-9]/m,
    defers: true,
  },
]
