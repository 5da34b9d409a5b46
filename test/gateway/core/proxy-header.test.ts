// The PROXY header: Postfix's own cases (haproxy_srvr_test.c), its reasons word for word, and what holds for every header.
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import * as fc from 'fast-check'
import { formatIPv4, formatIPv6 } from '../../../crds/values/address.ts'
import {
  finishProxyHeader,
  parseProxyHeader,
  proxyHeaderLimit,
  type ProxyHeaderResult,
  writeLocalProxyHeader,
  writeProxyHeader,
} from '../../../gateway/core/proxy-header.ts'
import type { Endpoint } from '../../../crds/values/endpoint.ts'

const bytes = (text: string): Uint8Array => Buffer.from(text, 'latin1')

/** The header after every way to cut it in two, and after each of its bytes alone. */
function answersToCuts(whole: Uint8Array): ProxyHeaderResult[] {
  const answers: ProxyHeaderResult[] = []
  for (let cut = 0; cut < whole.length; cut++) {
    const first = parseProxyHeader(whole.subarray(0, cut))
    answers.push(first.is === 'more' ? parseProxyHeader(whole) : first)
  }
  let answer: ProxyHeaderResult = { is: 'more' }
  for (let length = 1; answer.is === 'more' && length <= whole.length; length++) answer = parseProxyHeader(whole.subarray(0, length))
  return [...answers, answer]
}

interface Case {
  readonly header: string
  readonly want: string
}

const accepted: readonly Case[] = [
  { header: 'PROXY TCP6 fc:00:00:00:1:2:3:4 fc:00:00:00:4:3:2:1 123 321\n', want: 'fc::1:2:3:4 123 fc::4:3:2:1 321' },
  { header: 'PROXY TCP6 FC:00:00:00:1:2:3:4 FC:00:00:00:4:3:2:1 123 321\n', want: 'fc::1:2:3:4 123 fc::4:3:2:1 321' },
  { header: 'PROXY TCP6 ::ffff:1.2.3.4 ::ffff:4.3.2.1 123 321\n', want: '1.2.3.4 123 4.3.2.1 321' },
  { header: 'PROXY TCP6 ::FFFF:1.2.3.4 ::FFFF:4.3.2.1 123 321\n', want: '1.2.3.4 123 4.3.2.1 321' },
  { header: 'PROXY TCP6 ::ffff:0102:304 ::1 123 321\n', want: '1.2.3.4 123 ::1 321' },
  { header: 'PROXY TCP4 1.2.3.4 4.3.2.1 123 321\n', want: '1.2.3.4 123 4.3.2.1 321' },
  { header: 'PROXY TCP4 01.02.03.04 04.03.02.01 123 321\n', want: '1.2.3.4 123 4.3.2.1 321' },
  { header: 'PROXY TCP4 010.2.3.4 0.0.0.0 0 65535\n', want: '8.2.3.4 0 0.0.0.0 65535' },
  { header: 'PROXY tcp4   1.2.3.4 4.3.2.1 123 321\r\n', want: '1.2.3.4 123 4.3.2.1 321' },
  { header: 'PROXY  TCP4 1.2.3.4 4.3.2.1 123 321 and more \r\n', want: '1.2.3.4 123 4.3.2.1 321' },
  { header: 'PROXY TCP4 1.2.3.4 4.3.2.1\r123 321\n', want: '1.2.3.4 123 4.3.2.1 321' },
]

const refused: readonly Case[] = [
  { header: 'PROXY TCP6 1.2.3.4 4.3.2.1 123 321\n', want: 'bad or missing client address' },
  { header: 'PROXY TCP6 fc:00:00:00:1:2:3:4 4.3.2.1 123 321\n', want: 'bad or missing server address' },
  { header: 'PROXY TCP4 ::ffff:1.2.3.4 ::ffff:4.3.2.1 123 321\n', want: 'bad or missing client address' },
  { header: 'PROXY TCP4 1.2.3.4 ::ffff:4.3.2.1 123 321\n', want: 'bad or missing server address' },
  { header: 'PROXY TCP4 1.2.3.4 4.3.2.1 123456 321\n', want: 'bad or missing client port' },
  { header: 'PROXY TCP4 1.2.3.4 4.3.2.1 123 654321\n', want: 'bad or missing server port' },
  { header: 'PROXY TCP4 1.2.3.4 4.3.2.1 123 65536\n', want: 'bad or missing server port' },
  { header: 'PROXY TCP4 1.2.3.4 4.3.2.1 0123 321\n', want: 'bad or missing client port' },
  { header: 'PROXY TCP4 1.2.3.4 4.3.2.1 123 0321\n', want: 'bad or missing server port' },
  { header: 'PROXY TCP6 fc:00:00:00:1:2:3:4 fc:00:00:00:4:3:2:1 123\n', want: 'bad or missing server port' },
  { header: 'PROXY TCP6 fc:00:00:00:1:2:3:4 fc:00:00:00:4:3:2:1\n', want: 'bad or missing client port' },
  { header: 'PROXY TCP6 fc:00:00:00:1:2:3:4\n', want: 'bad or missing server address' },
  { header: 'PROXY TCP6\n', want: 'bad or missing client address' },
  { header: 'PROXY TCP4 1.2.3.4 4.3.2.1 123\n', want: 'bad or missing server port' },
  { header: 'PROXY TCP4 1.2.3.4 4.3.2.1\n', want: 'bad or missing client port' },
  { header: 'PROXY TCP4 1.2.3.4\n', want: 'bad or missing server address' },
  { header: 'PROXY TCP4\n', want: 'bad or missing client address' },
  { header: 'PROXY TCP4 08.2.3.4 4.3.2.1 123 321\n', want: 'bad or missing client address' },
  { header: 'PROXY TCP4 0.1.2.3 4.3.2.1 123 321\n', want: 'bad or missing client address' },
  { header: 'PROXY TCP4 1.2.3 4.3.2.1 123 321\n', want: 'bad or missing client address' },
  { header: 'PROXY TCP4 1.2.3.4. 4.3.2.1 123 321\n', want: 'bad or missing client address' },
  { header: 'PROXY TCP6 1:2:3:4:5:6:7:: ::1 123 321\n', want: 'bad or missing client address' },
  { header: 'PROXY TCP6 ::1%lo ::1 123 321\n', want: 'bad or missing client address' },
  { header: 'PROXY TCP6 ::1 ::01.2.3.4 123 321\n', want: 'bad or missing server address' },
  { header: 'PROXY BLAH\n', want: 'bad or missing protocol type' },
  { header: 'PROXY UNKNOWNS\r\n', want: 'bad or missing protocol type' },
  { header: 'PROXY UNKNOW\r\n', want: 'bad or missing protocol type' },
  { header: 'PROXY UNKNOWN\0\r\n', want: 'missing protocol header terminator' },
  { header: 'PROXY \n', want: 'bad or missing protocol type' },
  { header: 'PROXY TCP4 1.2.3.4 4.3.2.1 123\0 321\n', want: 'missing protocol header terminator' },
]

/** Refused at sight, so that the reason goes by how much has come. */
const hopeless: readonly Case[] = [
  { header: 'PROXY\n', want: 'short protocol header' },
  { header: 'BLAH\n', want: 'short protocol header' },
  { header: '\n', want: 'short protocol header' },
  { header: 'EHLO client.example.com\r\n', want: 'unrecognized protocol header' },
  { header: 'proxy TCP4 1.2.3.4 4.3.2.1 123 321\n', want: 'unrecognized protocol header' },
]

const signature = '\r\n\r\n\0\r\nQUIT\n'
const block4 = '\x01\x02\x03\x04\x04\x03\x02\x01\x00\x7b\x01\x41'

const refusedBinary: readonly Case[] = [
  { header: `${signature}\x11\x11\0\x0c${block4}`, want: 'unrecognized protocol version' },
  { header: `${signature}\x22\x11\0\x0c${block4}`, want: 'bad command in proxy header' },
  { header: `${signature}\x21\x12\0\x0c${block4}`, want: 'unsupported network protocol' },
  { header: `${signature}\x21\x31\0\x0c${block4}`, want: 'unsupported network protocol' },
  { header: `${signature}\x21\x03\0\0`, want: 'unsupported network protocol' },
  { header: `${signature}\x21\x10\0\x0c${block4}`, want: 'unsupported network protocol' },
  { header: `${signature}\x31\x00\0\0`, want: 'unrecognized protocol version' },
  { header: `${signature}\x2f\x00\0\0`, want: 'bad command in proxy header' },
  { header: `${signature}\x21\x00\x02\x09`, want: 'short version 2 protocol header' },
  { header: `${signature}\x21\x11\0\x0b${block4.slice(1)}`, want: 'short address field' },
  { header: `${signature}\x21\x21\0\x0c${block4}`, want: 'short address field' },
  { header: `${signature}\x21\x11\x02\x09${block4}`, want: 'short version 2 protocol header' },
]

const plain = (end: Endpoint): string => `${end.address} ${end.port}`

describe('a version 1 header', () => {
  for (const { header, want } of accepted) {
    test(`${JSON.stringify(header)} is taken, and nothing behind it is looked at`, () => {
      const found = parseProxyHeader(bytes(`${header}\n\0EHLO`))
      assert.ok(found.is === 'header' && found.addresses !== undefined)
      assert.equal(`${plain(found.addresses.client)} ${plain(found.addresses.server)}`, want)
      assert.deepEqual([found.version, found.length], [1, header.length])
      assert.deepEqual(parseProxyHeader(bytes(header)), found)
    })
    test(`${JSON.stringify(header)} without its last byte has no terminator`, () => {
      const cut = bytes(header.slice(0, -1))
      assert.deepEqual(parseProxyHeader(cut), { is: 'more' })
      assert.deepEqual(finishProxyHeader(cut), { is: 'bad', why: 'missing protocol header terminator' })
    })
  }
  for (const { header, want } of [...refused, ...hopeless]) {
    test(`${JSON.stringify(header)} is refused: ${want}`, () => {
      assert.deepEqual(parseProxyHeader(bytes(header)), { is: 'bad', why: want })
      assert.deepEqual(finishProxyHeader(bytes(header)), { is: 'bad', why: want })
    })
  }
  for (const header of [
    'PROXY UNKNOWN\r\n',
    'PROXY UNKNOWN\n',
    'PROXY unknown\r\n',
    'PROXY  UNKNOWN \r\n',
    'PROXY UNKNOWN ffff:f::1 ::1 65535 65535\r\n',
    'PROXY UNKNOWN 192.0.2.1 192.0.2.2 1 25\r\n',
    'PROXY UNKNOWN \xff garbage\r\n',
  ]) {
    test(`${JSON.stringify(header)} names no client, whatever follows UNKNOWN`, () => {
      const found = { is: 'header', length: header.length, version: 1, addresses: undefined }
      assert.deepEqual(parseProxyHeader(bytes(`${header}EHLO x\r\n`)), found)
      assert.deepEqual(parseProxyHeader(bytes(header.slice(0, -1))), { is: 'more' })
    })
  }
  test('is refused when no newline comes within the limit', () => {
    const line = `PROXY TCP4 ${'0'.repeat(proxyHeaderLimit)}`
    assert.deepEqual(parseProxyHeader(bytes(line.slice(0, proxyHeaderLimit - 1))), { is: 'more' })
    assert.deepEqual(parseProxyHeader(bytes(line.slice(0, proxyHeaderLimit))), { is: 'bad', why: 'missing protocol header terminator' })
    assert.deepEqual(parseProxyHeader(bytes(`${line}\n`)), { is: 'bad', why: 'missing protocol header terminator' })
  })
  test('may be as long as the limit', () => {
    const line = 'PROXY TCP4 1.2.3.4 4.3.2.1 123 321 '.padEnd(proxyHeaderLimit - 1, 'x')
    assert.equal(parseProxyHeader(bytes(`${line}\n`)).is, 'header')
  })
})

describe('a version 2 header', () => {
  for (const { header, want } of refusedBinary) {
    test(`is refused: ${want} (${Buffer.from(header.slice(12, 16), 'latin1').toString('hex')})`, () => {
      for (const answer of [parseProxyHeader(bytes(header)), ...answersToCuts(bytes(header))])
        assert.deepEqual(answer, { is: 'bad', why: want })
    })
  }
  for (const family of ['\x00', '\x01', '\x02']) {
    for (const block of ['', block4, '\x04\x00\x01x', '\xff'.repeat(200)]) {
      test(`of family UNSPEC has no addresses (${family.charCodeAt(0)}, ${block.length} bytes behind it)`, () => {
        const header = `${signature}\x21${family}\0${String.fromCharCode(block.length)}${block}`
        const found = { is: 'header', length: header.length, version: 2, addresses: undefined }
        assert.deepEqual(parseProxyHeader(bytes(`${header}EHLO`)), found)
        if (block !== '') assert.deepEqual(parseProxyHeader(bytes(header.slice(0, -1))), { is: 'more' })
      })
    }
  }
  test('that says LOCAL has no addresses', () => {
    const header = writeLocalProxyHeader()
    assert.deepEqual(parseProxyHeader(header), { is: 'header', length: 16, version: 2, addresses: undefined })
    const withBlock = bytes(`${signature}\x20\x11\0\x0c${block4}EHLO`)
    assert.deepEqual(parseProxyHeader(withBlock), { is: 'header', length: 28, version: 2, addresses: undefined })
  })
  test('may carry TLVs up to the limit', () => {
    const size = proxyHeaderLimit - 16
    const header = Buffer.alloc(proxyHeaderLimit + 1)
    header.write(`${signature}\x21\x11`, 'latin1')
    header.writeUInt16BE(size, 14)
    header.write(block4, 16, 'latin1')
    const found = parseProxyHeader(header)
    assert.ok(found.is === 'header')
    assert.deepEqual([found.length, found.addresses?.client], [proxyHeaderLimit, { address: '1.2.3.4', port: 123 }])
    assert.deepEqual(parseProxyHeader(header.subarray(0, -2)), { is: 'more' })
    header.writeUInt16BE(size + 1, 14)
    assert.deepEqual(parseProxyHeader(header), { is: 'bad', why: 'short version 2 protocol header' })
  })
  test('with one byte missing is short', () => {
    const header = bytes(`${signature}\x21\x11\0\x0c${block4}`)
    assert.deepEqual(finishProxyHeader(header.subarray(0, -1)), { is: 'bad', why: 'short version 2 protocol header' })
    assert.deepEqual(finishProxyHeader(header.subarray(0, 15)), { is: 'bad', why: 'short protocol header' })
  })
  test('is found in the middle of a larger buffer', () => {
    const header = writeProxyHeader('V2', { address: '2001:db8::1', port: 5 }, { address: '2001:db8::2', port: 25 })
    const room = Buffer.concat([Buffer.alloc(7), header, Buffer.from('EHLO x\r\n')])
    const found = parseProxyHeader(room.subarray(7))
    assert.ok(found.is === 'header')
    assert.deepEqual(found.addresses?.server, { address: '2001:db8::2', port: 25 })
  })
})

test('no bytes at all are a short header once nothing more can come', () => {
  assert.deepEqual(parseProxyHeader(new Uint8Array(0)), { is: 'more' })
  assert.deepEqual(finishProxyHeader(new Uint8Array(0)), { is: 'bad', why: 'short protocol header' })
})

const port = fc.integer({ min: 0, max: 65535 })
const v4 = fc.integer({ min: 2 ** 24, max: 2 ** 32 - 1 }).map(formatIPv4)
const v6 = fc
  .bigInt({ min: 0n, max: 2n ** 128n - 1n })
  .filter((value) => value >> 32n !== 0xffffn)
  .map(formatIPv6)
const endpoint = fc.tuple(fc.oneof(v4, v6), port).map(([address, number]) => ({ address, port: number }))
const version = fc.constantFrom('V1' as const, 'V2' as const)

test('what is written is read again, whole and however it is cut, with the families mixed too', () => {
  fc.assert(
    fc.property(version, endpoint, endpoint, (which, client, server) => {
      const header = writeProxyHeader(which, client, server)
      const want = { is: 'header', length: header.length, version: which === 'V1' ? 1 : 2, addresses: { client, server } }
      for (const answer of [parseProxyHeader(header), ...answersToCuts(header)]) assert.deepEqual(answer, want)
    }),
    { numRuns: 200 },
  )
})

test('an IPv4 client of an IPv6 server is written in the one form that Postfix reads as IPv4', () => {
  const header = writeProxyHeader('V1', { address: '192.0.2.1', port: 5 }, { address: '2001:db8::25', port: 25 })
  assert.equal(Buffer.from(header).toString(), 'PROXY TCP6 ::ffff:192.0.2.1 2001:db8::25 5 25\r\n')
})

test('a header for a text that is not an address is a programming error', () => {
  assert.throws(() => writeProxyHeader('V2', { address: 'example.com', port: 5 }, { address: '192.0.2.1', port: 25 }), TypeError)
})

test('bytes at random are never a reason to fail, and a verdict stays once it is there', () => {
  const start = fc.constantFrom('', 'PROXY ', 'PROXY TCP4 1.2.3.4 ', signature, `${signature}\x21\x11\0`)
  fc.assert(
    fc.property(start, fc.uint8Array({ maxLength: 700 }), (beginning, rest) => {
      const input = Buffer.concat([Buffer.from(beginning, 'latin1'), rest])
      let verdict: ProxyHeaderResult = { is: 'more' }
      for (let length = 0; length <= input.length; length++) {
        const answer = parseProxyHeader(input.subarray(0, length))
        if (verdict.is !== 'more') assert.equal(answer.is, verdict.is)
        if (verdict.is === 'header') assert.deepEqual(answer, verdict)
        verdict = answer
      }
      if (input.length >= proxyHeaderLimit) assert.notEqual(verdict.is, 'more')
    }),
  )
})

test('a protocol is known by its whole name', () => {
  for (const protocol of ['xunknown', 'unknownx', 'xtcp4', 'tcp4x', 'xtcp6', 'tcp6x']) {
    const header = new TextEncoder().encode(`PROXY ${protocol} 192.0.2.1 192.0.2.2 1 2\r\n`)
    assert.deepEqual(parseProxyHeader(header), { is: 'bad', why: 'bad or missing protocol type' }, protocol)
  }
})

test('version 2 names IPv4 ends as TCP4, and mixed ends as TCP6', () => {
  const ends = (client: string, server: string) => writeProxyHeader('V2', { address: client, port: 1 }, { address: server, port: 2 })
  assert.deepEqual([ends('192.0.2.1', '192.0.2.2')[13], ends('192.0.2.1', '192.0.2.2').length], [0x11, 28])
  for (const [client, server] of [
    ['192.0.2.1', '2001:db8::2'],
    ['2001:db8::1', '192.0.2.2'],
  ] as const)
    assert.deepEqual([ends(client, server)[13], ends(client, server).length], [0x21, 52])
})
