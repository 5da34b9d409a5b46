// The servers under load: the gateway as it is shipped, a real postscreen, HAProxy; what all processes of each have used.
import type { BuiltProgram } from '../laboratory/built-program.ts'
import { gatewayFlags } from '../laboratory/gateway-flags.ts'
import { cpuMicrosOfTree, residentBytesOfTree } from '../laboratory/process-use.ts'
import { type GatewayProcess, startGatewayProcess } from '../peers/gateway.ts'
import { type Haproxy, startHaproxy } from '../peers/haproxy.ts'
import { type Postfix, type PostfixOptions, startPostfix } from '../peers/postfix.ts'
import type { Setting } from './bench-case.ts'

/** A server under load. */
export interface Server {
  readonly port: number
  /** Words in the command line of its first process; the others are below it. */
  readonly words: string
  /** Microseconds of user and system time of the whole tree, logging included. */
  cpu(): number
  /** Resident memory of the whole tree. */
  resident(): number
}

function server(port: number, words: string): Server {
  return { port, words, cpu: () => cpuMicrosOfTree(words), resident: () => residentBytesOfTree(words) }
}

export interface GatewaySetting {
  readonly spec: object
  readonly flags?: readonly string[]
  /** Beyond those that it is shipped with. */
  readonly nodeFlags?: readonly string[]
  /** Instead of the sources. */
  readonly program?: BuiltProgram
}

export interface GatewayServer extends Server {
  readonly process: GatewayProcess
  stop(): Promise<void>
}

/** Flags of a gateway that uses the sockets of Node instead of those of Linux. */
export const onNodeSockets = ['--io', 'node']

/** With the options of Node and the log format of `npm run postscreen`, its log in a file. */
export async function gatewayServer(
  setting: Setting,
  { spec, flags = [], nodeFlags = [], program }: GatewaySetting,
): Promise<GatewayServer> {
  const process = await startGatewayProcess({
    spec,
    flags,
    logFormat: setting.logFormat,
    nodeFlags: [...gatewayFlags, ...nodeFlags],
    ...(program !== undefined && { program }),
  })
  // Only the gateway's own command line has its folder in it.
  return { ...server(process.port, process.folder), process, stop: () => process.stop() }
}

export interface PostscreenServer extends Server {
  readonly postfix: Postfix
  stop(): Promise<void>
}

/** A Postfix with one screen of that name, its log in a file. */
export async function postscreenServer(
  name: string,
  options: Omit<PostfixOptions, 'screens'>,
  mainCf: Readonly<Record<string, string>>,
): Promise<PostscreenServer> {
  const postfix = await startPostfix({ ...options, screens: [{ name, mainCf }] })
  return { ...server(postfix.ports.get(name) ?? 0, postfix.folder), postfix, stop: () => postfix.stop() }
}

export interface HaproxyServer extends Server {
  stop(): Promise<void>
}

/** HAProxy in TCP mode. It logs nothing. */
export async function haproxyServer(backendPort: number): Promise<HaproxyServer> {
  const haproxy: Haproxy = await startHaproxy(backendPort)
  return { ...server(haproxy.port, haproxy.folder), stop: () => haproxy.stop() }
}
