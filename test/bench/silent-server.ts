// Servers for silent clients that stay connected, and the memory that each of these clients takes.
import { type Held, hold as holdClients } from '../laboratory/clients.ts'
import { openFilesLimit } from '../laboratory/open-files-limit.ts'
import { clean, mute, permits, permittedNetwork } from '../laboratory/scripts.ts'
import { silentSpec, type Waiting } from '../laboratory/silent-crowd.ts'
import { connectionLimit } from '../../gateway/smtp/capacity.ts'
import { type Round, scaled, type Setting } from './bench-case.ts'
import { roomyMainCf } from './cases/pregreet.ts'
import { gatewayServer, onNodeSockets, postscreenServer, type Server } from './servers.ts'

const silentMainCf = {
  ...roomyMainCf,
  mynetworks: permittedNetwork,
  postscreen_access_list: 'permit_mynetworks',
  postscreen_greet_wait: '300s',
  postscreen_pre_queue_limit: '200000',
}

export const silentClient = (index: number) => ({ from: clean(index), script: mute })

/** The name of the gateway with the sockets of Node. */
export const onNode = 'gateway, net.Socket'

export interface SilentServer extends Server {
  stop(): Promise<void>
}

/** Which server, and where its clients wait. */
export interface Silent {
  readonly who: string
  readonly place?: Waiting
  /** The port of the mail server behind the gateway, for good clients; postscreen has its own. */
  readonly backend?: number
}

/** A server that has had no clients: in memory that earlier clients have freed, later ones would cost nothing. */
async function freshServer(setting: Setting, { who, place = 'greet wait', backend }: Silent): Promise<SilentServer> {
  const spec = { ...silentSpec(place), access: permits }
  const flags = [...(who === onNode ? onNodeSockets : []), ...(backend === undefined ? [] : ['--backend', `127.0.0.1:${backend}`])]
  const one = who === 'postscreen' ? await postscreenServer('silent', {}, silentMainCf) : await gatewayServer(setting, { spec, flags })
  // The first client makes master start postscreen.
  const first = holdClients(one.port, 1, silentClient)
  await first.untilHeard(20_000)
  await first.leave('reset')
  return one
}

/** Starts a server, lets `round` have it, and ends it. */
export async function withFreshServer(setting: Setting, silent: Silent, round: (one: SilentServer) => Promise<Round>): Promise<Round> {
  const one = await freshServer(setting, silent)
  try {
    return await round(one)
  } finally {
    await one.stop()
  }
}

/** Connections that a gateway leaves free here, for the good clients. */
const spare = 20

/** `count` under the setting, or as many as one gateway process may have with this machine's limit of open files. */
export function heldCount(count: number, setting: Setting): number {
  return Math.min(scaled(count, setting), connectionLimit(openFilesLimit(), 0).connections - spare)
}

const atATime = 200

/**
 * Connects in small groups, so that many at once are not measured. Resident memory, not only the heap: garbage that is not collected needs memory too.
 * @param during measures further figures while all are connected
 */
export async function heldMemory(one: Server, count: number, during: () => Promise<Round> = () => Promise.resolve({})): Promise<Round> {
  const before = one.resident()
  const groups: Held[] = []
  for (let from = 0; from < count; from += atATime) {
    const group = holdClients(one.port, Math.min(atATime, count - from), (index) => silentClient(from + index))
    await group.untilHeard(60_000)
    groups.push(group)
  }
  const grown = one.resident() - before
  const further = await during()
  const gone = groups.reduce((sum, group) => sum + group.gone.length, 0)
  for (const group of groups) await group.leave('reset')
  return { connections: count - gone, bytes: grown / count, megabytes: grown / 1e6, gone, ...further }
}

/** For the curve: `count` clients in the greet wait of a fresh server. */
export const heldBy = (setting: Setting, who: string, count: number): Promise<Round> =>
  withFreshServer(setting, { who }, (one) => heldMemory(one, count))
