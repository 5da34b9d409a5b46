// The ban of a client's network, and the failures that may lead to one.
import type { Screening } from '../clients.ts'
import type { Rules } from '../rules.ts'

/** Plain data, as /explain gives it. Times in epoch seconds. */
export interface BanExplanation {
  /** The network of the client that is banned, or would be. */
  readonly network: string
  readonly isBanned: boolean
  readonly since?: number
  readonly until?: number
  /** Which ban of this network it is. */
  readonly nth?: number
  readonly by?: 'gateway' | 'administrator'
  /** Failed sessions that count towards the next ban, and how many are a ban. */
  readonly failures: number
  readonly after: number
}

/** Undefined when the policy has no bans. `now` in epoch milliseconds. */
export function explainBan({ bans }: Rules, screening: Screening, address: string, now: number): BanExplanation | undefined {
  if (bans === undefined) return undefined
  const network = bans.networkOf(address)
  const failures = screening.bans.failuresOf(network, now, bans)
  const found = screening.bans.find(network, now)
  const known = { network, failures, after: bans.after }
  if (found === undefined) return { ...known, isBanned: false }
  const { at, until, nth, by } = found.ban
  return { ...known, isBanned: true, since: Math.floor(at / 1000), until: Math.ceil(until / 1000), nth, by }
}
