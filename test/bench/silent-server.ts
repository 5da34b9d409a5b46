// Servers for silent clients that stay connected, and the memory that each of these clients takes.
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { hold as holdClients } from '../laboratory/clients.ts'
import { openFilesLimit } from '../laboratory/open-files-limit.ts'
import { clean, mute, permits, permittedNetwork } from '../laboratory/scripts.ts'
import { silentSpec, type Waiting } from '../laboratory/silent-crowd.ts'
import { connectionLimit } from '../../gateway/smtp/capacity.ts'
import { untilHolds } from '../support/until-holds.ts'
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
  /** Processes of the gateway. Default: 1. */
  readonly workers?: number
}

/** A server that has had no clients: in memory that earlier clients have freed, later ones would cost nothing. */
async function freshServer(setting: Setting, { who, place = 'greet wait', backend, workers = 1 }: Silent): Promise<SilentServer> {
  const spec = { ...silentSpec(place), access: permits }
  const folder = mkdtempSync(join(tmpdir(), 'silent-'))
  const flags = [
    ...(who === onNode ? onNodeSockets : []),
    ...(backend === undefined ? [] : ['--backend', `127.0.0.1:${backend}`]),
    // Workers share one allowlist, in a folder.
    ...(workers === 1 ? [] : ['--workers', String(workers), '--data-dir', folder]),
  ]
  const one = who === 'postscreen' ? await postscreenServer('silent', {}, silentMainCf) : await gatewayServer(setting, { spec, flags })
  if ('process' in one && workers > 1) await allListen(one.process.admin, workers)
  // The first client makes master start postscreen.
  const first = holdClients(one.port, 1, silentClient)
  await first.untilHeard(20_000)
  await first.leave('reset')
  const stop = async (): Promise<void> => {
    await one.stop()
    rmSync(folder, { recursive: true })
  }
  return { ...one, stop }
}

/** The first worker listens before the others have started, and would get all clients. */
async function allListen(admin: string, workers: number): Promise<void> {
  const metric = new RegExp(`^postscreen_workers ${workers}$`, 'm')
  await untilHolds(`${workers} workers take clients`, async () => metric.test(await (await fetch(`${admin}/metrics`)).text()), 120)
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
/** The kernel does not give each worker the same number of clients. */
const share = 0.9

const connectionsOfAProcess = (): number => connectionLimit(openFilesLimit(), 0).connections - spare

/** `count` under the setting, or as many as one gateway process may have with this machine's limit of open files. */
export const heldCount = (count: number, setting: Setting): number => Math.min(scaled(count, setting), connectionsOfAProcess())

/** How many workers it takes to hold so many connections with this machine's limit of open files. */
export const workersFor = (count: number): number =>
  count <= connectionsOfAProcess() ? 1 : Math.ceil(count / (share * connectionsOfAProcess()))

/** Clients that one process plays; it has other files too. */
const clientsOfAProcess = Math.min(20_000, openFilesLimit() - 500)

interface Crowd {
  /** They leave. @returns how many the server had sent away */
  leave(): Promise<number>
}

const clientsProgram = fileURLToPath(new URL('silent-clients-process.ts', import.meta.url))

async function crowd(port: number, first: number, count: number): Promise<Crowd> {
  const child = fork(clientsProgram, [port, first, count].map(String))
  await Promise.race([once(child, 'message'), once(child, 'exit').then(() => Promise.reject(new Error('the clients failed')))])
  return {
    leave: async () => {
      child.send('leave')
      const [{ gone }] = (await once(child, 'message')) as [{ gone: number }]
      await once(child, 'exit')
      return gone
    },
  }
}

/**
 * Connects one after another. Resident memory, not only the heap: garbage that is not collected needs memory too.
 * @param during measures further figures while all are connected
 */
export async function heldMemory(one: Server, count: number, during: () => Promise<Round> = () => Promise.resolve({})): Promise<Round> {
  const before = one.resident()
  const crowds: Crowd[] = []
  for (let from = 0; from < count; from += clientsOfAProcess)
    crowds.push(await crowd(one.port, from, Math.min(clientsOfAProcess, count - from)))
  const grown = one.resident() - before
  const further = await during()
  let gone = 0
  for (const { leave } of crowds) gone += await leave()
  return { connections: count - gone, bytes: grown / count, megabytes: grown / 1e6, gone, ...further }
}

/** For the curve: `count` clients in the greet wait of a fresh server. */
export const heldBy = (setting: Setting, who: string, count: number): Promise<Round> =>
  withFreshServer(setting, { who }, (one) => heldMemory(one, count))
