// A listing is never read from other bytes than the RDATA of a well-formed A record for the question: random damage to valid answers,
// compared with a second reader that is written for this test and shares nothing with the gateway's.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { encodeQuery, readAnswer } from '../../gateway/dns/dns-message.ts'
import { addressRecord, asked, labels, pointer, rawMessage, type RawRecord } from '../gateway/dns/dns-raw.ts'

const name = '2.0.0.127.bl.test'
const query = encodeQuery(name)

/** What the oracle makes of a message: undefined where it is not an answer to the question. */
type Oracle = { readonly addresses: readonly string[]; readonly rcode: number; readonly otherRecords: number } | undefined

/** Reads with explicit recursion and a set of places that were visited; lists every A record, or nothing at all. */
function oracle(message: Buffer): Oracle {
  const u16 = (at: number): number => message.readUInt16BE(at)
  const nameAt = (at: number, seen: ReadonlySet<number> = new Set()): { text: readonly string[]; end: number } => {
    assert.ok(!seen.has(at) && at < message.length)
    const length = message.readUInt8(at)
    if (length === 0) return { text: [], end: at + 1 }
    if (length >= 192) return { text: nameAt(u16(at) & 0x3fff, new Set([...seen, at])).text, end: at + 2 }
    assert.ok(length < 64 && at + 1 + length <= message.length)
    const rest = nameAt(at + 1 + length, new Set([...seen, at]))
    const label = message.toString('latin1', at + 1, at + 1 + length).replaceAll(/[A-Z]/g, (letter) => letter.toLowerCase())
    return { text: [label, ...rest.text], end: rest.end }
  }
  try {
    assert.ok((u16(2) & 0xfa00) === 0x8000 && u16(4) === 1)
    const question = nameAt(12)
    assert.deepEqual(question.text, name.split('.'))
    assert.ok(u16(question.end) === 1 && u16(question.end + 2) === 1)
    let at = question.end + 4
    const records = Array.from({ length: u16(6) + u16(8) + u16(10) }, (_, index) => {
      const owner = nameAt(at)
      const data = owner.end + 10
      const record = {
        owner: owner.text.join('/'),
        type: u16(owner.end),
        class: u16(owner.end + 2),
        data,
        length: u16(owner.end + 8),
        index,
      }
      at = data + record.length
      return record
    })
    assert.equal(at, message.length)
    const answers = records.filter(({ index }) => index < u16(6))
    let owner = name.split('.').join('/')
    for (const { owner: of, class: in_, data } of answers.filter(({ type }) => type === 5)) {
      // The samples have their aliases in order.
      if (of === owner && in_ === 1) owner = nameAt(data).text.join('/')
    }
    const addresses = answers.filter(({ type }) => type === 1)
    for (const one of addresses) assert.ok(one.length === 4 && one.class === 1 && one.owner === owner)
    const otherRecords = answers.filter(({ type }) => ![1, 5, 39, 46].includes(type)).length
    return { addresses: addresses.map(({ data }) => [...message.subarray(data, data + 4)].join('.')), rcode: u16(2) & 15, otherRecords }
  } catch {
    return undefined
  }
}

const address = fc.constantFrom('127.0.0.2', '127.0.0.10', '127.255.255.254', '127.1.2.3')
const soa: RawRecord = { owner: pointer(22), type: 6, data: Buffer.concat([labels('ns.test'), labels('root.test'), Buffer.alloc(20)]) }

const validAnswer = fc.oneof(
  fc.array(address, { minLength: 1, maxLength: 4 }).map((all) => rawMessage(query, { answers: all.map((one) => addressRecord(one)) })),
  fc.array(address, { minLength: 1, maxLength: 3 }).map((all) => {
    const answers = [{ type: 5, data: labels('x.test') }, ...all.map((one) => addressRecord(one, { owner: labels('x.test') }))]
    return rawMessage(query, { answers })
  }),
  fc.constant(rawMessage(query, { flags: 0x8183, authorities: [soa] })),
  fc.constant(rawMessage(query, { answers: [{ owner: asked, type: 5, data: labels('x.test') }], authorities: [soa] })),
)

/** What damage or malice does to a datagram. */
const mutation = fc.oneof(
  fc.record({ at: fc.nat(), value: fc.nat(255) }).map(
    ({ at, value }) =>
      (bytes: Buffer) =>
        void (bytes[at % bytes.length] = value),
  ),
  fc.record({ at: fc.nat(), bit: fc.nat(7) }).map(({ at, bit }) => (bytes: Buffer) => {
    const place = at % bytes.length
    bytes[place] = (bytes[place] ?? 0) ^ (1 << bit)
  }),
  // RDLENGTH, counts and pointers are words: small changes of them are the likeliest to be read as something else.
  fc.record({ at: fc.nat(), by: fc.integer({ min: -16, max: 16 }) }).map(({ at, by }) => (bytes: Buffer) => {
    const place = at % (bytes.length - 1)
    bytes.writeUInt16BE((bytes.readUInt16BE(place) + by) & 0xffff, place)
  }),
  fc.record({ at: fc.nat(), cut: fc.nat(20) }).map(({ at, cut }) => (bytes: Buffer) => {
    const place = at % bytes.length
    return Buffer.concat([bytes.subarray(0, place), bytes.subarray(Math.min(bytes.length, place + cut))])
  }),
  fc.record({ at: fc.nat(), more: fc.uint8Array({ maxLength: 20 }) }).map(({ at, more }) => (bytes: Buffer) => {
    const place = at % (bytes.length + 1)
    return Buffer.concat([bytes.subarray(0, place), more, bytes.subarray(place)])
  }),
)

test('a damaged answer of a list is never a listing with an address that no A record for the question holds', () => {
  const reached = { answer: 0, malformed: 0, other: 0 }
  const property = fc.property(validAnswer, fc.array(mutation, { maxLength: 3 }), (valid, mutations) => {
    let bytes = Buffer.from(valid)
    for (const change of mutations) if (bytes.length > 1) bytes = change(bytes) ?? bytes
    const reading = readAnswer(bytes, query)
    if (reading.is !== 'answer') {
      reached[reading.is === 'malformed' ? 'malformed' : 'other']++
      return
    }
    reached.answer++
    const truth = oracle(bytes)
    assert.ok(truth !== undefined, 'read as an answer, and the oracle reads none')
    assert.deepEqual(reading.addresses, truth.addresses)
    if (reading.addresses.length === 0) assert.equal(truth.otherRecords, 0)
    else assert.equal(truth.rcode, 0)
  })
  fc.assert(property, { numRuns: 20_000 })
  for (const [what, count] of Object.entries(reached)) assert.ok(count > 500, `${what}: only ${count} runs`)
})
