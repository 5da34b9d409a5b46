// Whether an address can be that of a client, and what mail servers are told about it.
import type { AddressStanding } from '../client-address/address-rules.ts'
import { strangerFor } from '../client-address/stranger.ts'
import type { Screening } from '../clients.ts'
import type { Rules } from '../rules.ts'

/** Plain data, as /explain gives it. */
export interface AddressExplanation {
  readonly standing: AddressStanding
  /** The address in a PROXY header for a mail server; null where there is no header. */
  readonly told: string | null
  /** The gateway has found that the clients with such an address are not what they seem. */
  readonly isLost: boolean
  readonly guard: 'Warn' | 'Defer'
}

/** @param address canonical */
export function explainAddress({ clientAddress }: Rules, { addresses }: Screening, address: string): AddressExplanation {
  const standing = clientAddress.standingOf(address)
  const told = standing === 'private' ? strangerFor(address) : address
  const isLost = standing === 'public' ? addresses.isLost(address) : standing !== 'expected' && addresses.arePrivateLost
  return { standing, told: clientAddress.isTold ? told : null, isLost, guard: clientAddress.guard }
}
