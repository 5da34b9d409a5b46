// The options of a gateway process from the command line, which override the policy where both set something.
import type { PolicySpec, PostscreenPolicy } from '../../crds/schema/policy.schema.ts'
import type { Endpoint } from '../../crds/values/endpoint.ts'
import type { BanChannel } from '../bans/ban-sharing.ts'
import type { ProbeChannel } from '../backend/probe-sharing.ts'
import type { ReconnectMessage } from '../observability/live/reconnects.ts'
import type { ListChannel } from '../dns/list-sharing.ts'
import type { SpfChannel } from '../spf/spf-sharing.ts'
import type { Log } from '../observability/log.ts'
import type { NetworkChoice } from '../sockets/network.ts'

/** The number of this process among those that work as one gateway; the first is 1. */
export interface WorkerPlace {
  readonly number: number
  readonly of: number
}

/** Options of one gateway process. An empty list of endpoints means that the policy decides. */
export interface GatewayOptions {
  readonly policyFile: string
  /** Port 0 takes a free port. */
  readonly listen?: readonly Endpoint[]
  readonly backends?: readonly Endpoint[]
  /** The address `*` stands for all addresses of both families. Undefined: no admin server. */
  readonly admin?: Endpoint | undefined
  readonly resolvers?: readonly Endpoint[]
  /** The directory of the temporary allowlist. Default: in memory. */
  readonly dataDir?: string
  /** Which sockets to use. Default: auto. */
  readonly io?: NetworkChoice
  /** Start without a usable policy, and wait for one. */
  readonly awaitPolicy?: boolean
  /** Undefined: the only process of its gateway. */
  readonly worker?: WorkerPlace
  /** The other workers, of which one makes the probes of backends. */
  readonly backendProbes?: ProbeChannel
  /** The other workers, of which one tests the DNS lists. */
  readonly listTests?: ListChannel
  /** The other workers, which have the same bans. */
  readonly bans?: BanChannel
  /** The other workers, to which a client may come back. */
  readonly reconnects?: { readonly send: (message: ReconnectMessage) => void }
  /** The other workers, of which one reads the SPF records of senders. */
  readonly senders?: SpfChannel
  readonly log: Log
}

/** The DNS name of a Service. */
function serviceName(service: { readonly name: string; readonly namespace?: string | undefined }, namespace: string | undefined): string {
  const space = service.namespace ?? namespace
  return space === undefined ? service.name : `${service.name}.${space}.svc`
}

/** Where the gateway listens. */
export const listensOn = ({ listen = [] }: GatewayOptions, { listen: { addresses } }: PolicySpec): readonly Endpoint[] =>
  listen.length > 0 ? listen : addresses

/** The DNS servers; none: those of the system. */
export const resolversOf = ({ resolvers = [] }: GatewayOptions, { dnsbl }: PolicySpec): readonly Endpoint[] =>
  resolvers.length > 0 ? resolvers : dnsbl.resolvers

/** The mail servers. */
export function backendsOf({ backends = [] }: GatewayOptions, { metadata, spec }: PostscreenPolicy): readonly Endpoint[] {
  if (backends.length > 0) return backends
  const { addresses, service } = spec.backend
  return service === undefined ? (addresses ?? []) : [{ address: serviceName(service, metadata.namespace), port: service.port }]
}
