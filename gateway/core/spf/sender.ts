// What is known of one sender, a domain whose SPF record permits its networks, and what a refresh makes of it. The zone
// belongs to another party and may be wrong for an hour: so the last good result stays when the record cannot be read,
// and a large change must be there twice.
import type { Network } from '../../../crds/values/network.ts'
import type { SpfExpansion, SpfNote } from './expand-spf.ts'
import { normalized, type SetSize, sizeOf } from './network-set.ts'
import { type SpfBounds, whyTooLarge } from './spf-bounds.ts'

const hour = 3_600_000
const day = 24 * hour

/**
 * How often a sender is read. A pause is up to 20 % shorter or longer, so that gateways do not ask at the same moment.
 */
export const spfTimes = {
  shortestMs: hour,
  longestMs: day,
  /** After a failure; doubled each time. */
  firstRetryMs: 300_000,
  longestRetryMs: hour,
  /** A large change must still be there after this time. */
  confirmMs: 6 * hour,
  /** From here on the result is called stale. */
  staleMs: day,
  /** A result that could not be confirmed for this time is dropped. */
  keptMs: 7 * day,
} as const

export interface SpfNotes {
  readonly unread: readonly SpfNote[]
  readonly refused: readonly SpfNote[]
  readonly notExpandable: readonly SpfNote[]
  readonly warnings: readonly SpfNote[]
}

/** Times in milliseconds since 1970. */
export interface Sender {
  readonly domain: string
  /** What is permitted. */
  readonly networks: readonly Network[]
  /** When all of it was read last; 0: never. */
  readonly goodAt: number
  readonly triedAt: number
  readonly dueAt: number
  /** Refreshes in a row that did not read everything. */
  readonly failures: number
  /** Why the last refresh did not read everything. */
  readonly problem: { readonly reason: SenderProblem; readonly why: string; readonly since: number } | undefined
  /** A large change that waits for a second refresh. */
  readonly held: { readonly networks: readonly Network[]; readonly since: number; readonly why: string } | undefined
  /** Of the last refresh that had a result. */
  readonly notes: SpfNotes
  readonly lookups: number
  readonly queries: number
}

export type SenderProblem = NonNullable<SpfExpansion['failed']>['reason'] | 'PartlyUnread'

export interface RefreshTime {
  /** Milliseconds since 1970. */
  readonly now: number
  /** The longest pause. */
  readonly refreshMs: number
  /** From 0 to 1. */
  readonly random: number
}

const noNotes: SpfNotes = { unread: [], refused: [], notExpandable: [], warnings: [] }

/** A sender that has not been read yet. @param dueAt when it will be */
export const newSender = (domain: string, dueAt: number): Sender => ({
  domain,
  networks: [],
  goodAt: 0,
  triedAt: 0,
  dueAt,
  failures: 0,
  problem: undefined,
  held: undefined,
  notes: noNotes,
  lookups: 0,
  queries: 0,
})

/** What the sender is after a refresh. */
export function afterRefresh(before: Sender, expansion: SpfExpansion, bounds: SpfBounds, time: RefreshTime): Sender {
  const { failed, unread, refused, notExpandable, warnings, lookups, queries } = expansion
  const base = dropOld(before, time.now)
  const tried = { ...base, triedAt: time.now, lookups, queries }
  if (failed !== undefined) return withProblem(tried, failed, time)
  const isComplete = unread.length === 0
  const networks = isComplete ? expansion.networks : normalized([...base.networks, ...expansion.networks])
  const tooLarge = whyTooLarge(sizeOf(networks), bounds.ofSender)
  if (tooLarge !== undefined) return withProblem(tried, { reason: 'TooLarge', why: tooLarge }, time)
  const known = { ...tried, notes: { unread, refused, notExpandable, warnings } }
  const change = whyHeld(base, networks)
  const next =
    change === undefined || isConfirmed(base, networks, time.now)
      ? { ...known, networks, held: undefined }
      : hold(known, networks, change, time)
  const [note] = unread
  if (note !== undefined) {
    const why = `${note.term}: ${note.why}`
    // What was never read completely is used, but a complete result must not count as a large change.
    return withProblem(next, { reason: 'PartlyUnread', why }, time)
  }
  return {
    ...next,
    goodAt: next.held === undefined ? time.now : base.goodAt,
    failures: 0,
    problem: undefined,
    dueAt: dueAfter(next, expansion.ttl, time),
  }
}

/**
 * Since when the result has not been confirmed: from the last complete one, or since there is only a part of it.
 * Milliseconds since 1970; 0: there is neither.
 */
export const unconfirmedSince = ({ goodAt, problem }: Sender): number => (goodAt === 0 ? (problem?.since ?? 0) : goodAt)

/** What has not been confirmed for a long time is not permitted any more. */
function dropOld(sender: Sender, now: number): Sender {
  const isOld = sender.networks.length > 0 && now - unconfirmedSince(sender) >= spfTimes.keptMs
  return isOld ? { ...sender, networks: [], goodAt: 0, held: undefined } : sender
}

const spread = (ms: number, random: number): number => ms * (0.8 + 0.4 * random)

function withProblem(
  sender: Sender,
  { reason, why }: { readonly reason: SenderProblem; readonly why: string },
  { now, random }: RefreshTime,
): Sender {
  const failures = sender.failures + 1
  const pause = Math.min(spfTimes.firstRetryMs * 2 ** Math.min(failures - 1, 10), spfTimes.longestRetryMs)
  const since = sender.problem?.reason === reason ? sender.problem.since : now
  return { ...sender, failures, problem: { reason, why, since }, dueAt: now + spread(pause, random) }
}

/** A change that is held is read again when it can be confirmed. */
function dueAfter({ held }: Sender, ttl: number | undefined, { now, refreshMs, random }: RefreshTime): number {
  const wanted = Math.min(refreshMs, ttl === undefined ? refreshMs : ttl * 1000)
  const pause = Math.min(Math.max(wanted, spfTimes.shortestMs), spfTimes.longestMs)
  if (held === undefined) return now + spread(pause, random)
  return Math.max(held.since + spfTimes.confirmMs, now + spfTimes.firstRetryMs) + random * spfTimes.firstRetryMs
}

function hold(sender: Sender, networks: readonly Network[], why: string, { now }: RefreshTime): Sender {
  const { held } = sender
  const isSame = held !== undefined && largeChange(held.networks, networks) === undefined
  return { ...sender, held: { networks, since: isSame ? held.since : now, why } }
}

/** Why a result does not take the place of the last good one at once. */
function whyHeld({ networks, goodAt }: Sender, next: readonly Network[]): string | undefined {
  return goodAt === 0 || networks.length === 0 ? undefined : largeChange(networks, next)
}

const isConfirmed = ({ held }: Sender, networks: readonly Network[], now: number): boolean =>
  held !== undefined && now - held.since >= spfTimes.confirmMs && largeChange(held.networks, networks) === undefined

/** A family that had fewer addresses counts as if it had these: a /24 of IPv4, a /48 of IPv6. */
const smallest = { ipv4: 256, ipv6: 65_536 }
const growth = 3

/** The reason, if another set is much smaller or larger. */
export function largeChange(before: readonly Network[], after: readonly Network[]): string | undefined {
  const [old, now] = [sizeOf(before), sizeOf(after)]
  if (old.networks > 0 && now.networks === 0) return `no network instead of ${old.networks}`
  if (now.networks < old.networks / 2 && lostHalf(old, now)) return `${now.networks} networks instead of ${old.networks}`
  if (now.ipv4 > growth * Math.max(old.ipv4, smallest.ipv4)) return `${now.ipv4} IPv4 addresses instead of ${old.ipv4}`
  if (now.ipv6 > growth * Math.max(old.ipv6, smallest.ipv6)) return `${now.ipv6} IPv6 networks (/64) instead of ${old.ipv6}`
  return undefined
}

/** Of one family, the set has lost more than half of the addresses. */
const lostHalf = (old: SetSize, now: SetSize): boolean => (['ipv4', 'ipv6'] as const).some((family) => now[family] < old[family] / 2)

export type SenderState = 'Waiting' | 'Current' | 'Held' | 'Failing' | 'Stale' | 'NotExpandable' | 'Empty'

/** The state in one word. */
export function stateOf(sender: Sender, now: number): SenderState {
  const { networks, triedAt, problem, held, notes } = sender
  if (triedAt === 0) return 'Waiting'
  if (problem !== undefined) return now - unconfirmedSince(sender) >= spfTimes.staleMs ? 'Stale' : 'Failing'
  if (held !== undefined) return 'Held'
  if (networks.length > 0) return 'Current'
  return notes.notExpandable.length > 0 ? 'NotExpandable' : 'Empty'
}

/** What the senders of a policy permit together. */
export interface PermittedNetworks {
  readonly networks: ReadonlyMap<string, readonly Network[]>
  /** Domains whose networks would be too many, with the reason. */
  readonly leftOut: ReadonlyMap<string, string>
}

/** @param senders in the order of the policy: the last ones are left out if all together are too many */
export function permittedBy(senders: readonly Pick<Sender, 'domain' | 'networks'>[], { ofPolicy }: SpfBounds): PermittedNetworks {
  const networks = new Map<string, readonly Network[]>()
  const leftOut = new Map<string, string>()
  let total: SetSize = { networks: 0, ipv4: 0, ipv6: 0 }
  for (const sender of senders) {
    const size = sizeOf(sender.networks)
    const sum = { networks: total.networks + size.networks, ipv4: total.ipv4 + size.ipv4, ipv6: total.ipv6 + size.ipv6 }
    const why = whyTooLarge(sum, ofPolicy)
    if (why === undefined) total = sum
    if (why === undefined) networks.set(sender.domain, sender.networks)
    else leftOut.set(sender.domain, `all senders of the policy together have ${why}`)
  }
  return { networks, leftOut }
}
