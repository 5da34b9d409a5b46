// Answers to questions for AAAA, MX and TXT records: what is read, what is refused, and that bytes of any kind do no harm.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Answer, encode } from 'dns-packet'
import fc from 'fast-check'
import { encodeQuery, type QueryType, type Reading, readAnswer } from '../../../gateway/dns/dns-message.ts'
import { labels, rawMessage, type RawRecord } from './dns-raw.ts'

const name = '_spf.Big.test'
const answers = (type: QueryType, ...records: Answer[]): Reading =>
  readAnswer(encode({ type: 'response', id: 0, questions: [{ type, name }], answers: records }), encodeQuery(name, type))
const raw = (type: QueryType, ...records: RawRecord[]): Reading => {
  const query = encodeQuery(name, type)
  return readAnswer(rawMessage(query, { answers: records }), query)
}
const malformed = (why: string): Reading => ({ is: 'malformed', error: { kind: 'malformed', text: `malformed answer: ${why}` } })
const bytes = (...numbers: number[]): Buffer => Buffer.from(numbers)

const cases: readonly (readonly [what: string, got: Reading, want: Reading])[] = [
  [
    'TXT: the strings of a record are joined, whatever their bytes',
    answers('TXT', { type: 'TXT', name, ttl: 5, data: [Buffer.from('v=spf1 '), Buffer.from([0, 255]), Buffer.from('-all')] }),
    { is: 'answer', addresses: [], texts: ['v=spf1 \u0000\u00ff-all'], ttl: 5 },
  ],
  [
    'TXT: behind an alias, in any case',
    answers('TXT', { type: 'CNAME', name, ttl: 1, data: 'x.test' }, { type: 'TXT', name: 'X.test', ttl: 9, data: 'a' }),
    { is: 'answer', addresses: [], texts: ['a'], ttl: 9 },
  ],
  ['TXT: none', answers('TXT'), { is: 'answer', addresses: [], texts: [], ttl: -1 }],
  ['TXT: an empty record', raw('TXT', { type: 16, data: bytes(0) }), { is: 'answer', addresses: [], texts: [''], ttl: 60 }],
  ['TXT: a string that is cut off', raw('TXT', { type: 16, data: bytes(5, 97) }), malformed('a string of a TXT record is cut off')],
  ['TXT: of another name', answers('TXT', { type: 'TXT', name: 'y.test', data: 'a' }), malformed('a TXT record of another name')],
  ['TXT: another type instead', answers('TXT', { type: 'A', name, data: '127.0.0.2' }), malformed('records of another type')],
  [
    'AAAA: in canonical form',
    answers('AAAA', { type: 'AAAA', name, ttl: 7, data: '2001:0DB8:0:0:0:0:0:1' }),
    { is: 'answer', addresses: ['2001:db8::1'], ttl: 7 },
  ],
  ['AAAA: of four bytes', raw('AAAA', { type: 28, data: bytes(127, 0, 0, 2) }), malformed('an AAAA record with RDLENGTH 4')],
  [
    'MX: the hosts in lower case',
    answers(
      'MX',
      { type: 'MX', name, ttl: 7, data: { preference: 10, exchange: 'A.Mx.test' } },
      { type: 'MX', name, ttl: 6, data: { preference: 0, exchange: '.' } },
    ),
    { is: 'answer', addresses: [], texts: ['a.mx.test', ''], ttl: 6 },
  ],
  ['MX: without a name', raw('MX', { type: 15, data: bytes(0, 1) }), malformed('an MX record with RDLENGTH 2')],
  [
    'MX: bytes behind the name',
    raw('MX', { type: 15, data: Buffer.concat([bytes(0, 1), labels('a.test'), bytes(9)]) }),
    malformed('RDLENGTH does not fit the name in RDATA'),
  ],
]

for (const [what, got, want] of cases) test(`answer: ${what}`, () => assert.deepEqual(got, want))

test('answer: any bytes after a question for any type never throw', () => {
  const types = fc.constantFrom<QueryType>('A', 'AAAA', 'MX', 'TXT')
  const records = fc.array(fc.tuple(fc.constantFrom(1, 5, 15, 16, 28), fc.uint8Array({ maxLength: 40 })), { maxLength: 4 })
  const property = fc.property(types, records, fc.uint8Array({ maxLength: 20 }), (type, made, after) => {
    const query = encodeQuery(name, type)
    const message = rawMessage(query, {
      answers: made.map(([of, data]) => ({ type: of, data: Buffer.from(data) })),
      after: Buffer.from(after),
    })
    const reading = readAnswer(message, query)
    if (reading.is === 'answer') assert.ok([...reading.addresses, ...(reading.texts ?? [])].every((text) => text.length <= 255))
  })
  fc.assert(property, { numRuns: 5000 })
})
