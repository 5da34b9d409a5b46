// The recent sessions of a gateway in memory: a bounded ring, so that an administrator can see what happened to a
// client.
//
// A session costs one map entry, and each of its log records one array element. Records are kept as they are, and
// become text only when they are asked for.
import { formatLogged, type Endpoint } from '../../../crds/values/endpoint.ts'
import { visibleText } from '../../../crds/values/visible-text.ts'
import { logText } from '../../core/log-text.ts'
import type { LogRecord } from '../../core/vocabulary.ts'
import type { Log } from '../log.ts'

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

/** A session of a client under test has three to six. */
const eventsAtMost = 16
/** A session has at most 16 × 400 bytes of text. */
const longestText = 400

type NameOf = (domain: string) => string

interface Kept {
  readonly client: Endpoint
  readonly began: number
  readonly events: { readonly at: number; readonly record: LogRecord | string }[]
  more: number
}

export class RecentSessions {
  readonly #sessions = new Map<string, Kept>()
  readonly #now: () => number
  #most = 0
  #nameOf: NameOf = (domain) => domain

  /** @param now epoch milliseconds */
  constructor(now: () => number = Date.now) {
    this.#now = now
  }

  /**
   * How many are kept, for the policy from now on.
   * @param nameOf the public name of a DNS list, because its domain may hold a key
   */
  keep(most: number, nameOf: NameOf): void {
    this.#most = most
    this.#nameOf = nameOf
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
        this.#add(id, relayText(event, fields))
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

  /** The sessions whose client has such an address, the newest first. */
  of(isMeant: (address: string) => boolean, most: number): readonly RecentSession[] {
    const found: RecentSession[] = []
    for (const [id, kept] of [...this.#sessions].toReversed()) {
      if (!isMeant(kept.client.address)) continue
      if (found.push(shown(id, kept, this.#nameOf)) === most) break
    }
    return found
  }

  #heard(id: string, record: LogRecord): void {
    if (this.#most === 0) return
    if (record.event === 'CONNECT') {
      this.#forget(this.#most - 1)
      this.#sessions.set(id, { client: record.client, began: this.#now(), events: [], more: 0 })
    }
    this.#add(id, keptAsText.has(record.event) ? textOf(record, this.#nameOf) : record)
  }

  #add(id: string, record: LogRecord | string): void {
    const kept = this.#sessions.get(id)
    if (kept === undefined) return
    if (kept.events.length < eventsAtMost)
      kept.events.push({ at: this.#now(), record: typeof record === 'string' ? copied(record) : record })
    else kept.more++
  }

  #forget(most: number): void {
    for (const id of this.#sessions.keys()) {
      if (this.#sessions.size <= most) return
      this.#sessions.delete(id)
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

/** postscreen's line without the client, which is the same in all; or our own words. */
function textOf(record: LogRecord, nameOf: NameOf): string {
  if (record.event === 'AUDIT') return `AUDIT: Enforce mode would ${record.would} the client: ${record.reply}`
  if (record.event === 'DNSBL ERROR CODE') return `DNSBL ERROR CODE ${record.address} from ${record.domain}`
  if (record.event === 'TESTS') return `TESTS to do: ${record.tests.join(', ')}`
  const text = logText(record) ?? record.event
  const tests = 'tests' in record && record.tests.length > 0 ? ` (${record.tests.join(', ')})` : ''
  const hits = record.event === 'DNSBL' ? ` (${record.hits.map(({ domain, weight }) => `${nameOf(domain)} ${weight}`).join(', ')})` : ''
  return `${withoutClient(text, formatLogged(record.client))}${tests}${hits}`
}

const withoutClient = (text: string, client: string): string =>
  [' from ', ' for ', ' '].reduce((rest, word) => rest.replace(`${word}${client}`, ''), text)

function relayText(event: string, fields: Readonly<Record<string, unknown>>): string {
  return [event, ...Object.entries(fields).map(([name, value]) => `${name}=${String(value)}`)].join(' ')
}

function shown(session: string, { client, began, events, more }: Kept, nameOf: NameOf): RecentSession {
  return {
    session,
    client: formatLogged(client),
    began: new Date(began).toISOString(),
    events: events.map(({ at, record }) => ({
      afterSeconds: Math.max(0, Math.round(at - began)) / 1000,
      text: visibleText(typeof record === 'string' ? record : textOf(record, nameOf)),
    })),
    moreEvents: more,
  }
}
