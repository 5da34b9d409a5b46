// What the command line gives the gateway besides its policy; where both say something, the command line wins.
import type { PostscreenPolicy } from '../../crds/schema/policy.schema.ts'
import type { ProbeChannel } from '../backend/probe-sharing.ts'
import type { Log } from '../observability/log.ts'

/** Which of the processes that are one gateway together this is; the first is number 1. */
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
  /** Where the temporary allowlist lives; in memory when left out. */
  readonly dataDir?: string
  /** Start without a policy that can be used, and wait for one. */
  readonly awaitPolicy?: boolean
  /** Left out: it is alone. */
  readonly worker?: WorkerPlace
  /** The other workers, of which one makes the probes of backends. */
  readonly backendProbes?: ProbeChannel
  readonly log: Log
}

/** Where Kubernetes finds a Service. */
function serviceName(service: { readonly name: string; readonly namespace?: string | undefined }, namespace: string | undefined): string {
  const space = service.namespace ?? namespace
  return space === undefined ? service.name : `${service.name}.${space}.svc`
}

/** HOST:PORT texts of the backends. */
export function backendAddresses({ backends }: GatewayOptions, { metadata, spec }: PostscreenPolicy): readonly string[] {
  if (backends !== undefined && backends.length > 0) return backends
  const { addresses, service } = spec.backend
  if (service === undefined) return addresses ?? []
  return [`${serviceName(service, metadata.namespace)}:${service.port}`]
}
