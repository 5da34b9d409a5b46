// What the processes of one gateway tell each other about backends: one of them makes the probes, the others learn the
// results.
import type { ProbeResult, ProxyVersion } from './backend-probe.ts'
import type { ClientFamily } from './client-family.ts'
import type { KeywordNews, SharedKeywords } from './keyword-sharing.ts'

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
  | { readonly is: 'keywords'; readonly news: KeywordNews }
  | { readonly is: 'family'; readonly family: ClientFamily }

/** The channel to the other processes. */
export interface ProbeChannel {
  readonly isProber: () => boolean
  readonly send: (message: ProbeMessage) => void
}

export function sharedProbes({ isProber, send }: ProbeChannel): SharedProbes {
  return { isProber, ask: (label, urgent) => send({ is: 'ask', label, urgent }), tell: (news) => send({ is: 'news', news }) }
}

export function sharedKeywords({ send }: ProbeChannel): SharedKeywords {
  return { tell: (news) => send({ is: 'keywords', news }), want: (family) => send({ is: 'family', family }) }
}
