// The gateway's log on standard output: JSON records (pino), or the same lines that postscreen writes.
import os from 'node:os'
import { visibleText } from '../../crds/values/visible-text.ts'
import type { DnsblVerdict } from '../core/dnsbl.ts'
import { dnsblQueryName } from '../core/dnsbl-query-name.ts'
import { logText } from '../core/log-text.ts'
import { type Endpoint, formatLogged } from '../../crds/values/endpoint.ts'
import type { DnsblAnswer, LogRecord } from '../core/vocabulary.ts'
import { jsonRecord, sessionRecord } from './json-record.ts'
import { LogBatch } from './log-batch.ts'

export type LogFormat = 'json' | 'postfix'

/** The lowest level that is written. */
export type LogLevel = 'debug' | 'info'

/**
 * The log. A record is always one line, without characters that control terminals or log readers, whatever its texts
 * and fields contain.
 */
export interface Log {
  /** One thing that happened in a screening session. */
  session(sessionId: string, record: LogRecord): void
  /** One list's answer about one client, as dnsblog logs it. */
  dnsbl(client: string, answer: DnsblAnswer, verdict: DnsblVerdict, timeoutSeconds: number): void
  /** The relay of a client that was handed off. postscreen logs nothing about it, so only the JSON log does. */
  relay(sessionId: string, event: 'HANDED OFF' | 'RELAY ENDED', client: Endpoint, fields: Readonly<Record<string, unknown>>): void
  /**
   * A TLS handshake, or a TLS session after it, that failed, in the words of tlsproxy: its warnings, then a line with
   * the client's address.
   */
  tls(sessionId: string, event: 'TLS HANDSHAKE FAILED' | 'TLS SESSION FAILED', client: Endpoint, warnings: readonly string[]): void
  /** Something about a session that postscreen words as a warning; `fields` are for the JSON form. */
  sessionWarning(sessionId: string, text: string, fields?: Readonly<Record<string, unknown>>): void
  /** For debugging. */
  debug(text: string, fields?: Readonly<Record<string, unknown>>): void
  info(text: string, fields?: Readonly<Record<string, unknown>>): void
  warning(text: string, fields?: Readonly<Record<string, unknown>>): void
  /** Writes out what is buffered; for the end of the process. */
  flush(): Promise<void>
}

/**
 * @param destination a file descriptor or path, or a batch that is shared with others. Default: standard output
 * @param worker its number goes into each JSON record
 */
export function openLog(format: LogFormat, destination: number | string | LogBatch = 1, level: LogLevel = 'info', worker?: number): Log {
  const out = destination instanceof LogBatch ? destination : new LogBatch(destination)
  const log = format === 'json' ? jsonLog(out, level, worker) : postfixLog(out, level)
  out.whenReadAgain ??= (dropped) =>
    log.warning(`${dropped} lines of the log were dropped, because its reader was too slow`, { event: 'LOG LINES DROPPED', dropped })
  return log
}

/** Refused clients and failed tests have the level info: they are the gateway's normal work. */
function jsonLog(out: LogBatch, level: LogLevel, worker: number | undefined): Log {
  const write = (weight: 'debug' | 'info' | 'warn', fields: Readonly<Record<string, unknown>>): void =>
    out.write(jsonRecord(weight, worker, fields))
  return {
    session: (session, record) => out.write(sessionRecord(worker, session, record, logText(record) ?? record.event)),
    dnsbl(client, { domain, addresses, ttl }, verdict, timeout) {
      const [event, from] = ['DNSBL ANSWER', { address: client }]
      if ('error' in verdict) {
        const { kind, text: error } = verdict.error
        const msg = kind === 'timeout' ? replyTimeout(domain, timeout) : lookupError(client, domain, error)
        write('warn', { event, client: from, domain, verdict: verdict.is, kind, error, msg })
      } else if (addresses.length > 0) {
        const msg = listed(client, domain, addresses.join(' '))
        write('info', { event, client: from, domain, verdict: verdict.is, addresses, ttl, msg })
      }
    },
    relay: (session, event, client, fields) => write('info', { session, event, client, ...fields, msg: event.toLowerCase() }),
    tls: (session, event, client, warnings) => write('info', { session, event, client, warnings, msg: tlsFailed(event, client) }),
    sessionWarning: (session, text, fields) => write('warn', { session, ...fields, msg: text }),
    debug: level === 'debug' ? (text, fields) => write('debug', { ...fields, msg: text }) : () => undefined,
    info: (text, fields) => write('info', { ...fields, msg: text }),
    warning: (text, fields) => write('warn', { ...fields, msg: text }),
    flush: () => out.flush(),
  }
}

const replyTimeout = (domain: string, seconds: number): string => `dnsblog reply timeout ${seconds}s for ${domain}`

/** dnsblog's words. */
const listed = (client: string, domain: string, addresses: string): string => `addr ${client} listed by domain ${domain} as ${addresses}`
const lookupError = (client: string, domain: string, error: string): string =>
  `dnsblog_query: lookup error for DNS query ${dnsblQueryName(client, domain)}: ${error}`

const tlsFailed = (event: 'TLS HANDSHAKE FAILED' | 'TLS SESSION FAILED', client: Endpoint): string =>
  `TLS ${event === 'TLS HANDSHAKE FAILED' ? 'handshake' : 'session'} failed for service=smtpd peer=${formatLogged(client)}`

const months = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec']

/** `Mmm dd hh:mm:ss` in local time, as syslog and reject footers show it. */
export function localTime(now: number): string {
  const date = new Date(now)
  const two = (n: number): string => String(n).padStart(2, '0')
  return `${months[date.getMonth()]} ${two(date.getDate())} ${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`
}

/** Lines as in a maillog_file: date, host, program, text. */
function postfixLog(out: LogBatch, level: LogLevel): Log {
  const host = os.hostname().split('.')[0]
  let atSecond = 0
  let stamp = ''
  const write = (program: string, text: string): void => {
    const now = Date.now()
    const second = Math.floor(now / 1000)
    // The date is formatted once a second, not once a line.
    if (second !== atSecond) {
      atSecond = second
      stamp = localTime(now)
    }
    out.write(`${stamp} ${host} postfix/${program}[${process.pid}]: ${visibleText(text)}\n`)
  }
  const postscreen = (text: string): void => write('postscreen', text)
  return {
    session(_session, record) {
      const text = logText(record)
      if (text !== undefined) postscreen(text)
    },
    dnsbl(client, { domain, addresses }, verdict, timeout) {
      // postscreen logs nothing about a list that it no longer waits for.
      if (verdict.is === 'timeout' && verdict.error.kind === 'overdue') return
      if (verdict.is === 'timeout') postscreen(`warning: ${replyTimeout(domain, timeout)}`)
      else if (verdict.is === 'error') write('dnsblog', `warning: ${lookupError(client, domain, verdict.error.text)}`)
      else for (const address of addresses) write('dnsblog', listed(client, domain, address))
    },
    relay: () => undefined,
    tls(_session, event, client, warnings) {
      for (const text of warnings) write('tlsproxy', `warning: ${text}`)
      write('tlsproxy', tlsFailed(event, client))
    },
    sessionWarning: (_session, text) => postscreen(`warning: ${text}`),
    debug: level === 'debug' ? postscreen : () => undefined,
    info: postscreen,
    warning: (text) => postscreen(`warning: ${text}`),
    flush: () => out.flush(),
  }
}
