// Lines that are written without pino are the same as pino's lines: a reader of the log sees no difference.
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import pino from 'pino'
import type { Endpoint } from '../../../crds/values/endpoint.ts'
import type { LogRecord } from '../../../gateway/core/vocabulary.ts'
import { jsonRecord, sessionRecord } from '../../../gateway/observability/json-record.ts'
import { visibleLog } from '../../../runtime/visible-json.ts'

/** What pino writes with the options of log.ts. */
function byPino(level: 'info' | 'warn', worker: number | undefined, { msg, ...fields }: Record<string, unknown>): string {
  let line = ''
  const options = {
    base: worker === undefined ? null : { worker },
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label: string) => ({ level: label }) },
  }
  pino(options, visibleLog({ write: (text) => (line = text) }))[level](fields, String(msg))
  return line
}

const time = /"time":"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z)"/
const withoutTime = (line: string): string => line.replace(time, '"time":""')

/** Characters that JSON escapes, and those that the log makes visible. */
const anyText = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc.string({
    unit: fc.constantFrom('a', ' ', '"', '\\', '\n', '\x00', '\x7f', '\x9b', 'é', '\u202e', '\ud800', '\u{1f600}', '\u{e0041}'),
  }),
)
const endpoint: fc.Arbitrary<Endpoint> = fc.record({ address: fc.oneof(fc.ipV4(), fc.ipV6(), anyText), port: fc.nat(65_535) })

const value = fc.oneof(
  anyText,
  fc.double(),
  fc.constantFrom(null, -0),
  fc.boolean(),
  fc.constant(undefined),
  fc.array(fc.oneof(anyText, fc.constant(undefined))),
  endpoint,
  fc.record({ address: anyText, weight: fc.option(fc.integer(), { nil: undefined }), codes: fc.array(endpoint) }),
)
const name = fc.constantFrom('session', 'event', 'client', 'data', 'count', 'tests')

const answer = fc.record({
  domain: anyText,
  account: fc.option(fc.nat(), { nil: undefined }),
  standing: fc.constantFrom(undefined, 'suspended', 'unproven'),
  addresses: fc.option(fc.array(anyText), { nil: undefined }),
  ttl: fc.integer(),
  error: fc.constantFrom(undefined, 'timeout', 'servfail'),
  ms: fc.nat(),
})

const maybe = fc.option(anyText, { nil: undefined })
const accessRule = { rule: anyText, sender: maybe, file: maybe, line: fc.option(fc.nat(), { nil: undefined }) }

/** The fields of each event of a session; those of one event in the order of vocabulary.ts. */
const fieldsOf: Readonly<Record<LogRecord['event'], Readonly<Record<string, fc.Arbitrary<unknown>>>>> = {
  CONNECT: { server: endpoint },
  'CONNECTION REFUSED': { why: anyText },
  ALLOWLISTED: accessRule,
  'ALLOWLIST VETO': {},
  DISCONNECT: {},
  'PASS NEW': { tests: fc.array(anyText) },
  'PASS OLD': { tests: fc.array(anyText) },
  DENYLISTED: { action: anyText, ...accessRule },
  PREGREET: { count: fc.nat(), after: anyText, data: anyText, action: anyText },
  DNSBL: { rank: fc.integer(), hits: fc.array(fc.record({ domain: anyText, address: anyText, weight: fc.integer() })), action: anyText },
  'DNSBL ERROR CODE': { domain: anyText, address: anyText },
  HANGUP: { after: anyText, stage: anyText },
  'BARE NEWLINE': { command: anyText, action: anyText },
  'NON-SMTP COMMAND': { afterCommand: anyText, command: anyText, args: anyText, action: anyText },
  'COMMAND PIPELINING': { afterCommand: anyText, data: anyText, action: anyText },
  'COMMAND TIME LIMIT': { afterCommand: anyText },
  'COMMAND COUNT LIMIT': { afterCommand: anyText },
  'COMMAND LENGTH LIMIT': { afterCommand: anyText },
  'DATA WITHOUT RCPT': {},
  'BDAT WITHOUT RCPT': {},
  'RCPT REJECTED': { reply: anyText, from: anyText, to: anyText, proto: anyText, helo: anyText },
  'EHLO KEYWORDS DISCARDED': { keywords: anyText },
  'COMMAND REPLACED': { command: anyText, replacement: anyText },
  'SAME SESSION FAILED': { goal: anyText, why: anyText, at: anyText, reply: anyText },
  AUDIT: { would: anyText, reply: anyText },
  TESTS: {
    tests: fc.array(anyText),
    remembered: fc.option(anyText, { nil: undefined }),
    answers: fc.option(fc.array(answer), { nil: undefined }),
    next: anyText,
  },
  BAN: { network: anyText, seconds: fc.nat(), until: fc.nat(), nth: fc.nat() },
  BANNED: { network: anyText, until: fc.nat(), nth: fc.nat() },
  'CLIENT ADDRESS LOST': { named: anyText },
  'CLIENT ADDRESSES': { change: anyText, reason: anyText, connections: fc.nat(), addresses: fc.array(anyText) },
  STRESS: { change: anyText, connections: fc.nat() },
}
const anyWorker = fc.option(fc.integer({ min: 1, max: 64 }), { nil: undefined })

describe('a record of the JSON log', () => {
  test("is the same as pino's but for the time, whatever a client has said", () => {
    const everything = fc.tuple(
      fc.constantFrom('info' as const, 'warn' as const),
      anyWorker,
      fc.dictionary(name, value, { minKeys: 1, noNullPrototype: true }),
      anyText,
    )
    const isTheSame = ([level, worker, some, msg]: readonly [
      'info' | 'warn',
      number | undefined,
      Record<string, unknown>,
      string,
    ]): void => {
      const fields = { ...some, msg }
      assert.equal(withoutTime(jsonRecord(level, worker, fields)), withoutTime(byPino(level, worker, fields)))
    }
    fc.assert(fc.property(everything, isTheSame))
  })

  for (const [event, fields] of Object.entries(fieldsOf)) {
    test(`is the same as pino's for ${event} of a session`, () => {
      const records = fc.record({ client: endpoint, event: fc.constant(event), ...fields }, { noNullPrototype: true })
      fc.assert(
        fc.property(anyWorker, anyText, records, anyText, (worker, session, record, msg) => {
          const { client, event: _, ...others } = record
          const line = sessionRecord(worker, session, record as unknown as LogRecord, msg)
          assert.equal(withoutTime(line), withoutTime(byPino('info', worker, { session, event, client, ...others, msg })))
        }),
      )
    })
  }

  test('has the time of its making, to the millisecond', () => {
    const before = Date.now()
    const [, stamp = ''] = time.exec(jsonRecord('info', undefined, { event: 'CONNECT' })) ?? []
    const at = Date.parse(stamp)
    assert.ok(at >= before && at <= Date.now(), stamp)
  })
})
