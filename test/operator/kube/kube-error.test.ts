// What a log line says of a failed request: bounded, on one line, without secrets.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { describeError, isConflict, isGone, isNotFound, KubeError, kubeErrorOf, logText } from '../../../operator/kube/kube-error.ts'

const texts: readonly [what: string, from: string, to: string][] = [
  ['plain text stays as it is', 'pods "mx-1" not found', 'pods "mx-1" not found'],
  ['letters of any script stay', 'постскрин ✓', 'постскрин ✓'],
  ['control characters are escaped', 'a\nb\r\u001b[31m\u0000', 'a\\u000ab\\u000d\\u001b[31m\\u0000'],
  ['characters that turn the direction of writing are escaped', 'a\u202eb\u2066c', 'a\\u202eb\\u2066c'],
  ['line separators are escaped', 'a\u2028b\u0085c', 'a\\u2028b\\u0085c'],
  ['half a surrogate pair is escaped', 'a\ud800b', 'a\\ud800b'],
  ['a bearer token is left out', 'sent Authorization: Bearer abc.DEF-123_~+/=', 'sent Authorization: Bearer ***'],
  ['a JSON web token is left out', 'token eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJr.c2ln is bad', 'token *** is bad'],
]

for (const [what, from, to] of texts) {
  test(`in a log line ${what}`, () => assert.equal(logText(from), to))
}

test('a log line has at most 500 characters', () => {
  for (const long of ['x'.repeat(501), 'x'.repeat(10_000_000), '\n'.repeat(3000)]) {
    assert.equal(logText(long).length, 500)
    assert.ok(logText(long).endsWith('…'))
  }
  assert.equal(logText('x'.repeat(500)), 'x'.repeat(500))
})

test('a refusal has the words of its Status', () => {
  const status = { kind: 'Status', code: 409, reason: 'Conflict', message: 'the object has been modified\n', details: {} }
  const error = kubeErrorOf('replace leases', 409, status)
  assert.equal(error.message, 'replace leases: 409 Conflict: the object has been modified\\u000a')
  assert.equal(error.status, 409)
  assert.equal(error.reason, 'Conflict')
  assert.ok(isConflict(error) && !isNotFound(error) && !isGone(error))
})

test('an ERROR event has its code in the Status only', () => {
  assert.ok(isGone(kubeErrorOf('watch pods', 0, { code: 410, reason: 'Expired' })))
})

const answers: readonly [what: string, body: unknown, header: string | undefined, expected: number | undefined][] = [
  ['the header', {}, '7', 7000],
  ['the Status', { details: { retryAfterSeconds: 3 } }, undefined, 3000],
  ['the header before the Status', { details: { retryAfterSeconds: 3 } }, '1', 1000],
  ['a day, which is too long', {}, '86400', 300_000],
  ['a date', {}, 'Fri, 31 Dec 1999 23:59:59 GMT', undefined],
  ['less than nothing', { details: { retryAfterSeconds: -3 } }, '-1', undefined],
  ['nothing', undefined, undefined, undefined],
  ['something else', [1], 'soon', undefined],
]

for (const [what, body, header, expected] of answers) {
  test(`the time to wait is read from ${what}`, () => {
    assert.equal(kubeErrorOf('get pods', 429, body, header).retryAfterMs, expected)
  })
}

test('anything that was thrown can be described', () => {
  assert.equal(describeError(new KubeError('no', { status: 0, reason: 'Timeout' })), 'no')
  assert.equal(describeError(new Error('a\tb')), 'a\\u0009b')
  assert.equal(describeError('text'), 'text')
  assert.equal(describeError(undefined), 'undefined')
})
