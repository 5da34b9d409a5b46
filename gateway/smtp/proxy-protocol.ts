// Which peers must send a PROXY header.
import { compileAddressTable } from '../core/address-table.ts'
import type { Network } from '../../crds/values/network.ts'

/**
 * `TrustedNetworks`: these peers must send a header; all others are clients themselves, and what they send is never
 * read as a header.
 */
export interface ProxyProtocolRule {
  readonly mode: 'None' | 'Required' | 'TrustedNetworks'
  readonly trustedNetworks: readonly Network[]
}

/** Compiles the rule into a function that is called for every connection: whether this peer must send a header. */
export function headerRequirement(rule: ProxyProtocolRule): (peerAddress: string) => boolean {
  if (rule.mode !== 'TrustedNetworks') return () => rule.mode === 'Required'
  return addressesIn(rule.trustedNetworks)
}

/** Compiles networks into a function that tells whether they contain an address. */
export function addressesIn(networks: readonly Network[]): (address: string) => boolean {
  // Called for every connection: an empty list should cost nothing.
  if (networks.length === 0) return () => false
  const table = compileAddressTable([{ networks }])
  return (address) => table.lookup(address) >= 0
}
