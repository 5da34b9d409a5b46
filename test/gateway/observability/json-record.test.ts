// The lines that go past pino are pino's lines: whoever reads the log sees no difference.
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
const text = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc.string({
    unit: fc.constantFrom('a', ' ', '"', '\\', '\n', '\x00', '\x7f', '\x9b', 'é', '\u202e', '\ud800', '\u{1f600}', '\u{e0041}'),
  }),
)
const endpoint: fc.Arbitrary<Endpoint> = fc.record({ address: fc.oneof(fc.ipV4(), fc.ipV6(), text), port: fc.nat(65_535) })

const value = fc.oneof(
  text,
  fc.double(),
  fc.constantFrom(null, -0),
  fc.boolean(),
  fc.constant(undefined),
  fc.array(fc.oneof(text, fc.constant(undefined))),
  endpoint,
  fc.record({ address: text, weight: fc.option(fc.integer(), { nil: undefined }), codes: fc.array(endpoint) }),
)
const name = fc.constantFrom('session', 'event', 'client', 'data', 'count', 'tests')

/** The fields of each event of a session; those of one event in the order of vocabulary.ts. */
const fieldsOf: Readonly<Record<LogRecord['event'], Readonly<Record<string, fc.Arbitrary<unknown>>>>> = {
  CONNECT: { server: endpoint },
  'CONNECTION REFUSED': { why: text },
  ALLOWLISTED: {},
  'ALLOWLIST VETO': {},
  DISCONNECT: {},
  'PASS NEW': { tests: fc.array(text) },
  'PASS OLD': { tests: fc.array(text) },
  DENYLISTED: { action: text },
  PREGREET: { count: fc.nat(), after: text, data: text, action: text },
  DNSBL: { rank: fc.integer(), hits: fc.array(fc.record({ domain: text, address: text, weight: fc.integer() })), action: text },
  'DNSBL ERROR CODE': { domain: text, address: text },
  HANGUP: { after: text, stage: text },
  'BARE NEWLINE': { command: text, action: text },
  'NON-SMTP COMMAND': { afterCommand: text, command: text, args: text, action: text },
  'COMMAND PIPELINING': { afterCommand: text, data: text, action: text },
  'COMMAND TIME LIMIT': { afterCommand: text },
  'COMMAND COUNT LIMIT': { afterCommand: text },
  'COMMAND LENGTH LIMIT': { afterCommand: text },
  'DATA WITHOUT RCPT': {},
  'BDAT WITHOUT RCPT': {},
  'RCPT REJECTED': { reply: text, from: text, to: text, proto: text, helo: text },
  'EHLO KEYWORDS DISCARDED': { keywords: text },
  'COMMAND REPLACED': { command: text, replacement: text },
  AUDIT: { would: text, reply: text },
  STRESS: { change: text, connections: fc.nat() },
}
const worker = fc.option(fc.integer({ min: 1, max: 64 }), { nil: undefined })

describe('a record of the JSON log', () => {
  test("is the same as pino's but for the time, whatever a client has said", () => {
    const everything = fc.tuple(
      fc.constantFrom('info' as const, 'warn' as const),
      worker,
      fc.dictionary(name, value, { minKeys: 1, noNullPrototype: true }),
      text,
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
      const record = fc.record({ client: endpoint, event: fc.constant(event), ...fields }, { noNullPrototype: true })
      fc.assert(
        fc.property(worker, text, record, text, (number, session, event, msg) => {
          const { event: name, client, ...others } = event
          const line = sessionRecord(number, session, event as unknown as LogRecord, msg)
          assert.equal(withoutTime(line), withoutTime(byPino('info', number, { session, event: name, client, ...others, msg })))
        }),
      )
    })
  }

  test('has the time of its making, to the millisecond', () => {
    const before = Date.now()
    const [, text = ''] = time.exec(jsonRecord('info', undefined, { event: 'CONNECT' })) ?? []
    const at = Date.parse(text)
    assert.ok(at >= before && at <= Date.now(), text)
  })
})
