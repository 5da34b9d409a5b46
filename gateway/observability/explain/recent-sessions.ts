// The recent sessions of a gateway in memory: a bounded ring, so that an administrator can see what happened to a
// client.
//
// A session costs one map entry, and each of its log records one array element. Records are kept as they are, and
// become text only when they are asked for.
import { formatLogged, type Endpoint } from '../../../crds/values/endpoint.ts'
import { visibleText } from '../../../crds/values/visible-text.ts'
import type { Outcome } from '../../core/outcome-names.ts'
import type { LogRecord } from '../../core/vocabulary.ts'
import { type SessionLine, whyOf } from '../live/session-line.ts'
import type { Log } from '../log.ts'
import { recordText, type TextRules } from './record-text.ts'

/** One session as plain data. Texts that a client sent are printable. */
export interface RecentSession {
  readonly session: string
  readonly client: string
  /** RFC 3339. */
  readonly began: string
  readonly events: readonly { readonly afterSeconds: number; readonly text: string }[]
  /** Events that were not kept. */
  readonly moreEvents: number
}

/** The newest sessions that were decided since a number of the same list. */
export interface NewSessions {
  /** The number of the newest one. */
  readonly last: number
  /** Those that are not in `sessions`. */
  readonly leftOut: number
  /** The newest first. */
  readonly sessions: readonly SessionLine[]
}

/** A session has a line only once it is decided. */
export interface SessionFilter {
  readonly isMeant: (address: string) => boolean
  readonly outcomes: ReadonlySet<Outcome> | undefined
  /** In small letters; compared with the client and the texts. */
  readonly text: string
}

/** A session of a client under test has three to six. */
const eventsAtMost = 16
/** A session has at most 16 × 400 bytes of text. */
const longestText = 400
/** Decided sessions that are kept in their order. */
const linesKept = 500

/** The beginning or end of a relay, as the log has it. */
interface RelayRecord {
  readonly relay: string
  readonly fields: Readonly<Record<string, unknown>>
}

interface Kept {
  readonly id: string
  readonly client: Endpoint
  readonly began: number
  readonly events: { readonly at: number; readonly record: LogRecord | RelayRecord | string }[]
  more: number
  decidedAt: number
  outcome: Outcome | undefined
  audit: boolean
}

export class RecentSessions {
  readonly #sessions = new Map<string, Kept>()
  /** In the order in which they were decided. */
  readonly #decided: Kept[] = []
  readonly #now: () => number
  #last = 0
  #most = 0
  #texts: TextRules = { nameOf: (domain) => domain, showsEnvelopes: true }

  /** @param now epoch milliseconds */
  constructor(now: () => number = Date.now) {
    this.#now = now
  }

  /** How many are kept, and how their texts are written, for the policy from now on. */
  keep(most: number, texts: TextRules): void {
    this.#most = most
    // What must not be shown any more must not be kept either.
    if (this.#texts.showsEnvelopes && !texts.showsEnvelopes) this.#forget(0)
    this.#texts = texts
    this.#forget(most)
  }

  get most(): number {
    return this.#most
  }

  /** The log, with each session remembered on the way. */
  remembering(log: Log): Log {
    return {
      ...log,
      session: (id, record) => {
        this.#heard(id, record)
        log.session(id, record)
      },
      relay: (id, event, client, fields) => {
        this.#add(id, { relay: event, fields })
        log.relay(id, event, client, fields)
      },
      tls: (id, event, client, warnings) => {
        this.#add(id, [event, ...warnings].join(': '))
        log.tls(id, event, client, warnings)
      },
      sessionWarning: (id, text, fields) => {
        this.#add(id, text)
        log.sessionWarning(id, text, fields)
      },
    }
  }

  /** How a session went. */
  decided(id: string, outcome: Outcome, audit: boolean): void {
    const kept = this.#sessions.get(id)
    if (kept === undefined) return
    kept.outcome = outcome
    kept.audit = audit
    kept.decidedAt = this.#now()
    this.#last++
    this.#decided.push(kept)
    if (this.#decided.length >= 2 * linesKept) this.#decided.splice(0, this.#decided.length - linesKept)
  }

  /** The sessions whose client has such an address, the newest first. */
  of(isMeant: (address: string) => boolean, most: number): readonly RecentSession[] {
    const found: RecentSession[] = []
    for (const kept of [...this.#sessions.values()].toReversed()) {
      if (!isMeant(kept.client.address)) continue
      if (found.push(this.#shown(kept)) === most) break
    }
    return found
  }

  /** @param after the number of the newest session that is known; of another process, all are new */
  newest(after: number, most: number): NewSessions {
    const count = after > this.#last ? this.#last : this.#last - after
    const shown = count === 0 ? [] : this.#decided.slice(-Math.min(count, most))
    const sessions = shown.filter(({ id }) => this.#sessions.has(id)).map((kept) => this.#line(kept))
    return { last: this.#last, leftOut: count - shown.length, sessions: sessions.toReversed() }
  }

  /** The decided sessions that match, the newest first. */
  search({ isMeant, outcomes, text }: SessionFilter, most: number): readonly SessionLine[] {
    const found: SessionLine[] = []
    for (const kept of [...this.#sessions.values()].toReversed()) {
      if (kept.outcome === undefined || outcomes?.has(kept.outcome) === false || !isMeant(kept.client.address)) continue
      if (text !== '' && !this.#contains(kept, text)) continue
      if (found.push(this.#line(kept)) === most) break
    }
    return found
  }

  /** The whole story of a session; undefined if it is not remembered. */
  find(id: string): RecentSession | undefined {
    const kept = this.#sessions.get(id)
    return kept && this.#shown(kept)
  }

  #heard(id: string, record: LogRecord): void {
    if (this.#most === 0) return
    if (record.event === 'CONNECT') {
      this.#forget(this.#most - 1)
      const undecided = { decidedAt: 0, outcome: undefined, audit: false }
      this.#sessions.set(id, { id, client: record.client, began: this.#now(), events: [], more: 0, ...undecided })
    }
    this.#add(id, keptAsText.has(record.event) ? recordText(record, this.#texts) : record)
  }

  #add(id: string, record: LogRecord | RelayRecord | string): void {
    const kept = this.#sessions.get(id)
    if (kept === undefined) return
    if (kept.events.length < eventsAtMost)
      kept.events.push({ at: this.#now(), record: typeof record === 'string' ? copied(record) : record })
    else kept.more++
  }

  #forget(most: number): void {
    if (most <= 0) this.#decided.length = 0
    for (const id of this.#sessions.keys()) {
      if (this.#sessions.size <= most) return
      this.#sessions.delete(id)
    }
  }

  #text(record: LogRecord | RelayRecord | string): string {
    if (typeof record === 'string') return visibleText(record)
    return visibleText('relay' in record ? relayText(record) : recordText(record, this.#texts))
  }

  #contains({ id, client, events }: Kept, text: string): boolean {
    if (id === text || client.address.includes(text)) return true
    return events.some(({ record }) => this.#text(record).toLowerCase().includes(text))
  }

  #line({ id, client, began, decidedAt, outcome = 'hangup', audit, events }: Kept): SessionLine {
    const texts = events.map(({ record }) => this.#text(record))
    return { session: id, client: client.address, began, decidedAt, outcome, audit, why: whyOf(outcome, texts) }
  }

  #shown({ id, client, began, events, more }: Kept): RecentSession {
    return {
      session: id,
      client: formatLogged(client),
      began: new Date(began).toISOString(),
      events: events.map(({ at, record }) => ({ afterSeconds: Math.max(0, Math.round(at - began)) / 1000, text: this.#text(record) })),
      moreEvents: more,
    }
  }
}

/** A text that a client sent is part of the whole read in memory; a long one is cut. */
function copied(text: string): string {
  return Buffer.from(text.length > longestText ? `${text.slice(0, longestText)}…` : text).toString()
}

/** Records with what the client sent, or with every answer of DNS lists: their text takes less memory. */
const keptAsText: ReadonlySet<LogRecord['event']> = new Set([
  'RCPT REJECTED',
  'NON-SMTP COMMAND',
  'COMMAND PIPELINING',
  'BARE NEWLINE',
  'PREGREET',
  'COMMAND REPLACED',
  'EHLO KEYWORDS DISCARDED',
  'TESTS',
])

function relayText({ relay, fields }: RelayRecord): string {
  return [relay, ...Object.entries(fields).map(([name, value]) => `${name}=${String(value)}`)].join(' ')
}
