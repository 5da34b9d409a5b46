// The lines that go past pino are pino's lines: whoever reads the log sees no difference.
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import pino from 'pino'
import { jsonRecord } from '../../../gateway/observability/json-record.ts'
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

const value = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc.double(),
  fc.boolean(),
  fc.constant(undefined),
  fc.array(fc.string()),
  fc.record({ address: fc.ipV6(), port: fc.nat(65_535) }),
)
const name = fc.constantFrom('session', 'event', 'client', 'data', 'count', 'tests')

describe('a record of the JSON log', () => {
  test("is the same as pino's but for the time, whatever a client has said", () => {
    const everything = fc.tuple(
      fc.constantFrom('info' as const, 'warn' as const),
      fc.option(fc.integer({ min: 1, max: 64 }), { nil: undefined }),
      fc.dictionary(name, value, { minKeys: 1, noNullPrototype: true }),
      fc.string({ unit: 'binary' }),
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

  test('has the time of its making, to the millisecond', () => {
    const before = Date.now()
    const [, text = ''] = time.exec(jsonRecord('info', undefined, { event: 'CONNECT' })) ?? []
    const at = Date.parse(text)
    assert.ok(at >= before && at <= Date.now(), text)
  })
})
