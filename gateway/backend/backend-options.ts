// The settings of the backends: what the policy says, and what the process adds.
import type { Endpoint } from '../../crds/values/endpoint.ts'
import type { ConnectTcp } from '../sockets/tcp-socket.ts'
import type { Lookup } from './backend-names.ts'
import type { TargetState } from './load-balancing.ts'
import type { ProxyVersion, ProbeResult } from './backend-probe.ts'
import type { SharedKeywords } from './keyword-sharing.ts'
import type { SharedProbes } from './probe-sharing.ts'
import type { WatchOptions } from './relay-watch.ts'

export interface BackendOptions extends WatchOptions {
  /** Each with an address or a host name. */
  readonly addresses: readonly Endpoint[]
  readonly proxyProtocol: ProxyVersion
  readonly connectTimeoutMs: number
  readonly greetingTimeoutMs: number
  /** How long a client is held while no address accepts it. Default: 0. */
  readonly holdMs?: number
  /** How long an address that is new or works again gets fewer clients than the others. Default: 0. */
  readonly slowStartMs?: number
  /** Connections per second to one address. Default: no limit. */
  readonly connectRate?: number
  /**
   * How long an address may send nothing on a client's connection before another one is tried in parallel. Default: 1
   * s.
   */
  readonly patienceMs?: number
  /**
   * How often names are looked up again. Default: 2 s. 0: only by `refresh`, and there are no regular probes either.
   */
  readonly refreshMs?: number
  /**
   * How often each address is probed again. Default: 30 s. 0: no probes, every address counts as proven (for tests of
   * the relay alone).
   */
  readonly probeAfterMs?: number
  /** How long a client may be silent after its backend has ended the session. Default: 60 s. */
  readonly lingerMs?: number
  /** Whether this gateway itself listens there. */
  readonly isOwn?: (to: Endpoint) => boolean
  /** The other processes of this gateway. Default: none. */
  readonly shared?: SharedProbes
  readonly sharedKeywords?: SharedKeywords
  /** Whether sessions are continued at these addresses, so that their EHLO keywords matter. Default: no. */
  readonly learnsKeywords?: boolean
  /** How often each address is asked for its EHLO keywords. Default: 5 minutes. */
  readonly keywordIntervalMs?: number
  /** Called when the state of an address has changed; `why` is the reason of a failure. */
  readonly onChange?: (label: string, from: TargetState, to: TargetState, why: string | undefined) => void
  /** Called with the result of each probe by this process. */
  readonly onProbed?: (result: ProbeResult['is']) => void
  /** Monotonic time in milliseconds. */
  readonly now?: () => number
  readonly lookup?: Lookup
  readonly connect?: ConnectTcp
}
