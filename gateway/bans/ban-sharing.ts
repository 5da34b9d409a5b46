// What the processes of one gateway tell each other about bans.
import type { BanNews } from '../core/bans/ban.ts'

export type BanMessage =
  | { readonly is: 'news'; readonly news: readonly BanNews[] }
  /** A process that has just started asks another one for all bans. */
  | { readonly is: 'ask' }

/** The channel to the other processes. */
export interface BanChannel {
  readonly send: (message: BanMessage) => void
}
