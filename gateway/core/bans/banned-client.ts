// What bans mean for one session: a failure counts for the client's network, and a banned client is refused before any
// test. postscreen has no bans.
import { decodeRecord, type Stamps } from '../allowlist-record.ts'
import { auditDrop, isAudited } from '../audit.ts'
import { finishAtOnce } from '../conclude.ts'
import { note } from '../outcome.ts'
import { bannedReply } from '../replies.ts'
import type { Session } from '../session.ts'
import { bit, indexOf, namesIn } from '../tests.ts'
import type { Turn } from '../turn.ts'
import type { ActiveBan } from './ban-table.ts'

/** The ban that applies to a client, unless the temporary allowlist knows it. The access list comes before bans. */
export function banOf({ rules, screening, client }: Session, now: number): ActiveBan | undefined {
  if (rules.bans === undefined || screening.bans.counts.active === 0) return undefined
  const found = screening.bans.find(rules.bans.networkOf(client.address), now)
  return found === undefined || rules.access.decide(client.address) === 'Permit' ? undefined : found
}

/**
 * Whether a client is remembered, so that no ban of its network applies to it: the passes of all enabled tests are
 * still valid. That of the DNS lists may have expired, since it is only valid for minutes.
 * @param second epoch seconds
 */
export function isRemembered({ rules: { enabled } }: Session, stamps: Readonly<Stamps>, second: number): boolean {
  const lasting = enabled & ~bit.dnsbl
  const isValid = (from: number, stamp = 0): boolean => stamp > 1 && from <= stamp
  if (lasting === 0) return isValid(second, stamps[indexOf.dnsbl])
  const hasListsPass = (enabled & bit.dnsbl) === 0 || isValid(0, stamps[indexOf.dnsbl])
  return hasListsPass && namesIn(lasting).every((test) => isValid(second, stamps[indexOf[test]]))
}

/** The stamps of a client that may have no record. */
export const stampsIn = (record: string | undefined): Readonly<Stamps> => (record === undefined ? [0, 0, 0, 0, 0] : decodeRecord(record))

/**
 * Refuses a banned client. The first visit of a ban is logged, the others are only counted.
 * @returns whether the session goes on, as it does in Audit mode
 */
export function refuseBanned(turn: Turn, active: ActiveBan): boolean {
  const { session: s } = turn
  const isFirst = s.screening.bans.visit(active)
  const { network, until, nth } = active.ban
  const record = { client: s.client, event: 'BANNED', network, until: Math.ceil(until / 1000), nth } as const
  note(s, record)
  turn.out.push({ do: isFirst ? 'log' : 'count', record })
  const reply = bannedReply(s.client.address)
  auditDrop(turn, reply)
  if (isAudited(s)) return true
  turn.send(reply)
  finishAtOnce(turn)
  return false
}

/** The session has failed: counts once for the client's network, and may lead to a ban of later sessions. */
export function countFailure(turn: Turn): void {
  const { session: s } = turn
  const { bans } = s.rules
  if (bans === undefined || s.failureCounted) return
  s.failureCounted = true
  const ban = s.screening.bans.fail(bans.networkOf(s.client.address), turn.now, bans)
  if (ban === undefined) return
  const { network, at, until, nth } = ban
  turn.log({ event: 'BAN', network, seconds: Math.round((until - at) / 1000), until: Math.ceil(until / 1000), nth })
}
