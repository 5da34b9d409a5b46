// What the processes of one gateway tell each other about DNS lists: one of them makes the tests, the others learn the
// results.
import type { HealthState } from './list-health.ts'
import type { Suspicion } from './list-share.ts'
import type { ResolverState } from './list-verdict.ts'

/** The state of one list after a test. */
export interface ListNews {
  /** The list; see listName. */
  readonly list: string
  readonly IPv4: HealthState
  readonly IPv6: HealthState | undefined
  readonly resolver: ResolverState
  /** Until the next test. */
  readonly dueInMs: number
}

export type ListMessage =
  | { readonly is: 'news'; readonly news: ListNews }
  /** Asks for the state of all lists. */
  | { readonly is: 'ask' }
  /** A list lists a suspicious share of clients, or a usual one again. */
  | { readonly is: 'share'; readonly list: string; readonly suspicion: Suspicion | undefined }
  /** The answers of a list to clients raise a doubt. `client`: one of them, if its answer should be checked. */
  | { readonly is: 'doubt'; readonly list: string; readonly client: string | undefined }

/** The channel to the other processes. */
export interface ListChannel {
  /** Whether this process makes the tests. */
  readonly isTester: () => boolean
  readonly send: (message: ListMessage) => void
}

/** A process without others. */
export const alone: ListChannel = { isTester: () => true, send: () => undefined }

/** Identifies a list in all processes with the same policy. It does not contain the key. */
export const listName = ({ domain, account }: { readonly domain: string; readonly account?: number }): string =>
  account === undefined ? domain : `${domain} ${account}`
