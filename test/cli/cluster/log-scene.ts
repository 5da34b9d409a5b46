// Logs of two gateways, as gateways write them: one session of each kind, and what belongs to none.
import { LogLines } from '../../../cli/log/log-record.ts'
import { Printer, type PrinterOptions } from '../../../cli/log/printer.ts'

const second = (offset: number): string => new Date(Date.parse('2026-12-01T10:33:40.000Z') + offset * 1000).toISOString()

/** A record of the JSON log. */
export const record = (at: number, fields: object): string => `${JSON.stringify({ level: 'info', time: second(at), ...fields })}\n`

interface Session {
  readonly at: number
  readonly id: string
  readonly address: string
  /** Events after CONNECT: seconds after it, and the fields. */
  readonly events: readonly (readonly [after: number, fields: { readonly event?: string } & Record<string, unknown>])[]
}

export function sessionLog({ at, id, address, events }: Session): string {
  const client = { address, port: 40_000 }
  const place = `[${address}]:40000`
  const connect = { event: 'CONNECT', server: { address: '192.0.2.25', port: 25 }, msg: `CONNECT from ${place} to [192.0.2.25]:25` }
  return [[0, connect] as const, ...events]
    .map(([after, { event, ...fields }]) =>
      record(at + after, { session: id, ...(event !== undefined && { event, client }), msg: `${event} ${place}`, ...fields }),
    )
    .join('')
}

const rejected = (reply: string, from: string, to: string) => ({
  ...{ event: 'RCPT REJECTED', reply, from, to, proto: 'ESMTP', helo: 'x' },
  msg: `NOQUEUE: reject: RCPT from [192.0.2.1]:40000: ${reply}; from=<${from}>, to=<${to}>, proto=ESMTP, helo=<x>`,
})
const gone = { event: 'DISCONNECT' }

const pregreet = sessionLog({
  ...{ at: 0, id: 'a-1', address: '198.18.44.212' },
  events: [
    [0.21, { event: 'PREGREET', count: 14, after: '0.21', data: 'EHLO win-clj1b0gq6jp\\r\\n', action: 'Enforce' }],
    [6, { event: 'TESTS', tests: ['pregreet'], next: 'smtp' }],
    [6.4, rejected('550 5.5.1 Protocol error', 'no-reply@example.org', 'office@example.com')],
    [6.5, gone],
  ],
})
const denied = sessionLog({
  ...{ at: 0.3, id: 'b-1', address: '198.18.44.52' },
  events: [
    [0, { event: 'DENYLISTED', action: 'Enforce' }],
    [6.6, rejected('550 5.3.2 Service currently unavailable', 'info@shop.example', 'm.tan@example.com')],
    [6.7, gone],
  ],
})
const permitted = sessionLog({
  ...{ at: 7.4, id: 'a-2', address: '192.0.2.63' },
  events: [
    [0.001, { event: 'ALLOWLISTED' }],
    [0.004, { event: 'HANDED OFF', backend: 'postfix-0:10025', at: 'greeting', msg: 'handed off' }],
    [9, { event: 'RELAY ENDED', toBackend: 100, toClient: 100, endedBy: 'client', msg: 'relay ended' }],
  ],
})
const pipelining = sessionLog({
  ...{ at: 1, id: 'b-2', address: '203.0.113.93' },
  events: [
    [6.1, { event: 'COMMAND PIPELINING', afterCommand: 'EHLO', data: 'MAIL', action: 'Enforce' }],
    [6.5, rejected('550 5.5.1 Protocol error', 'billing@example.net', 'sales@example.com')],
    [6.6, gone],
  ],
})
const hungUp = sessionLog({
  ...{ at: 4, id: 'b-3', address: '198.19.7.198' },
  events: [
    [3.9, { event: 'HANGUP', after: '3.9', stage: 'tests before SMTP handshake' }],
    [3.9, gone],
  ],
})
const comesBack = sessionLog({
  ...{ at: 1.2, id: 'b-4', address: '192.0.2.25' },
  events: [
    [6.7, rejected('450 4.3.2 Service currently unavailable', 'anna.k@example.org', 'jo@example.com')],
    [6.9, { event: 'PASS NEW', tests: ['pregreet', 'pipelining'] }],
    [6.9, gone],
  ],
})
const listed = sessionLog({
  ...{ at: 1.3, id: 'a-3', address: '2001:db8:66::82a' },
  events: [
    [
      6,
      {
        event: 'DNSBL',
        rank: 6,
        hits: [
          { domain: 'zen.dq.example.net', address: '127.0.0.2', weight: 3 },
          { domain: 'bl.example.org', address: '127.0.0.11', weight: 3 },
        ],
        action: 'Enforce',
        msg: 'DNSBL rank 6 for [2001:db8:66::82a]:40000',
      },
    ],
    [
      6.6,
      rejected(
        '550 5.7.1 Service unavailable; client [2001:db8:66::82a] blocked using zen.dq.example.net',
        'news@example.net',
        'jo@example.com',
      ),
    ],
    [6.8, gone],
  ],
})
const fresh = sessionLog({
  ...{ at: 2.2, id: 'a-4', address: '198.51.100.20' },
  events: [
    [6, { event: 'PASS NEW', tests: ['pregreet'] }],
    [6, { event: 'HANDED OFF', backend: 'postfix-0:10025', at: 'greeting', msg: 'handed off' }],
  ],
})
const unserved = sessionLog({
  ...{ at: 2.4, id: 'b-5', address: '198.51.100.21' },
  events: [
    [6, { event: 'PASS NEW', tests: ['pregreet'] }],
    [16, { level: 'warn', msg: 'cannot connect to service smtpd: postfix-0:10025: ECONNREFUSED' }],
    [16, gone],
  ],
})
const full = sessionLog({
  at: 9,
  id: 'b-6',
  address: '203.0.113.5',
  events: [
    [0, { event: 'CONNECTION REFUSED', why: 'too many connections' }],
    [0, gone],
  ],
})
const banned = sessionLog({
  at: 9.1,
  id: 'b-7',
  address: '203.0.113.6',
  events: [
    [0, { event: 'BANNED', network: '203.0.113.0/24', until: 0, nth: 2 }],
    [0, gone],
  ],
})
const audited = sessionLog({
  ...{ at: 3, id: 'a-5', address: '203.0.113.7' },
  events: [
    [6, { event: 'DNSBL', rank: 3, hits: [{ domain: 'bl.example.org', address: '127.0.0.2', weight: 3 }], action: 'Enforce' }],
    [6, { event: 'AUDIT', would: 'refuse', reply: '550 5.7.1' }],
    [6.1, { event: 'HANDED OFF', backend: 'postfix-1:10025', at: 'greeting', msg: 'handed off' }],
  ],
})
const ignored = sessionLog({
  ...{ at: 3.3, id: 'a-6', address: '203.0.113.8' },
  events: [
    [0.1, { event: 'PREGREET', count: 3, after: '0.1', data: 'x\\n', action: 'Ignore' }],
    [6, { event: 'PASS OLD', tests: [] }],
    [6, { event: 'HANDED OFF', backend: 'postfix-1:10025', at: 'greeting', msg: 'handed off' }],
  ],
})
const inForce = record(0.5, { policy: 'mx', generation: 42, msg: 'policy mx is in force' })
const listFails = record(5, {
  level: 'warn',
  event: 'DNS LIST FAILS',
  list: 'bl.example.org',
  msg: 'DNS list bl.example.org fails: timeout',
})
const answer = record(5.1, {
  level: 'warn',
  event: 'DNSBL ANSWER',
  client: { address: '192.0.2.1' },
  verdict: 'error',
  msg: 'dnsblog_query: error',
})
const unfinished = sessionLog({ at: 3, id: 'a-9', address: '192.0.2.99', events: [] })

/** Log lines in the order of their times. */
export const inOrder = (text: string): string =>
  text
    .split('\n')
    .filter((line) => line !== '')
    .toSorted((a, b) => (timeOf(a) < timeOf(b) ? -1 : timeOf(a) > timeOf(b) ? 1 : 0))
    .map((line) => `${line}\n`)
    .join('')

const timeOf = (line: string): string => (JSON.parse(line) as { time: string }).time

export const logs: Readonly<Record<string, string>> = {
  'mx-gateway-7c9d4b-x2k4p': inOrder(pregreet + permitted + listed + fresh + audited + ignored + inForce + answer + unfinished),
  'mx-gateway-7c9d4b-mm8tz': inOrder(denied + pipelining + hungUp + comesBack + unserved + full + banned + listFails),
}

export const everything = { networks: [], outcomes: undefined, text: '' }

/** What is printed for the logs of the scene, merged by time. */
export function printed(options: Partial<PrinterOptions> & { readonly width?: number; readonly hasColour?: boolean } = {}): string {
  let text = ''
  const { width = 80, hasColour = false, ...more } = options
  const printer = new Printer({
    ...{ output: 'text', filter: everything, isVerbose: false, isComplete: true, isTerminal: true, now: () => 0 },
    style: { width, hasColour, hasUtf8: true },
    write: (piece) => (text += piece),
    ...more,
  })
  const lines = Object.entries(logs).flatMap(([pod, log]) => log.split('\n').map((line) => ({ pod, line: new LogLines(0).read(line) })))
  const there = lines.flatMap(({ pod, line }) => (line === undefined ? [] : [{ pod, line }]))
  for (const { pod, line } of there.toSorted((a, b) => a.line.time - b.line.time)) printer.take(pod, line)
  printer.finish(false)
  return text
}
