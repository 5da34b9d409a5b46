// What a message says about a question, and that bytes of any kind do no harm.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Answer, decode, encode, RECURSION_DESIRED, type Question } from 'dns-packet'
import * as fc from 'fast-check'
import type { DnsblErrorKind } from '../../../gateway/core/vocabulary.ts'
import { encodeQuery, type Reading, readAnswer } from '../../../gateway/dns/dns-message.ts'
import { addressRecord, labels, pointer, rawMessage, type RawMessage } from './dns-raw.ts'

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
const fails = (kind: DnsblErrorKind, text: string): Reading => ({ is: 'failure', error: { kind, text } })
const malformed = (why: string): Reading => ({ is: 'malformed', error: { kind: 'malformed', text: `malformed answer: ${why}` } })
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
  {
    what: 'NXDOMAIN with an address',
    bytes: message({ flags: 3, answers: [a('127.0.0.2')] }),
    want: malformed('NXDOMAIN with an address'),
  },
  { what: 'no data with SOA', bytes: message({ authorities: [soa(30)] }), want: clean(30) },
  { what: 'no data without SOA', bytes: message({}), want: clean(-1) },
  { what: 'name servers of another zone instead of an answer', bytes: message({ authorities: [ns] }), want: fails('referral', 'referral') },
  { what: 'name servers from the authority itself', bytes: message({ flags: 1 << 10, authorities: [ns] }), want: clean(-1) },
  { what: 'addresses with name servers', bytes: message({ answers: [a('127.0.0.2')], authorities: [ns] }), want: listed(60, '127.0.0.2') },
  { what: 'the owner in capitals', bytes: message({ answers: [a('127.0.0.2', 60, name.toUpperCase())] }), want: listed(60, '127.0.0.2') },
  {
    what: 'an address of another name',
    bytes: message({ answers: [a('127.0.0.2', 60, 'other.test')] }),
    want: malformed('an A record of another name'),
  },
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
    want: malformed('CNAME chain too long'),
  },
  { what: 'a CNAME to itself', bytes: message({ answers: [cname(name, name)] }), want: malformed('CNAME chain too long') },
  {
    what: 'a circle of CNAMEs',
    bytes: message({ answers: [cname(name, 'x.test'), cname('x.test', name)] }),
    want: malformed('CNAME chain too long'),
  },
  { what: 'SERVFAIL', bytes: message({ flags: 2 }), want: fails('servfail', 'SERVFAIL') },
  { what: 'REFUSED', bytes: message({ flags: 5 }), want: fails('refused', 'REFUSED') },
  { what: 'a code without a name', bytes: message({ flags: 11 }), want: fails('rcode', 'RCODE 11') },
  { what: 'an error that leaves out the question', bytes: message({ flags: 1, questions: [] }), want: fails('rcode', 'FORMERR') },
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
  {
    what: 'half a record',
    bytes: message({ answers: [a('127.0.0.2')] }).subarray(0, -6),
    want: malformed('a record is cut off'),
  },
  {
    what: 'half an address',
    bytes: message({ answers: [a('127.0.0.2')] }).subarray(0, -2),
    want: malformed('RDLENGTH goes beyond the message'),
  },
]

for (const { what, bytes, want } of cases) test(`answer: ${what}`, () => assert.deepEqual(readAnswer(bytes, query), want))

const two = addressRecord('127.0.0.2')
const chaos = 3
const txt = { type: 16, data: Buffer.from([4, ...Buffer.from('spam')]) }
const alias = (to: Buffer, more: object = {}) => ({ type: 5, data: to, ...more })
const soaData = Buffer.concat([labels('ns.test'), labels('root.test'), Buffer.alloc(20)])
const soaRecord = { owner: labels('bl.test'), type: 6, data: soaData }
/** Where the first record begins. */
const first = query.length

// What a codec may read as an address or as "not listed" although the message is not valid.
const invalid: readonly (RawMessage & { readonly what: string; readonly why: string })[] = [
  {
    what: 'an A record of two bytes in front of another record (127.0, then 1.2 as the start of the next owner)',
    answers: [{ data: Buffer.from([127, 0]) }, { owner: Buffer.from([1, 2, 0]), type: 1, data: Buffer.from([127, 0, 0, 2]) }],
    why: 'an A record of another name',
  },
  { what: 'an A record of two bytes', answers: [{ data: Buffer.from([127, 0]) }], why: 'an A record with RDLENGTH 2' },
  {
    what: 'an A record of two bytes, then a good one',
    answers: [{ data: Buffer.from([127, 0]) }, two],
    why: 'an A record with RDLENGTH 2',
  },
  {
    what: 'a good A record, then one of three bytes',
    answers: [two, { data: Buffer.from([127, 0, 0]) }],
    why: 'an A record with RDLENGTH 3',
  },
  {
    what: 'an A record of 16 bytes',
    answers: [{ data: Buffer.from('7f000002000000000000000000000000', 'hex') }],
    why: 'an A record with RDLENGTH 16',
  },
  { what: 'an A record of five bytes', answers: [{ data: Buffer.from([127, 0, 0, 2, 0]) }], why: 'an A record with RDLENGTH 5' },
  { what: 'an empty A record', answers: [{ data: Buffer.alloc(0) }], why: 'an A record with RDLENGTH 0' },
  { what: 'RDLENGTH 5 with four bytes left', answers: [{ ...two, rdlength: 5 }], why: 'RDLENGTH goes beyond the message' },
  { what: 'RDLENGTH 2 with four bytes left', answers: [{ ...two, rdlength: 2 }], why: '2 bytes after the last record' },
  { what: 'an address of another class', answers: [{ ...two, class: chaos }], why: 'an A record of another class' },
  {
    what: 'an address with the cache-flush bit of multicast DNS',
    answers: [{ ...two, class: 0x8001 }],
    why: 'an A record of another class',
  },
  {
    what: 'a second address of another name',
    answers: [two, addressRecord('127.0.0.3', { owner: labels('x.test') })],
    why: 'an A record of another name',
  },
  {
    what: 'an address of a parent',
    answers: [addressRecord('127.0.0.2', { owner: labels('bl.test') })],
    why: 'an A record of another name',
  },
  {
    what: 'an address of a name whose one label has the dots',
    answers: [addressRecord('127.0.0.2', { owner: Buffer.from(`\x11${name}\0`, 'latin1') })],
    why: 'an A record of another name',
  },
  { what: 'an address beside a CNAME', answers: [alias(labels('x.test')), two], why: 'an A record of another name' },
  {
    what: 'a CNAME of another name',
    answers: [alias(labels('y.test'), { owner: labels('x.test') })],
    why: 'a CNAME record of another name',
  },
  { what: 'two CNAMEs', answers: [alias(labels('x.test')), alias(labels('y.test'))], why: 'two CNAME records of one name' },
  { what: 'a CNAME of another class', answers: [alias(labels('x.test'), { class: chaos })], why: 'a CNAME record of another class' },
  {
    what: 'a CNAME with bytes behind its name',
    answers: [alias(Buffer.concat([labels('x.test'), Buffer.alloc(1)]))],
    why: 'RDLENGTH does not fit the name in RDATA',
  },
  {
    what: 'a CNAME that is longer than its RDLENGTH',
    answers: [{ ...alias(labels('x.test')), rdlength: 3 }, two],
    why: 'a label of an unknown kind',
  },
  { what: 'only a record of another type', answers: [txt], why: 'records of another type' },
  { what: 'more answers announced than there are', answers: [two], counts: [2, 0, 0], why: 'a name is cut off' },
  { what: 'fewer answers announced than there are', answers: [two], counts: [0, 0, 0], why: '16 bytes after the last record' },
  { what: 'more authorities announced than there are', authorities: [soaRecord], counts: [0, 2, 0], why: 'a name is cut off' },
  { what: 'more additionals announced than there are', answers: [two], counts: [1, 0, 9], why: 'a name is cut off' },
  {
    what: 'an additional record that does not fit',
    answers: [two],
    additionals: [{ ...txt, rdlength: 6 }],
    why: 'RDLENGTH goes beyond the message',
  },
  { what: 'bytes behind the last record', answers: [two], after: Buffer.from('more'), why: '4 bytes after the last record' },
  { what: 'bytes behind an NXDOMAIN', flags: 0x8183, after: Buffer.alloc(1), why: '1 bytes after the last record' },
  {
    what: 'an SOA that is too short',
    authorities: [{ ...soaRecord, data: soaData.subarray(0, -1) }],
    why: 'an SOA record with a wrong RDLENGTH',
  },
  {
    what: 'an owner that points to itself',
    answers: [{ ...two, owner: pointer(first) }],
    why: 'a compression pointer that does not lead back',
  },
  {
    what: 'an owner that points ahead',
    answers: [{ ...two, owner: pointer(first + 2) }],
    why: 'a compression pointer that does not lead back',
  },
  {
    what: 'an owner that points into the header',
    answers: [{ ...two, owner: pointer(4) }],
    why: 'a compression pointer that does not lead back',
  },
  {
    what: 'an owner in a loop of a label and a pointer',
    answers: [{ ...two, owner: Buffer.concat([Buffer.from('\x01a'), pointer(first)]) }],
    why: 'a compression pointer that does not lead back',
  },
  {
    what: 'an owner with a label of an unknown kind',
    answers: [{ ...two, owner: Buffer.from([0x41, 0]) }],
    why: 'a label of an unknown kind',
  },
  {
    what: 'an owner of more than 255 bytes',
    answers: [{ ...two, owner: labels(Array.from({ length: 5 }, () => 'a'.repeat(60)).join('.')) }],
    why: 'a name of more than 255 bytes',
  },
  { what: '4,000 addresses', answers: Array.from({ length: 4000 }, () => two), why: 'more than 256 records' },
]

for (const { what, why, ...raw } of invalid) {
  test(`answer: ${what} is neither a listing nor "not listed"`, () => {
    assert.deepEqual(readAnswer(rawMessage(query, raw), query), malformed(why))
  })
}

const valid: readonly (RawMessage & { readonly what: string; readonly want: Reading })[] = [
  { what: 'an address with the owner written out', answers: [{ ...two, owner: labels(name) }], want: listed(60, '127.0.0.2') },
  {
    what: 'an owner of a label and a pointer into the question',
    answers: [{ ...two, owner: Buffer.concat([Buffer.from('\x012'), pointer(14)]) }],
    want: listed(60, '127.0.0.2'),
  },
  { what: 'a signature beside the address', answers: [two, { type: 46, data: Buffer.alloc(30) }], want: listed(60, '127.0.0.2') },
  {
    what: 'a CNAME that a DNAME made',
    answers: [
      { owner: labels('bl.test'), type: 39, data: labels('x.test') },
      alias(labels('2.0.0.127.x.test')),
      addressRecord('127.0.0.3', { owner: labels('2.0.0.127.x.test') }),
    ],
    want: listed(60, '127.0.0.3'),
  },
  { what: 'NXDOMAIN behind a CNAME', flags: 0x8183, answers: [alias(labels('x.test'))], authorities: [soaRecord], want: clean(60) },
  {
    what: 'an additional OPT record',
    answers: [two],
    additionals: [{ owner: Buffer.alloc(1), type: 41, class: 1232, ttl: 0, data: Buffer.alloc(0) }],
    want: listed(60, '127.0.0.2'),
  },
]

for (const { what, want, ...raw } of valid) test(`answer: ${what}`, () => assert.deepEqual(readAnswer(rawMessage(query, raw), query), want))

test('answer: a name with a chain of 8,000 pointers does not block the process', () => {
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
  const [ours, alone] = [cost((bytes) => readAnswer(bytes, query)), cost(decode)]
  assert.ok(ours < alone / 4, `${ours} µs, and ${alone} µs with dns-packet alone`)
})

test('query: one question for A, recursion desired, nothing else', () => {
  assert.deepEqual(query, encode({ type: 'query', id: 0, flags: RECURSION_DESIRED, questions: [{ type: 'A', name }] }))
  assert.equal(query.length, 12 + name.length + 2 + 4)
})

test('answer: any bytes are foreign; they never throw and never count', () => {
  const property = fc.property(fc.uint8Array({ maxLength: 600 }), (bytes) => {
    const { is } = readAnswer(Buffer.from(bytes), query)
    assert.ok(is !== 'answer', is)
  })
  fc.assert(property, { numRuns: 5000 })
})

test('answer: any bytes after the right question never throw, and addresses are IPv4 literals', () => {
  const head = message({}).subarray(2, 12)
  const property = fc.property(fc.uint8Array({ maxLength: 300 }), fc.uint8Array({ minLength: 6, maxLength: 6 }), (rest, counts) => {
    const bytes = Buffer.concat([Buffer.alloc(2), head, query.subarray(12), rest])
    bytes.set(counts, 6)
    const reading = readAnswer(bytes, query)
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
      readAnswer(bytes, query)
    }
  }
})

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
