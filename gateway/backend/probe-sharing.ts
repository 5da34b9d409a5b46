// What the processes of one gateway tell each other about backends: one of them makes the probes, the others learn the
// results.
import type { ProbeResult, ProxyVersion } from './backend-probe.ts'

/** What one process has learned about an address. */
export interface ProbeNews {
  readonly label: string
  /** The version that the probe used. A process whose policy does not have this version yet ignores the news. */
  readonly proxyProtocol: ProxyVersion
  readonly result: ProbeResult
}

/** The other processes of this gateway. */
export interface SharedProbes {
  /** Whether this process makes the probes. */
  readonly isProber: () => boolean
  /** Asks the process that makes the probes for a result. `urgent`: of a new probe, not of the last one. */
  readonly ask: (label: string, urgent: boolean) => void
  readonly tell: (news: ProbeNews) => void
}

/** What the processes send each other. */
export type ProbeMessage =
  | { readonly is: 'news'; readonly news: ProbeNews }
  | { readonly is: 'ask'; readonly label: string; readonly urgent: boolean }

/** The channel to the other processes. */
export interface ProbeChannel {
  readonly isProber: () => boolean
  readonly send: (message: ProbeMessage) => void
}

export function sharedProbes({ isProber, send }: ProbeChannel): SharedProbes {
  return { isProber, ask: (label, urgent) => send({ is: 'ask', label, urgent }), tell: (news) => send({ is: 'news', news }) }
}
