// The settings of the backends: what the policy says, and what the process adds.
import type { Endpoint } from '../../crds/values/endpoint.ts'
import type { ConnectTcp } from '../sockets/tcp-socket.ts'
import type { Lookup } from './backend-names.ts'
import type { TargetState } from './load-balancing.ts'
import type { ProxyVersion, ProbeResult } from './backend-probe.ts'
import type { SharedProbes } from './probe-sharing.ts'
import type { WatchOptions } from './relay-watch.ts'

export interface BackendOptions extends WatchOptions {
  /** Each with an address or a host name. */
  readonly addresses: readonly Endpoint[]
  readonly proxyProtocol: ProxyVersion
  readonly connectTimeoutMs: number
  readonly greetingTimeoutMs: number
  /** How long a client is held while no address takes it. 0 when left out. */
  readonly holdMs?: number
  /** For how long an address that is new or works again gets fewer clients than the others. 0 when left out. */
  readonly slowStartMs?: number
  /** Connections per second to one address. No limit when left out. */
  readonly connectRate?: number
  /** How long an address that has taken a client's connection may say nothing before another one is asked too. 1 s when left out. */
  readonly patienceMs?: number
  /** How often names are looked up again. 2 s when left out; 0: only by `refresh`, and no probe is made either. */
  readonly refreshMs?: number
  /** How often each address is proven anew. 30 s when left out. 0: no probes, every address counts as proven (tests of the relay alone). */
  readonly probeAfterMs?: number
  /** How long a client may stay silent when its backend has ended the session. 60 s when left out. */
  readonly lingerMs?: number
  /** Whether this gateway itself listens there. */
  readonly isOwn?: (to: Endpoint) => boolean
  /** What other processes of this gateway learn and are to learn. Left out: it is alone. */
  readonly shared?: SharedProbes
  /** Told when an address is in another state; `why` is the reason of a failure. */
  readonly onChange?: (label: string, from: TargetState, to: TargetState, why: string | undefined) => void
  /** Told how each probe has ended that this process has made. */
  readonly onProbed?: (result: ProbeResult['is']) => void
  /** Milliseconds that only go forward. */
  readonly now?: () => number
  readonly lookup?: Lookup
  readonly connect?: ConnectTcp
}
