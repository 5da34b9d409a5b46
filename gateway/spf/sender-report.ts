// The senders of a policy as the status page and the log show them.
import { senderFault } from '../../crds/sender-fault.ts'
import { formatNetwork, type Network } from '../../crds/values/network.ts'
import { changeBetween, sizeOf } from '../core/spf/network-set.ts'
import type { SpfNote } from '../core/spf/expand-spf.ts'
import { type Sender, type SenderState, spfTimes, stateOf, unconfirmedSince } from '../core/spf/sender.ts'
import type { Log } from '../observability/log.ts'

/** One sender. Times in RFC 3339. */
export interface SenderReport {
  readonly domain: string
  readonly state: SenderState
  readonly networks: number
  readonly ipv4Addresses: number
  /** When all of its record was read last, and how long ago. If it never was: since when it cannot be read. */
  readonly goodAt: string | null
  readonly ageSeconds: number | null
  readonly nextAt: string
  /** What is wrong, and what stays permitted. A DNS failure does not count while the last result is in use. */
  readonly fault: string | null
  readonly problem: { readonly reason: string; readonly why: string; readonly since: string } | null
  /** A large change that waits for a second refresh. */
  readonly held: { readonly why: string; readonly since: string; readonly networks: number } | null
  /** Why its networks are not permitted, although they are known. */
  readonly leftOut: string | null
  readonly lookups: number
  readonly queries: number
  readonly unread: readonly SpfNote[]
  readonly refused: readonly SpfNote[]
  readonly notExpandable: readonly SpfNote[]
  readonly warnings: readonly SpfNote[]
}

const time = (epochMs: number): string => new Date(epochMs).toISOString()
/** A page with all notes of 50 senders would be too long; `postscreen spf` shows all. */
const notesShown = 10

/** @param now milliseconds since 1970 */
export function senderReport(sender: Sender, leftOut: string | undefined, now: number): SenderReport {
  const { domain, networks, goodAt, dueAt, problem, held, notes, lookups, queries } = sender
  const shown = (some: readonly SpfNote[]): readonly SpfNote[] => some.slice(0, notesShown)
  const state = stateOf(sender, now)
  const { reason = '', why = held?.why ?? '' } = problem ?? {}
  const readAt = unconfirmedSince(sender)
  const fault = senderFault({ state, networks: networks.length, reason, why, leftOut: leftOut ?? '' })
  return {
    domain,
    state,
    networks: networks.length,
    ipv4Addresses: sizeOf(networks).ipv4,
    goodAt: goodAt === 0 ? null : time(goodAt),
    ageSeconds: readAt === 0 ? null : Math.max(0, Math.round((now - readAt) / 1000)),
    nextAt: time(dueAt),
    fault: fault ?? null,
    problem: problem === undefined ? null : { ...problem, since: time(problem.since) },
    held: held === undefined ? null : { why: held.why, since: time(held.since), networks: held.networks.length },
    leftOut: leftOut ?? null,
    lookups,
    queries,
    unread: shown(notes.unread),
    refused: shown(notes.refused),
    notExpandable: shown(notes.notExpandable),
    warnings: shown(notes.warnings),
  }
}

const countOf = (networks: readonly Network[]): string => `${networks.length} network${networks.length === 1 ? '' : 's'}`

/** Logs what a refresh has changed. A refresh that changes nothing is not logged. */
export function logRefresh(log: Log, before: Sender, after: Sender): void {
  const { domain, networks, problem, held, notes } = after
  const { added, removed } = changeBetween(before.networks, networks)
  if (networks.length === 0 && before.networks.length > 0 && after.goodAt === 0)
    log.warning(
      `SPF of ${domain}: no result for ${spfTimes.keptMs / 86_400_000} days, so ${countOf(before.networks)} are no longer permitted`,
      {
        event: 'SPF EXPIRED',
        domain,
        networks: before.networks.length,
      },
    )
  else if (added + removed > 0)
    log.info(`SPF of ${domain}: ${countOf(networks)} permitted (${added} new, ${removed} gone)`, {
      event: 'SPF CHANGED',
      domain,
      networks: networks.length,
      added,
      removed,
      first: networks.slice(0, 3).map(formatNetwork),
    })
  if (problem !== undefined && problem.reason !== before.problem?.reason) {
    const kept = networks.length > 0 ? `${countOf(networks)} stay permitted` : 'nothing is permitted'
    log.warning(`SPF of ${domain}: ${problem.reason}: ${problem.why}; ${kept}`, {
      event: 'SPF FAILED',
      domain,
      reason: problem.reason,
      why: problem.why,
    })
  } else if (problem === undefined && before.problem !== undefined)
    log.info(`SPF of ${domain} is complete again`, { event: 'SPF COMPLETE', domain })
  if (held !== undefined && held.since !== before.held?.since)
    log.warning(`SPF of ${domain}: a large change waits for a second refresh (${held.why})`, { event: 'SPF HELD', domain, why: held.why })
  const left = [...notes.refused, ...notes.notExpandable]
  if (left.length > 0 && left.length !== before.notes.refused.length + before.notes.notExpandable.length)
    log.info(`SPF of ${domain}: ${left.length} terms are left out, such as ${left[0]?.term}: ${left[0]?.why}`, {
      event: 'SPF TERMS LEFT OUT',
      domain,
      refused: notes.refused.length,
      notExpandable: notes.notExpandable.length,
    })
}
