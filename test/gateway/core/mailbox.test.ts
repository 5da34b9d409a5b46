// Addresses of MAIL and RCPT as the log shows them (section 3.7 of postscreen's behaviour).
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { externalForm, extractAddress } from '../../../gateway/core/mailbox.ts'

const extracted: readonly (readonly [what: string, text: string, want: string])[] = [
  ['in angle brackets', '<user@example.com>', 'user@example.com'],
  ['behind spaces', '   <user@example.com> SIZE=10', 'user@example.com'],
  ['without brackets ends at a space', 'user@example.com BODY=8BITMIME', 'user@example.com'],
  ['without an end', '<user@example.com', 'user@example.com'],
  ['that is empty', '<>', ''],
  ['that is missing', '', ''],
  ['that is blank', '   ', ''],
  ['T47: in quotes, with the closing bracket in them', '<"a > b"@example.com>', 'a > b@example.com'],
  ['T47: in quotes, with an escaped quote', '<"a\\"b"@example.com>', 'a"b@example.com'],
  ['T47: with an escaped backslash', '<a\\\\b@example.com>', 'a\\b@example.com'],
  ['T47: that ends in a backslash', '<user\\', 'user'],
  ['with an escaped bracket', '<a\\>b@example.com> c', 'a>b@example.com'],
  ['with quotes that never end', '<"a> b@example.com', 'a> b@example.com'],
  ['T45: with a source route', '<@relay.example,@other.example:user@example.com>', 'user@example.com'],
  ['T45: with a source route in quotes', '<"@relay:user"@example.com>', 'user@example.com'],
  ['that begins with @ and has no colon', '<@example.com>', '@example.com'],
  ['behind a tab, which is not a space', '\t<user@example.com>', '\t<user@example.com>'],
]

describe('an address', () => {
  for (const [what, text, want] of extracted) test(what, () => assert.equal(extractAddress(text), want))
})

const external: readonly (readonly [address: string, want: string])[] = [
  ['user@example.com', 'user@example.com'],
  ['first.last@example.com', 'first.last@example.com'],
  ['', ''],
  ['user', 'user'],
  ['a b@example.com', '"a b"@example.com'],
  ['a"b@example.com', '"a\\"b"@example.com'],
  ['a\\b@example.com', '"a\\\\b"@example.com'],
  ['a\rb@example.com', '"a\\\rb"@example.com'],
  ['a\x01b@example.com', '"a\x01b"@example.com'],
  ['a@b@example.com', '"a@b"@example.com'],
  ['.a@example.com', '".a"@example.com'],
  ['a.@example.com', '"a."@example.com'],
  ['a..b@example.com', '"a..b"@example.com'],
  ['a,b', '"a,b"'],
  ['@example.com', '""@example.com'],
  ['<a>@example.com', '"<a>"@example.com'],
  ['a(b)@example.com', '"a(b)"@example.com'],
  ['\xe9t\xe9@example.com', '\xe9t\xe9@example.com'],
  ['@relay:a b@example.com', '@relay:"a b"@example.com'],
  ['a b@exa mple', '"a b"@exa mple'],
]

describe('the external form', () => {
  for (const [address, want] of external)
    test(`of ${JSON.stringify(address)} is ${JSON.stringify(want)}`, () => assert.equal(externalForm(address), want))
})
