// URLs of a Valkey, and what its failures are called.
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { valkeyError, type ValkeyReason } from '../../../gateway/allowlist/valkey-errors.ts'
import { parseValkeyUrl, type ValkeyUrl } from '../../../gateway/allowlist/valkey-settings.ts'

const urls: readonly { readonly text: string; readonly want: ValkeyUrl }[] = [
  { text: 'redis://h', want: { node: { address: 'h', port: 6379 }, tls: false } },
  { text: 'valkey://h:1/', want: { node: { address: 'h', port: 1 }, tls: false } },
  { text: 'rediss://h:6380/5', want: { node: { address: 'h', port: 6380 }, tls: true, database: 5 } },
  { text: ' valkeys://user@h\n', want: { node: { address: 'h', port: 6379 }, tls: true, username: 'user' } },
  {
    text: 'redis://u:p%40%2F%3A@[2001:db8::1]:7/0',
    want: { node: { address: '2001:db8::1', port: 7 }, tls: false, username: 'u', password: 'p@/:', database: 0 },
  },
  { text: 'redis://:secret@h', want: { node: { address: 'h', port: 6379 }, tls: false, password: 'secret' } },
]

describe('a URL', () => {
  for (const { text, want } of urls) test(`${JSON.stringify(text)} says where and how`, () => assert.deepEqual(parseValkeyUrl(text), want))

  for (const text of [
    '',
    'h:6379',
    'http://h',
    'redis://',
    'redis://:6379',
    'redis://h/x',
    'redis://h/1/2',
    'redis://%zz@h',
    'redis://h:99999',
  ]) {
    test(`${JSON.stringify(text)} is refused`, () => assert.throws(() => parseValkeyUrl(text), { reason: 'settings' }))
  }

  test('is never repeated when it is refused: it holds a password', () => {
    fc.assert(
      fc.property(fc.string({ minLength: 8 }), (secret) => {
        try {
          parseValkeyUrl(`redis://user:${secret}@host/nowhere`)
        } catch (error) {
          assert.ok(!String(error).includes(secret))
          assert.ok(!JSON.stringify(error).includes(secret))
        }
      }),
    )
  })
})

const failures: readonly { readonly error: unknown; readonly reason: ValkeyReason }[] = [
  { error: new Error('WRONGPASS invalid username-password pair or user is disabled.'), reason: 'auth' },
  { error: new Error('NOAUTH Authentication required.'), reason: 'auth' },
  { error: new Error("NOPERM User x has no permissions to run the 'get' command"), reason: 'auth' },
  { error: new Error('LOADING Redis is loading the dataset in memory'), reason: 'loading' },
  { error: new Error("READONLY You can't write against a read only replica."), reason: 'readonly' },
  { error: new Error("OOM command not allowed when used memory > 'maxmemory'."), reason: 'full' },
  { error: new Error('MISCONF Valkey is configured to save RDB snapshots'), reason: 'full' },
  { error: new Error('CLUSTERDOWN Hash slot not served'), reason: 'cluster' },
  { error: new Error('Command timed out'), reason: 'timeout' },
  { error: new Error("Socket timeout. Expecting data, but didn't receive any in 2000ms."), reason: 'timeout' },
  { error: Object.assign(new Error('connect ETIMEDOUT'), { code: 'ETIMEDOUT' }), reason: 'timeout' },
  { error: Object.assign(new Error(''), { code: 'ECONNREFUSED' }), reason: 'connection' },
  { error: Object.assign(new Error('getaddrinfo ENOTFOUND nowhere'), { code: 'ENOTFOUND' }), reason: 'connection' },
  { error: new Error('Connection is closed.'), reason: 'connection' },
  { error: Object.assign(new Error('self-signed certificate'), { code: 'DEPTH_ZERO_SELF_SIGNED_CERT' }), reason: 'tls' },
  { error: Object.assign(new Error('Hostname/IP does not match'), { code: 'ERR_TLS_CERT_ALTNAME_INVALID' }), reason: 'tls' },
  { error: Object.assign(new Error('Failed to refresh slots cache.'), { lastNodeError: new Error('NOAUTH x') }), reason: 'auth' },
  { error: new Error("ERR unknown command 'EVALSHA'"), reason: 'other' },
  { error: 'words', reason: 'other' },
]

for (const { error, reason } of failures) {
  test(`${error instanceof Error ? error.message || 'a code alone' : String(error)}: ${reason}`, () => {
    const told = valkeyError(error)
    assert.equal(told.reason, reason)
    assert.notEqual(told.message, '')
  })
}
