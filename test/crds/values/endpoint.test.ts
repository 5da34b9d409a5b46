// Addresses and ports as texts: with and without brackets and ports.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { checkedEndpoint, formatEndpoint, parseEndpoint } from '../../../crds/values/endpoint.ts'

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
]
for (const [text, defaultPort, want] of cases) {
  test(`${JSON.stringify(text)} ${defaultPort === undefined ? '' : 'with a default port '}is ${want ?? 'refused'}`, () => {
    const endpoint = parseEndpoint(text, defaultPort)
    assert.equal(endpoint && formatEndpoint(endpoint), want)
  })
}

test('a text that was to be checked before and is not an endpoint is an error, never left out', () => {
  assert.throws(() => checkedEndpoint('2001:db8::53'), /"2001:db8::53" is not of the form HOST:PORT/)
})
