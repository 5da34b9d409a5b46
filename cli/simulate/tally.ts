// Counts the sessions of a simulation: what changes, by reason and by address, and what is not known.
import type { Why } from './doubt.ts'
import type { LoggedSession } from './logged-session.ts'
import type { Outcome, Reason, Verdict } from './outcome.ts'
import type { Replayed } from './replayed-session.ts'

/** Sessions that change in the same way for the same reason. */
export interface Change {
  readonly from: Outcome
  readonly to: Outcome
  /** Why they are refused or deferred now; for clients that were refused or deferred before, why they were. */
  readonly by: Reason | undefined
  readonly sessions: number
  /** Distinct addresses; undefined when there were too many to count. */
  readonly addresses: number | undefined
  /** Those with the most sessions, first the most. */
  readonly examples: readonly { readonly address: string; readonly sessions: number }[]
}

export interface Unknown {
  readonly why: string
  readonly sessions: number
}

export interface Minute {
  /** Epoch milliseconds at which it begins. */
  readonly at: number
  readonly sessions: number
  readonly refusedBefore: number
  readonly refusedAfter: number
}

export interface Result {
  readonly sessions: number
  readonly before: Readonly<Record<Outcome, number>>
  readonly after: Readonly<Record<Outcome, number>>
  readonly unchanged: number
  readonly changed: number
  /** Sessions of clients that were handed off and would not be. */
  readonly lost: number
  readonly changes: readonly Change[]
  readonly unknown: readonly Unknown[]
  readonly minutes: readonly Minute[]
  readonly firstAt: number | undefined
  readonly lastAt: number | undefined
}

/** Addresses that are counted for one kind of change. */
const mostAddresses = 10_000
/** A week; later minutes are not counted one by one. */
const mostMinutes = 10_080
const minuteMs = 60_000
const mostReasons = 1000

interface Counted {
  readonly from: Outcome
  readonly to: Outcome
  readonly by: Reason | undefined
  sessions: number
  readonly addresses: Map<string, number>
  isFull: boolean
}

type MutableMinute = { -readonly [K in keyof Minute]: Minute[K] }

const none = (): Record<Outcome, number> => ({ 'handed off': 0, deferred: 0, refused: 0, left: 0 })

export class Tally {
  readonly #before = none()
  readonly #after = none()
  readonly #changes = new Map<string, Counted>()
  readonly #unknown = new Map<string, number>()
  readonly #minutes = new Map<number, MutableMinute>()
  #sessions = 0
  #unchanged = 0
  #firstAt: number | undefined
  #lastAt: number | undefined

  get sessions(): number {
    return this.#sessions
  }

  /** Takes what became of a session, and what would have. */
  take({ client, time }: LoggedSession, before: Replayed | undefined, after: Replayed): void {
    this.#sessions++
    this.#firstAt = Math.min(this.#firstAt ?? time, time)
    this.#lastAt = Math.max(this.#lastAt ?? time, time)
    const minute = this.#minuteOf(time)
    if (minute !== undefined) minute.sessions++
    if (before === undefined || 'unknown' in before) return this.#countUnknown(before?.unknown ?? { is: 'end' })
    if ('unknown' in after) return this.#countUnknown(after.unknown)
    this.#before[before.outcome]++
    this.#after[after.outcome]++
    if (minute !== undefined && before.outcome === 'refused') minute.refusedBefore++
    if (minute !== undefined && after.outcome === 'refused') minute.refusedAfter++
    if (before.outcome === after.outcome) this.#unchanged++
    else this.#countChange(client.address, before, after)
  }

  #minuteOf(time: number): MutableMinute | undefined {
    const at = Math.floor(time / minuteMs) * minuteMs
    const known = this.#minutes.get(at)
    if (known !== undefined || this.#minutes.size >= mostMinutes) return known
    const minute = { at, sessions: 0, refusedBefore: 0, refusedAfter: 0 }
    this.#minutes.set(at, minute)
    return minute
  }

  #countUnknown(why: Why): void {
    const text = wordsOf(why)
    const key = this.#unknown.has(text) || this.#unknown.size < mostReasons ? text : 'other reasons'
    this.#unknown.set(key, (this.#unknown.get(key) ?? 0) + 1)
  }

  #countChange(address: string, before: Verdict, after: Verdict): void {
    const by = after.by ?? before.by
    const key = `${before.outcome} ${after.outcome} ${by}`
    let change = this.#changes.get(key)
    if (change === undefined) {
      change = { from: before.outcome, to: after.outcome, by, sessions: 0, addresses: new Map(), isFull: false }
      this.#changes.set(key, change)
    }
    change.sessions++
    const { addresses } = change
    if (addresses.has(address) || addresses.size < mostAddresses) addresses.set(address, (addresses.get(address) ?? 0) + 1)
    else change.isFull = true
  }

  /** @param mostExamples addresses for each kind of change */
  result(mostExamples: number): Result {
    const changes = [...this.#changes.values()].map((change) => changeOf(change, mostExamples)).toSorted(byWeight)
    const changed = sum(changes)
    return {
      sessions: this.#sessions,
      before: this.#before,
      after: this.#after,
      unchanged: this.#unchanged,
      changed,
      lost: sum(changes.filter(({ from }) => from === 'handed off')),
      changes,
      unknown: [...this.#unknown].map(([why, sessions]) => ({ why, sessions })).toSorted((a, b) => b.sessions - a.sessions),
      minutes: [...this.#minutes.values()].toSorted((a, b) => a.at - b.at),
      firstAt: this.#firstAt,
      lastAt: this.#lastAt,
    }
  }
}

const sum = (changes: readonly Change[]): number => changes.reduce((total, { sessions }) => total + sessions, 0)

function changeOf({ from, to, by, sessions, addresses, isFull }: Counted, mostExamples: number): Change {
  const examples = [...addresses].map(([address, count]) => ({ address, sessions: count }))
  examples.sort((a, b) => b.sessions - a.sessions || (a.address < b.address ? -1 : 1))
  return { from, to, by, sessions, addresses: isFull ? undefined : addresses.size, examples: examples.slice(0, mostExamples) }
}

/** What hurts comes first: clients that had a mail server, then the worse new outcome, then the more sessions. */
function byWeight(a: Change, b: Change): number {
  return rank(b) - rank(a) || b.sessions - a.sessions
}

const badness: Readonly<Record<Outcome, number>> = { 'handed off': 0, left: 1, deferred: 2, refused: 3 }

const rank = ({ from, to }: Change): number => (from === 'handed off' ? 10 : 0) + badness[to] - badness[from]

const words: Readonly<Record<Exclude<Why['is'], 'test' | 'list'>, string>> = {
  allowlist: 'the temporary allowlist depends on an earlier session that is not known, or on one before the log',
  connections: 'the number of simultaneous connections of the client is not known',
  end: 'the end of the session is not in the log',
  recipient: 'the log does not show whether the client would have sent a recipient',
  sender: 'the networks of an SPF record in spec.access are not known: pass them with --spf FILE',
}

/** A reason as the report shows it. */
export function wordsOf(why: Why): string {
  if (why.is === 'list') return `the log has no answer of the DNS list ${why.domain}`
  if (why.is !== 'test') return words[why.is]
  if (why.test === 'pregreet') return 'the log does not show that the client would have waited as long for the greeting (greet.wait)'
  return `the test ${why.test} did not run`
}
