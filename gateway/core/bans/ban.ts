// The words of bans: what a policy says about them, a ban, and what gateways tell each other.

/** A policy's bans. Times in milliseconds. */
export interface BanRules {
  /** This many failures… */
  readonly after: number
  /** …within this time are a ban. */
  readonly withinMs: number
  /** How long the first ban of a network lasts. */
  readonly forMs: number
  /** Each further ban lasts this many times as long as the one before… */
  readonly growth: number
  /** …but not longer than this. A network that has not been banned for this time begins again with `forMs`. */
  readonly maxMs: number
  /** The network of an address, in canonical text: what is banned. */
  readonly networkOf: (address: string) => string
}

/** A network that is refused. Times in epoch milliseconds. */
export interface Ban {
  /** An address, or a network such as `2001:db8::/64`. */
  readonly network: string
  /** When it was made. */
  readonly at: number
  readonly until: number
  /** The first ban of a network is 1. The length of the next one follows from it. */
  readonly nth: number
  readonly by: 'gateway' | 'administrator'
}

/** A change that the other processes and gateways must learn. `at` in epoch milliseconds: the latest one holds. */
export type BanNews =
  | { readonly is: 'ban'; readonly ban: Ban }
  | { readonly is: 'removed'; readonly network: string; readonly at: number }
  | { readonly is: 'failure'; readonly network: string; readonly at: number }
