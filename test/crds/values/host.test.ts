// Host names: what is accepted, and the reason when it is not.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { hostNameProblem } from '../../../crds/values/host.ts'

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
  { name: `${'a'.repeat(63)}.b`, want: undefined },
  { name: `${'a'.repeat(64)}.b`, want: 'a label is longer than 63 characters' },
  { name: '192.0.2.1', want: 'only digits' },
  { name: `${'a.'.repeat(127)}b`, want: undefined },
  { name: `${'a.'.repeat(127)}bb`, want: 'too long' },
  { name: `${'a.'.repeat(128)}b`, want: 'too long' },
]
for (const { name, want } of names) {
  test(`the host name ${JSON.stringify(name.slice(0, 70))} is ${want === undefined ? 'accepted' : `refused: ${want}`}`, () => {
    assert.equal(hostNameProblem(name), want)
  })
}
