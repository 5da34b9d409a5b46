// What the processes of one gateway tell each other about the EHLO keywords of backends: the prober asks for them, and
// the sessions of each process learn more.
import type { Promisable } from '../core/ehlo-keywords-offered.ts'
import type { ProxyVersion } from './backend-probe.ts'
import type { ClientFamily } from './client-family.ts'
import type { GreetingManner } from './keyword-probe.ts'
import type { KeywordSource } from './target-keywords.ts'

/** What one process has learned about the keywords of an address. */
export interface KeywordNews {
  readonly label: string
  /** The version that was used. A process whose policy does not have this version yet ignores the news. */
  readonly proxyProtocol: ProxyVersion
  readonly family: ClientFamily
  readonly names: readonly Promisable[]
  readonly size: number
  readonly by: KeywordSource
  readonly greeting: GreetingManner
}

/** The other processes of this gateway. */
export interface SharedKeywords {
  readonly tell: (news: KeywordNews) => void
  /** Clients of this family have come: the prober should ask for their keywords. */
  readonly want: (family: ClientFamily) => void
}
