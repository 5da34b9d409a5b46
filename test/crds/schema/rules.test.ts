// Rules across fields: each has a CEL form and a run-time form, and cases that keep and break it.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parsePolicy } from '../../../crds/policy.ts'
import { rules } from '../../../crds/schema/rules.ts'
import { ruleCases, ruleManifest } from './rule-cases.ts'

for (const one of ruleCases) {
  test(`${one.what}: ${one.at === undefined ? 'no rule is broken' : `a rule is broken at ${one.at}`}`, () => {
    const result = parsePolicy(ruleManifest(one))
    const paths = 'problems' in result ? [...new Set(result.problems.map(({ path }) => path))] : []
    assert.deepEqual(paths, one.at === undefined ? [] : [one.at])
  })
}

test('every rule is broken by some case', () => {
  const reported = ruleCases.flatMap((one) => {
    const result = parsePolicy(ruleManifest(one))
    return 'problems' in result ? result.problems.map(({ path, why }) => `${path.replaceAll(/\[\d+\]/g, '[]')} ${why}`) : []
  })
  for (const { at, field, message } of rules) {
    const place = field === undefined ? at : `${at}.${field}`
    assert.ok(reported.includes(`${place} ${message}`), `${place}: ${message}`)
  }
})

test('every CEL rule asks has() before it reads a field that a default may lack', () => {
  for (const { at, cel } of rules) {
    for (const [, field = ''] of cel.matchAll(/self\.([A-Za-z]+)/g))
      assert.ok(cel.includes(`has(self.${field})`), `${at}: ${field} in ${cel}`)
  }
})
