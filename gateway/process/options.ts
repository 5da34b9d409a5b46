// The options of a gateway process from the command line, which override the policy where both set something.
import type { PolicySpec, PostscreenPolicy } from '../../crds/schema/policy.schema.ts'
import { type Endpoint, parseEndpoint, readHostPort, readResolver } from '../../crds/values/endpoint.ts'
import { type Read, valueOf } from '../../crds/values/read.ts'
import type { ProbeChannel } from '../backend/probe-sharing.ts'
import type { Log } from '../observability/log.ts'
import type { NetworkChoice } from '../sockets/network.ts'

/** The number of this process among those that work as one gateway; the first is 1. */
export interface WorkerPlace {
  readonly number: number
  readonly of: number
}

/** Options of one gateway process. Addresses are texts of the form ADDR:PORT or HOST:PORT. */
export interface GatewayOptions {
  readonly policyFile: string
  readonly listen?: readonly string[]
  readonly backends?: readonly string[]
  /** `*:PORT` stands for all addresses of both families. */
  readonly admin?: string
  readonly resolvers?: readonly string[]
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
  readonly log: Log
}

/** The DNS name of a Service. */
function serviceName(service: { readonly name: string; readonly namespace?: string | undefined }, namespace: string | undefined): string {
  const space = service.namespace ?? namespace
  return space === undefined ? service.name : `${service.name}.${space}.svc`
}

/**
 * Endpoints that the command line gives; undefined where it gives none. Throws for a text that is refused, which the
 * command line has reported before.
 */
const given = (texts: readonly string[] | undefined, read: (text: string) => Read<Endpoint>): readonly Endpoint[] | undefined =>
  texts === undefined || texts.length === 0 ? undefined : texts.map((text) => valueOf(read(text)))

/** Where the gateway listens. Port 0, for the command line only, takes a free port. */
export const listensOn = ({ listen }: GatewayOptions, { listen: { addresses } }: PolicySpec): readonly Endpoint[] =>
  given(listen, readListenFlag) ?? addresses

/** The DNS servers; none: those of the system. */
export const resolversOf = ({ resolvers }: GatewayOptions, { dnsbl }: PolicySpec): readonly Endpoint[] =>
  given(resolvers, readResolver) ?? dnsbl.resolvers

/** The mail servers. */
export function backendsOf({ backends }: GatewayOptions, { metadata, spec }: PostscreenPolicy): readonly Endpoint[] {
  const { addresses, service } = spec.backend
  const ofPolicy = service === undefined ? (addresses ?? []) : [{ address: serviceName(service, metadata.namespace), port: service.port }]
  return given(backends, readHostPort) ?? ofPolicy
}

/** `ADDR:PORT` of the command line, where the port may be 0 and a name of this machine may stand for its address. */
function readListenFlag(text: string): Read<Endpoint> {
  const value = parseEndpoint(text)
  return value === undefined
    ? { why: `${JSON.stringify(text)} is not of the form ADDR:PORT, such as 192.0.2.1:25 or [2001:db8::1]:25` }
    : { value }
}
