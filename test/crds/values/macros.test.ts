// Macros in banners and footers.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { fillIn, readTemplate } from '../../../crds/values/macros.ts'

const known = ['hostname', 'client_address']
const cases = [
  { text: '$hostname ESMTP', problem: undefined, expanded: 'mx ESMTP' },
  { text: '${hostname}x $(client_address)', problem: undefined, expanded: 'mxx ' },
  { text: 'costs $$5', problem: undefined, expanded: 'costs $5' },
  { text: '$$hostname', problem: undefined, expanded: '$hostname' },
  { text: '$myhostname', problem: 'has $myhostname, which is not a known macro; use $hostname, $client_address, or $$ for a dollar sign' },
  { text: '${hostname', problem: 'has $, which is not a known macro; use $hostname, $client_address, or $$ for a dollar sign' },
  { text: 'a $', problem: 'has $, which is not a known macro; use $hostname, $client_address, or $$ for a dollar sign' },
  { text: '$hostname5', problem: 'has $hostname5, which is not a known macro; use $hostname, $client_address, or $$ for a dollar sign' },
]
for (const { text, problem, expanded } of cases) {
  test(`the text ${JSON.stringify(text)} is ${problem === undefined ? `expanded to ${JSON.stringify(expanded)}` : 'refused'}`, () => {
    const read = readTemplate(text, known)
    assert.equal('why' in read ? read.why : undefined, problem)
    if ('value' in read) assert.equal(fillIn(read.value, { hostname: 'mx' }), expanded)
  })
}
