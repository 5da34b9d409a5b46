// One line of a log as an item: our JSON, syslog in its forms, journald's JSON, and what container runtimes and kubectl
// put in front of a line.
import { itemOfRecord, type LogItem } from './log-item.ts'
import { readOwnLine } from './own-line.ts'
import { readPostscreenLine } from './postscreen-line.ts'
import { syslogTime } from './syslog-time.ts'
import { unwrap, withoutPrefix } from './wrapped-line.ts'

/** `kubectl logs --prefix`: [pod/NAME/CONTAINER]. */
const podPrefix = /^\[pod\/([^/\]\s]{1,253})\/[^\]\s]{1,253}\] /
/** `kubectl logs --timestamps`, and the files of containerd and CRI-O: TIME stdout F. */
const timePrefix = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[.\d]{0,10}(?:Z|[+-]\d\d:\d\d) (?:std(?:out|err) [FP] )?(?=[{[])/

const iso = String.raw`(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?(?:Z|[+-]\d\d:?\d\d))`
const program = String.raw`([^\s\[:]{1,200})(?:\[\d{1,10}\])?:`
const syslogForms: readonly RegExp[] = [
  new RegExp(String.raw`^(?:<\d{1,3}>)?([A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d)(?:\.\d{1,6})? (\S{1,255}) ${program} (.*)$`),
  // journalctl -o short-full
  new RegExp(
    String.raw`^[A-Z][a-z]{2} (\d{4}-\d\d-\d\d \d\d:\d\d:\d\d [A-Z]{2,5}|\d{4}-\d\d-\d\d \d\d:\d\d:\d\d [+-]\d\d) (\S{1,255}) ${program} (.*)$`,
  ),
  new RegExp(String.raw`^(?:<\d{1,3}>)?${iso} (\S{1,255}) ${program} (.*)$`),
  new RegExp(String.raw`^<\d{1,3}>1 ${iso} (\S{1,255}) (\S{1,200}) \S{1,128} \S{1,32} (?:-|(?:\[[^\]]{0,2000}\])+) ?\ufeff?(.*)$`),
]

/** Reads the lines of one log. Syslog's short times have no year, so it remembers where it is. */
export class LineReader {
  readonly #now: number
  /** Lines of ours or of postscreen that could not be read. */
  unread = 0

  /** @param now epoch milliseconds; a time without a year is the last such time before it */
  constructor(now: number) {
    this.#now = now
  }

  /** The items of a line: none for one that is not about a session. */
  read(line: string): LogItem | undefined {
    return this.#read(line, '', 0)
  }

  #read(line: string, origin: string, depth: number): LogItem | undefined {
    if (line.startsWith('{')) return this.#json(line, origin, depth)
    if (depth < mostNested && line.startsWith('[pod/')) {
      const [prefix, pod] = podPrefix.exec(line) ?? []
      return prefix === undefined ? undefined : this.#read(line.slice(prefix.length), pod ?? origin, depth + 1)
    }
    if (!line.includes('postscreen') && !line.includes('dnsblog')) {
      const prefix = line.includes('{"') && depth < mostNested ? timePrefix.exec(line)?.[0] : undefined
      return prefix === undefined ? this.#collected(line, origin, depth) : this.#read(line.slice(prefix.length), origin, depth + 1)
    }
    const prefix = depth < mostNested ? timePrefix.exec(line)?.[0] : undefined
    if (prefix !== undefined) return this.#read(line.slice(prefix.length), origin, depth + 1)
    return this.#syslog(line) ?? this.#collected(line, origin, depth)
  }

  /** A line with what a log collector puts in front of it. */
  #collected(line: string, origin: string, depth: number): LogItem | undefined {
    const inner = depth < mostNested ? withoutPrefix(line) : undefined
    return inner && this.#read(inner.rest, inner.origin ?? origin, depth + 1)
  }

  #syslog(line: string): LogItem | undefined {
    for (const form of syslogForms) {
      const [, stamp, host = '', name = '', text = ''] = form.exec(line) ?? []
      if (stamp !== undefined) return this.item(syslogTime(stamp, this.#now), host, name, text)
    }
    return undefined
  }

  /** A message of syslog or of the journal. @param time epoch milliseconds */
  item(time: number | undefined, origin: string, name: string, text: string): LogItem | undefined {
    if (text.startsWith('{')) return this.#json(text, origin, mostNested)
    if (!isScreen(name) || time === undefined) return undefined
    const line = readPostscreenLine(text)
    if (line === undefined) return undefined
    if (line.is === 'listed')
      return { time, origin, is: 'listed', client: line.client, domain: line.domain, addresses: [line.address], ttl: -1 }
    const { address, port } = line.record.client
    return { time, origin, is: 'session', session: `${address}:${port}`, record: line.record }
  }

  #json(line: string, origin: string, depth: number): LogItem | undefined {
    // The lines of a gateway about other things are not worth parsing.
    if (line.startsWith('{"level"') && !line.includes('"session":') && !line.includes('"DNSBL ANSWER"')) return undefined
    const own = readOwnLine(line, origin)
    if (own !== undefined) return own
    const fields = parsed(line)
    if (fields === undefined) {
      this.unread++
      return undefined
    }
    return this.#record(fields, origin, depth)
  }

  /** One of our records, or what holds one. */
  #record(fields: Readonly<Record<string, unknown>>, origin: string, depth: number): LogItem | undefined {
    if (typeof fields['event'] === 'string') return itemOfRecord(fields, origin)
    if (depth >= mostNested) return undefined
    if (fields['__REALTIME_TIMESTAMP'] !== undefined) return this.journal(fields)
    const inner = unwrap(fields)
    switch (inner?.is) {
      case 'line':
        return this.#read(inner.line, origin, depth + 1)
      case 'fields':
        return this.#record(inner.fields, origin, depth + 1)
      case 'message': {
        const { time, host, program: name, text } = inner.message
        return this.item(time, host, name, text)
      }
      case undefined:
        return undefined
    }
  }

  /** An entry of the journal, from either of its export forms. */
  journal(fields: Readonly<Record<string, unknown>>): LogItem | undefined {
    const { __REALTIME_TIMESTAMP: micros, _HOSTNAME: host, SYSLOG_IDENTIFIER: name, MESSAGE: message } = fields
    const text = Array.isArray(message) ? Buffer.from(message as number[]).toString('utf8') : message
    const time = Number(micros) / 1000
    if (typeof text !== 'string' || !Number.isFinite(time)) return undefined
    return this.item(time, typeof host === 'string' ? host : '', typeof name === 'string' ? name : '', text)
  }
}

/** A line may be wrapped by kubectl, a container runtime and the journal at once, but not without end. */
const mostNested = 4

const isScreen = (name: string): boolean => name.includes('postscreen') || name.includes('dnsblog')

function parsed(line: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(line)
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : undefined
  } catch {
    return undefined
  }
}
