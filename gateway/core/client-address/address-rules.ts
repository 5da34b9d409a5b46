// What a policy says about client addresses: which are expected, and which cannot be those of clients on the internet.
import type { PolicySpec } from '../../../crds/schema/policy.schema.ts'
import { privateNetworks } from '../../../crds/values/private-networks.ts'
import type { AccessList } from '../access-list.ts'
import { compileAddressTable } from '../address-table.ts'

/**
 * `expected`: clientAddress.internal has it, or it is public and in the access list. `private`: no client on the
 * internet has it, so a load balancer or node has put it in place of the client's. `listed`: the same, but a rule of
 * the access list admits it. A site permits its own networks there, with the nodes of its cluster in them, so such an
 * address is told to mail servers, but may still show that addresses are lost. `public`: all others.
 */
export type AddressStanding = 'expected' | 'listed' | 'private' | 'public'

/** The part of a policy about client addresses, as sessions use it. */
export interface ClientAddressRules {
  readonly guard: 'Warn' | 'Defer'
  /** Whether mail servers are told the addresses of clients. */
  readonly isTold: boolean
  /** @param address canonical */
  readonly standingOf: (address: string) => AddressStanding
}

/**
 * A rule that rejects a network does not make its addresses expected: with denylist.action Ignore such a client may
 * still reach a mail server.
 */
export function clientAddressRules({ clientAddress, backend }: PolicySpec, access: AccessList): ClientAddressRules {
  const table = compileAddressTable([{ networks: clientAddress.internal }, { networks: privateNetworks }])
  const isInAccess = (address: string): boolean => {
    const decision = access.find(address)?.decision
    return decision === 'Permit' || decision === 'Dunno'
  }
  return {
    guard: clientAddress.guard,
    isTold: backend.proxyProtocol !== 'None',
    standingOf(address) {
      const found = table.lookup(address)
      if (found === 0) return 'expected'
      const isPrivate = found > 0
      if (isInAccess(address)) return isPrivate ? 'listed' : 'expected'
      return isPrivate ? 'private' : 'public'
    },
  }
}
