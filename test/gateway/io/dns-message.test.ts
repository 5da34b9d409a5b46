// What a message says about a question, and that bytes of any kind do no harm.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Answer, decode, encode, RECURSION_DESIRED, type Question } from 'dns-packet'
import * as fc from 'fast-check'
import { encodeQuery, type Reading, readAnswer } from '../../../gateway/io/dns/dns-message.ts'

const name = '2.0.0.127.bl.test'
const query = encodeQuery(name)
const a = (data: string, ttl = 60, owner = name): Answer => ({ type: 'A', name: owner, ttl, data })
const cname = (owner: string, data: string): Answer => ({ type: 'CNAME', name: owner, ttl: 1, data })
const soa = (ttl: number): Answer => ({
  type: 'SOA',
  name: 'bl.test',
  ttl,
  data: { mname: 'ns.test', rname: 'root.test', serial: 1, refresh: 1, retry: 1, expire: 1, minimum: 5 },
})
const ns: Answer = { type: 'NS', name: 'test', ttl: 60, data: 'ns.test' }

interface Message {
  readonly flags?: number
  readonly questions?: Question[]
  readonly answers?: Answer[]
  readonly authorities?: Answer[]
  readonly additionals?: Answer[]
}

function message({ flags = 0, ...sections }: Message): Buffer {
  return encode({ type: 'response', id: 0, flags, questions: [{ type: 'A', name }], ...sections })
}

const listed = (ttl: number, ...addresses: string[]): Reading => ({ is: 'answer', addresses, ttl })
const clean = (ttl: number): Reading => ({ is: 'answer', addresses: [], ttl })
const fails = (error: string): Reading => ({ is: 'failure', error })
const foreign: Reading = { is: 'foreign' }
const chain = (length: number) => Array.from({ length }, (_, i) => cname(i === 0 ? name : `c${i}.test`, `c${i + 1}.test`))

const cases: { what: string; bytes: Buffer; want: Reading }[] = [
  { what: 'one address', bytes: message({ answers: [a('127.0.0.2')] }), want: listed(60, '127.0.0.2') },
  {
    what: 'several addresses, the lowest TTL',
    bytes: message({ answers: [a('127.0.0.2', 50), a('127.0.0.4', 40), a('127.0.0.10', 90)] }),
    want: listed(40, '127.0.0.2', '127.0.0.4', '127.0.0.10'),
  },
  { what: 'TTL 0 is a TTL', bytes: message({ answers: [a('127.0.0.2', 0)] }), want: listed(0, '127.0.0.2') },
  {
    what: 'a TTL with the top bit set means 0 (RFC 2181 8)',
    bytes: message({ answers: [a('127.0.0.2', 2 ** 31)] }),
    want: listed(0, '127.0.0.2'),
  },
  {
    what: 'NXDOMAIN with SOA: the TTL of the record, not its minimum',
    bytes: message({ flags: 3, authorities: [soa(300)] }),
    want: clean(300),
  },
  { what: 'NXDOMAIN with two SOA: the lowest', bytes: message({ flags: 3, authorities: [soa(300), soa(200)] }), want: clean(200) },
  { what: 'NXDOMAIN without SOA', bytes: message({ flags: 3 }), want: clean(-1) },
  { what: 'NXDOMAIN wins over addresses', bytes: message({ flags: 3, answers: [a('127.0.0.2')] }), want: clean(-1) },
  { what: 'no data with SOA', bytes: message({ authorities: [soa(30)] }), want: clean(30) },
  { what: 'no data without SOA', bytes: message({}), want: clean(-1) },
  { what: 'name servers of somebody else instead of an answer', bytes: message({ authorities: [ns] }), want: fails('referral') },
  { what: 'name servers from the authority itself', bytes: message({ flags: 1 << 10, authorities: [ns] }), want: clean(-1) },
  { what: 'addresses with name servers', bytes: message({ answers: [a('127.0.0.2')], authorities: [ns] }), want: listed(60, '127.0.0.2') },
  { what: 'the owner in capitals', bytes: message({ answers: [a('127.0.0.2', 60, name.toUpperCase())] }), want: listed(60, '127.0.0.2') },
  { what: 'an address of somebody else', bytes: message({ answers: [a('127.0.0.2', 60, 'other.test')] }), want: clean(-1) },
  {
    what: 'records of other types',
    bytes: message({ answers: [{ type: 'TXT', name, ttl: 5, data: 'listed' }, a('127.0.0.2')] }),
    want: listed(60, '127.0.0.2'),
  },
  {
    what: 'a CNAME; its TTL does not count',
    bytes: message({ answers: [cname(name, 'x.test'), a('127.0.0.2', 60, 'x.test')] }),
    want: listed(60, '127.0.0.2'),
  },
  {
    what: 'a CNAME after its address',
    bytes: message({ answers: [a('127.0.0.2', 60, 'x.test'), cname(name, 'X.test')] }),
    want: listed(60, '127.0.0.2'),
  },
  { what: 'a CNAME to nothing', bytes: message({ answers: [cname(name, 'x.test')], authorities: [soa(9)] }), want: clean(9) },
  { what: 'ten CNAMEs', bytes: message({ answers: [...chain(10), a('127.0.0.2', 60, 'c10.test')] }), want: listed(60, '127.0.0.2') },
  {
    what: 'eleven CNAMEs',
    bytes: message({ answers: [...chain(11), a('127.0.0.2', 60, 'c11.test')] }),
    want: fails('CNAME chain too long'),
  },
  { what: 'a CNAME to itself', bytes: message({ answers: [cname(name, name)] }), want: fails('CNAME chain too long') },
  {
    what: 'a circle of CNAMEs',
    bytes: message({ answers: [cname(name, 'x.test'), cname('x.test', name)] }),
    want: fails('CNAME chain too long'),
  },
  { what: 'SERVFAIL', bytes: message({ flags: 2 }), want: fails('SERVFAIL') },
  { what: 'REFUSED', bytes: message({ flags: 5 }), want: fails('REFUSED') },
  { what: 'a code without a name', bytes: message({ flags: 11 }), want: fails('RCODE 11') },
  { what: 'an error that leaves out the question', bytes: message({ flags: 1, questions: [] }), want: fails('FORMERR') },
  { what: 'an answer that leaves out the question', bytes: message({ questions: [], answers: [a('127.0.0.2')] }), want: foreign },
  { what: 'NXDOMAIN that leaves out the question', bytes: message({ flags: 3, questions: [] }), want: foreign },
  { what: 'a cut answer', bytes: message({ flags: 1 << 9, answers: [a('127.0.0.2')] }), want: { is: 'truncated' } },
  { what: 'the question in capitals', bytes: message({ questions: [{ type: 'A', name: name.toUpperCase() }] }), want: clean(-1) },
  { what: 'another name', bytes: message({ questions: [{ type: 'A', name: '3.0.0.127.bl.test' }] }), want: foreign },
  { what: 'a longer name', bytes: message({ questions: [{ type: 'A', name: `${name}.example` }] }), want: foreign },
  { what: 'another type', bytes: message({ questions: [{ type: 'TXT', name }] }), want: foreign },
  { what: 'another class', bytes: message({ questions: [{ type: 'A', class: 'CH', name }] }), want: foreign },
  {
    what: 'two questions',
    bytes: message({
      questions: [
        { type: 'A', name },
        { type: 'A', name },
      ],
    }),
    want: foreign,
  },
  { what: 'a query', bytes: Buffer.from(query), want: foreign },
  { what: 'another opcode', bytes: message({ flags: 2 << 11 }), want: foreign },
  { what: 'nothing', bytes: Buffer.alloc(0), want: foreign },
  { what: 'half a header', bytes: message({}).subarray(0, 7), want: foreign },
  { what: 'half a question', bytes: message({}).subarray(0, 20), want: foreign },
  { what: 'half a record', bytes: message({ answers: [a('127.0.0.2')] }).subarray(0, -6), want: fails('malformed answer') },
  { what: 'half an address', bytes: message({ answers: [a('127.0.0.2')] }).subarray(0, -2), want: fails('malformed answer') },
  {
    what: 'more answers promised than there are',
    bytes: withCount(message({ answers: [a('127.0.0.2')] }), 6, 9),
    want: fails('malformed answer'),
  },
  {
    what: 'a class with the top bit set, which only multicast DNS knows',
    bytes: message({ answers: [{ type: 'A', name, ttl: 60, data: '127.0.0.2', flush: true }] }),
    want: clean(-1),
  },
  {
    what: 'another class of the record',
    bytes: message({ answers: [{ type: 'A', class: 'CH', name, ttl: 60, data: '127.0.0.2' }] }),
    want: clean(-1),
  },
  {
    what: 'an additional section that makes no sense',
    bytes: withCount(message({ answers: [a('127.0.0.2')] }), 10, 9),
    want: listed(60, '127.0.0.2'),
  },
]

for (const { what, bytes, want } of cases) test(`answer: ${what}`, () => assert.deepEqual(readAnswer(bytes, query, name), want))

test('answer: of 4,000 addresses a hundred are kept', () => {
  const answers = Array.from({ length: 4000 }, (_, i) => a(`127.0.${i >> 8}.${i & 255}`))
  const reading = readAnswer(message({ answers, authorities: [soa(1)] }), query, name)
  assert.equal(reading.is === 'answer' && reading.addresses.length, 100)
})

test('answer: names that point along a chain of 8,000 pointers do not hold up the process', () => {
  /** Processor time in microseconds, the least of three: that of this machine at its quietest. */
  const cost = (read: (bytes: Buffer) => unknown): number =>
    Math.min(
      ...[1, 2, 3].map(() => {
        const bytes = pointerBomb()
        const before = process.cpuUsage()
        read(bytes)
        return process.cpuUsage(before).user
      }),
    )
  const [ours, alone] = [cost((bytes) => readAnswer(bytes, query, name)), cost(decode)]
  assert.ok(ours < alone / 4, `${ours} µs, and ${alone} µs with dns-packet alone`)
})

test('query: one question for A, recursion desired, nothing else', () => {
  assert.deepEqual(query, encode({ type: 'query', id: 0, flags: RECURSION_DESIRED, questions: [{ type: 'A', name }] }))
  assert.equal(query.length, 12 + name.length + 2 + 4)
})

test('answer: any bytes are foreign; they never throw and never count', () => {
  const property = fc.property(fc.uint8Array({ maxLength: 600 }), (bytes) => {
    const { is } = readAnswer(Buffer.from(bytes), query, name)
    assert.ok(is === 'foreign' || is === 'failure', is)
  })
  fc.assert(property, { numRuns: 5000 })
})

test('answer: any bytes after the right question never throw, and addresses are IPv4 literals', () => {
  const head = message({}).subarray(2, 12)
  const property = fc.property(fc.uint8Array({ maxLength: 300 }), fc.uint8Array({ minLength: 6, maxLength: 6 }), (rest, counts) => {
    const bytes = Buffer.concat([Buffer.alloc(2), head, query.subarray(12), rest])
    bytes.set(counts, 6)
    const reading = readAnswer(bytes, query, name)
    if (reading.is === 'answer') for (const address of reading.addresses) assert.match(address, /^(\d{1,3}\.){3}\d{1,3}$/)
  })
  fc.assert(property, { numRuns: 5000 })
})

test('answer: a good message with any byte changed never throws', () => {
  const good = message({ answers: [cname(name, 'x.test'), a('127.0.0.2', 60, 'x.test')], authorities: [soa(9)] })
  for (let at = 0; at < good.length; at++) {
    for (let value = 0; value < 256; value++) {
      const bytes = Buffer.from(good)
      bytes[at] = value
      readAnswer(bytes, query, name)
    }
  }
})

function withCount(bytes: Buffer, at: number, count: number): Buffer {
  bytes.writeUInt16BE(count, at)
  return bytes
}

/** A NULL record full of pointers, each to the one before, and then as many records as fit whose name is the last of them. */
function pointerBomb(): Buffer {
  const bytes = Buffer.alloc(65_535)
  query.copy(bytes)
  bytes.writeUInt16BE(0x8000, 2)
  let at = query.length
  bytes.writeUInt16BE(10, at + 1)
  const lengthAt = at + 9
  at = lengthAt + 3
  let last = at - 1
  for (; at < 16_380; at += 2) {
    bytes.writeUInt16BE(0xc000 | last, at)
    last = at
  }
  bytes.writeUInt16BE(at - lengthAt - 2, lengthAt)
  let count = 1
  for (; at + 12 <= bytes.length; at += 12, count++) {
    bytes.writeUInt16BE(0xc000 | last, at)
    bytes.writeUInt16BE(999, at + 2)
  }
  bytes.writeUInt16BE(count, 6)
  return bytes
}
