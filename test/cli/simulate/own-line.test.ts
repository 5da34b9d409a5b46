// Lines that are read without JSON.parse: they say the same as with it, and everything else is left to it.
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { itemOfRecord } from '../../../cli/simulate/log-item.ts'
import { readOwnLine } from '../../../cli/simulate/own-line.ts'
import { logText } from '../../../gateway/core/log-text.ts'
import { type LogRecord, testNames } from '../../../gateway/core/vocabulary.ts'
import { jsonRecord, sessionRecord } from '../../../gateway/observability/json-record.ts'

const endpoint = fc.record({ address: fc.oneof(fc.ipV4(), fc.ipV6(), fc.constant('::ffff:192.0.2.1')), port: fc.nat(65_535) })
const session = fc.stringMatching(/^[0-9a-f]{8}-[0-9a-z]{1,6}$/)
const worker = fc.option(fc.nat(64), { nil: undefined })
const tests = fc.subarray([...testNames])
const remembered = fc.constantFrom(undefined, '1795913401;1795913401;1;1;1', '0;0;0;0;0')

const record: fc.Arbitrary<Record<string, unknown>> = fc.oneof(
  fc.record({ event: fc.constant('CONNECT'), client: endpoint, server: endpoint }),
  fc.record({ event: fc.constantFrom('PASS NEW', 'PASS OLD'), client: endpoint, tests, remembered }),
  fc.record({ event: fc.constant('DISCONNECT'), client: endpoint }),
)
const ofSession = fc
  .tuple(worker, session, record)
  .map(([number, id, one]) => sessionRecord(number, id, one as unknown as LogRecord, logText(one as unknown as LogRecord) ?? 'x'))
const ofRelay = fc.tuple(worker, session, endpoint, fc.constantFrom('HANDED OFF', 'RELAY ENDED')).map(([number, id, client, event]) => {
  const more = event === 'HANDED OFF' ? { backend: '192.0.2.1:25', at: 'greeting' } : { toBackend: 512, toClient: 99, seconds: 0.25 }
  return jsonRecord('info', number, { session: id, event, client, ...more, msg: event.toLowerCase() })
})
const anyLine = fc.oneof(ofSession, ofRelay).map((line) => line.trimEnd())
const withoutUndefined = (item: unknown): unknown => JSON.parse(JSON.stringify(item)) as unknown
const parsed = (line: string): unknown => itemOfRecord(JSON.parse(line) as Record<string, unknown>, 'pod')

describe('a line of the most frequent events', () => {
  test('says the same as with JSON.parse', () => {
    fc.assert(
      fc.property(anyLine, (line) => {
        const item = readOwnLine(line, 'pod')
        assert.notEqual(item, undefined, line)
        assert.deepEqual(item, withoutUndefined(parsed(line)))
      }),
    )
  })

  test('is left to JSON.parse when it is damaged, or says the same', () => {
    const damage = fc.tuple(fc.double({ min: 0, max: 1, noNaN: true }), fc.nat(2), fc.constantFrom('', '"', '\\', '}', ',', '0', 'x'))
    fc.assert(
      fc.property(anyLine, damage, (line, [place, length, text]) => {
        const at = Math.floor(place * line.length)
        const damaged = line.slice(0, at) + text + line.slice(at + length)
        const item = readOwnLine(damaged, 'pod')
        if (item !== undefined) assert.deepEqual(item, withoutUndefined(parsed(damaged)))
      }),
      { numRuns: 2000 },
    )
  })

  const head = '{"level":"info","time":"2026-11-29T00:00:00.000Z","session":"89abcdef-0","event":"CONNECT","client":'
  const others: [string, string][] = [
    ['another event', `${head.replace('CONNECT', 'TESTS')}{"address":"192.0.2.1","port":1},"tests":[],"next":"end","msg":"TESTS"}`],
    ['an address that is not valid', `${head}{"address":"1.2.3","port":1},"server":{"address":"192.0.2.1","port":25},"msg":"CONNECT"}`],
    [
      'a time that is not valid',
      `${head.replace('-29T', '-39T')}{"address":"192.0.2.1","port":1},"server":{"address":"192.0.2.1","port":25},"msg":""}`,
    ],
    [
      'a second that is not valid',
      `${head.replace('00.000Z', '60.000Z')}{"address":"192.0.2.1","port":1},"server":{"address":"192.0.2.1","port":25},"msg":""}`,
    ],
    ['a line that is cut off', `${head}{"address":"192.0.2.1","port":1},"server":{"address":"192.0.2.1"`],
    ['no JSON', 'Nov 23 06:12:04 mx postfix/postscreen[1]: CONNECT from [192.0.2.1]:1 to [192.0.2.2]:25'],
  ]
  for (const [what, line] of others) test(`is left to JSON.parse: ${what}`, () => assert.equal(readOwnLine(line, ''), undefined))
})
