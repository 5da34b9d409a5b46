// Host names and ports: what is accepted, and the reason when it is not.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { addressPortProblem, canonicalAddressPort, hostNameProblem, hostPortProblem } from '../../../crds/values/host.ts'

const names = [
  { name: 'mx.example.com', want: undefined },
  { name: 'zen', want: undefined },
  { name: 'a_b.example', want: undefined },
  { name: '1a.example', want: undefined },
  { name: '', want: 'empty name' },
  { name: 'a b', want: 'invalid character " "' },
  { name: 'bücher.example', want: 'invalid character "ü"' },
  { name: 'a..b', want: 'misplaced dot' },
  { name: '.a', want: 'misplaced dot' },
  { name: 'a.', want: 'misplaced dot' },
  { name: '-a.b', want: 'misplaced hyphen' },
  { name: 'a-.b', want: 'misplaced hyphen' },
  { name: `${'a'.repeat(64)}.b`, want: 'a label is longer than 63 characters' },
  { name: '192.0.2.1', want: 'only digits' },
  { name: `${'a.'.repeat(128)}b`, want: 'too long' },
]
for (const { name, want } of names) {
  test(`the host name ${JSON.stringify(name.slice(0, 70))} is ${want === undefined ? 'accepted' : `refused: ${want}`}`, () => {
    assert.equal(hostNameProblem(name), want)
  })
}

test('a place to listen is an address with a port, IPv6 in brackets', () => {
  for (const text of ['0.0.0.0:25', '[::]:2525', '[2001:db8::1]:65535']) assert.equal(addressPortProblem(text), undefined, text)
  for (const text of ['25', ':25', '::1:25', '[::]', '[::]:0', '[::]:65536', '[1.2.3.4]:25', 'mx.example:25', '0.0.0.0:025']) {
    assert.match(addressPortProblem(text) ?? '', /^must be ADDRESS:PORT/, text)
  }
})

test('a mail server is a name or an address with a port', () => {
  for (const text of ['postfix:25', 'mx.example.com:10025', '192.0.2.1:25', '[2001:db8::1]:25'])
    assert.equal(hostPortProblem(text), undefined, text)
  for (const text of ['postfix', 'postfix:', 'postfix:0', '2001:db8::1:25', '-x:25', '1.2.3:25', 'a b:25', 'x:25:25']) {
    assert.match(hostPortProblem(text) ?? '', /^must be HOST:PORT/, text)
  }
})

test('two ways to write one place to listen count as the same', () => {
  assert.equal(canonicalAddressPort('[0:0::0]:25'), canonicalAddressPort('[::]:25'))
  assert.notEqual(canonicalAddressPort('[::]:25'), canonicalAddressPort('[::]:26'))
  assert.equal(canonicalAddressPort('nonsense'), 'nonsense')
})
