// Addresses and ports as texts: with and without brackets and ports.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  canonicalEndpoint,
  formatEndpoint,
  parseEndpoint,
  readAddressPort,
  readHostPort,
  readResolver,
  readResolvers,
} from '../../../crds/values/endpoint.ts'
import { type Read, valueOf } from '../../../crds/values/read.ts'

const cases: readonly (readonly [text: string, defaultPort: number | undefined, want: string | undefined])[] = [
  ['192.0.2.1:25', undefined, '192.0.2.1:25'],
  ['[2001:db8::1]:25', undefined, '[2001:db8::1]:25'],
  ['mx.example.com:25', undefined, 'mx.example.com:25'],
  ['192.0.2.53', 53, '192.0.2.53:53'],
  ['[2001:db8::53]', 53, '[2001:db8::53]:53'],
  ['2001:db8::53', 53, '[2001:db8::53]:53'],
  ['2001:db8::53', undefined, undefined],
  ['192.0.2.1', undefined, undefined],
  ['192.0.2.1:65536', undefined, undefined],
  ['', 53, undefined],
  ['[192.0.2.1]:25', undefined, undefined],
  ['192.0.2.1:025', undefined, undefined],
  ['192.0.2.1:0', undefined, '192.0.2.1:0'],
]
for (const [text, defaultPort, want] of cases) {
  test(`${JSON.stringify(text)} ${defaultPort === undefined ? '' : 'with a default port '}is ${want ?? 'refused'}`, () => {
    const endpoint = parseEndpoint(text, defaultPort)
    assert.equal(endpoint && formatEndpoint(endpoint), want)
  })
}

const whyOf = (read: Read<unknown>): string => ('why' in read ? read.why : '')

test('a place to listen is an address with a port, IPv6 in brackets', () => {
  assert.deepEqual(readAddressPort('[2001:DB8::1]:65535'), { value: { address: '2001:DB8::1', port: 65_535 } })
  for (const text of ['0.0.0.0:25', '[::]:2525']) assert.equal(whyOf(readAddressPort(text)), '', text)
  for (const text of [
    '25',
    ':25',
    '::1:25',
    '[::]',
    '[::]:0',
    '[::]:65536',
    '[1.2.3.4]:25',
    'mx.example:25',
    '0.0.0.0:025',
    '01.2.3.4:25',
  ]) {
    assert.match(whyOf(readAddressPort(text)), /^must be ADDRESS:PORT/, text)
  }
})

test('a mail server is a name or an address with a port', () => {
  assert.deepEqual(readHostPort('postfix:25'), { value: { address: 'postfix', port: 25 } })
  for (const text of ['mx.example.com:10025', '192.0.2.1:25', '[2001:db8::1]:25']) assert.equal(whyOf(readHostPort(text)), '', text)
  for (const text of [
    'postfix',
    'postfix:',
    'postfix:0',
    ':25',
    '2001:db8::1:25',
    '-x:25',
    'a..b:25',
    '1.2.3:25',
    'a b:25',
    'x:25:25',
    'x:65536',
  ]) {
    assert.match(whyOf(readHostPort(text)), /^must be HOST:PORT/, text)
  }
})

test('a DNS server is an address, with port 53 unless another one is given', () => {
  assert.deepEqual(readResolver('2001:db8::53'), { value: { address: '2001:db8::53', port: 53 } })
  assert.deepEqual(readResolver('192.0.2.53:5353'), { value: { address: '192.0.2.53', port: 5353 } })
  for (const text of ['dns.example', 'dns.example:53', '192.0.2.53:0', '[2001:db8::53]', ''])
    assert.match(whyOf(readResolver(text)), /^must be an address/, text)
})

test('of several DNS servers, the first one that is wrong is named', () => {
  assert.match(whyOf(readResolvers(['192.0.2.53', 'dns.example', 'x'])), /^"dns\.example": must be an address/)
})

test('two forms of one address and port to listen on count as the same', () => {
  assert.equal(canonicalEndpoint(valueOf(readAddressPort('[0:0::0]:25'))), canonicalEndpoint(valueOf(readAddressPort('[::]:25'))))
  assert.notEqual(canonicalEndpoint(valueOf(readAddressPort('[::]:25'))), canonicalEndpoint(valueOf(readAddressPort('[::]:26'))))
})
