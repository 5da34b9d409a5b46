// What the address of a client means for its session: whether it is counted, deferred, and told to a mail server.
import type { Endpoint } from '../../../crds/values/endpoint.ts'
import type { Session } from '../session.ts'
import type { Turn } from '../turn.ts'
import type { AddressStanding } from './address-rules.ts'
import { strangerFor } from './stranger.ts'

/** The standing of the client's address, which does not change within a session. */
function standing(s: Session): AddressStanding {
  return (s.addressStanding ??= s.rules.clientAddress.standingOf(s.client.address))
}

/** Whether the policy defers clients whose own address is not known, and this is one. */
export function isDeferred(s: Session): boolean {
  if (s.rules.clientAddress.guard !== 'Defer') return false
  const { addresses } = s.screening
  switch (standing(s)) {
    case 'private':
      return true
    case 'listed':
      return addresses.arePrivateLost
    case 'public':
      return addresses.isLost(s.client.address)
    case 'expected':
      return false
  }
}

/**
 * What a PROXY header says about a client, if not its address. A mail server may relay mail for private addresses, so
 * it must not take a client of the internet for one of them. Without an address (LOCAL, UNKNOWN) Postfix would use the
 * gateway's own, with the same result.
 */
export function headerClient(s: Session): Endpoint | undefined {
  if (!s.rules.clientAddress.isTold || standing(s) !== 'private') return undefined
  return { address: strangerFor(s.client.address), port: s.client.port }
}

/** Logs once a session that its mail server is told another address. */
export function logHeaderClient(turn: Turn): void {
  const { session: s } = turn
  const named = s.strangerLogged ? undefined : headerClient(s)
  if (named === undefined) return
  s.strangerLogged = true
  turn.log({ event: 'CLIENT ADDRESS LOST', named: named.address })
}

/**
 * Counts the session's client once, as soon as it is clear that it is one: health checks that only connect leave before
 * they have sent anything.
 */
export function countAddress(turn: Turn, from: Session['phase']): void {
  const { session: s, now } = turn
  if (s.addressCounted) return
  s.addressCounted = true
  const hasOnlyConnected = from === 'early' && s.hungUp && s.failed === 0 && s.unread.length === 0
  const of = standing(s)
  if (hasOnlyConnected || of === 'expected') return
  const { addresses } = s.screening
  const change = addresses.saw({ address: s.client.address, isPrivate: of !== 'public', isRemembered: s.remembered !== undefined }, now)
  if (change === undefined) return
  const { loss, connections, addresses: frequent } = addresses.report
  turn.log({
    event: 'CLIENT ADDRESSES',
    change,
    connections,
    ...(loss !== undefined && { reason: loss.reason }),
    addresses: frequent.map(({ address }) => address),
  })
}
