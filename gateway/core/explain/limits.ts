// The limits of a policy, and how far the gateway is from them now.
import { connectionsOf, type Screening } from '../clients.ts'
import type { Rules } from '../rules.ts'

/** A limit and what counts towards it now. */
export interface LimitExplanation {
  readonly field: string
  readonly now: number
  /** 0: no limit. */
  readonly limit: number
}

/** The limits that apply to a client at this address. */
export function limitsOf(rules: Rules, screening: Screening, address: string): readonly LimitExplanation[] {
  const key = rules.allowlistKey(address)
  const state = screening.clients.get(key)
  const own = state === undefined ? (screening.relays.get(key) ?? 0) : connectionsOf(screening, state)
  const { connectionsPerClient, preQueue, postQueue } = rules.limits
  return [
    { field: 'limits.connectionsPerClient', now: own, limit: connectionsPerClient },
    { field: 'limits.preQueue', now: screening.checkQueue - screening.postQueue, limit: preQueue },
    { field: 'limits.postQueue', now: screening.postQueue, limit: postQueue },
  ]
}
