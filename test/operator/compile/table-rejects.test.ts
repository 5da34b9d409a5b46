// A reject that has no effect is also reported when it is in a table of a ConfigMap.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { noticesOf } from '../../../crds/notices.ts'
import { tableKey } from '../../../operator/compile/access-tables.ts'
import { compile } from '../../../operator/compile/compile.ts'
import { policyWith } from '../policy-object.ts'

const access = [{ table: { configMap: { name: 'senders', key: 'mx.cidr' } } }]

function notices(spec: object, text: string): readonly string[] {
  const made = compile(policyWith({ access, ...spec }), new Map([[tableKey('senders', 'mx.cidr'), { text }]]))
  assert.ok('compiled' in made)
  return noticesOf(made.compiled.policy.spec, made.compiled.tablesReject)
}

test('a reject in a ConfigMap without denylist.action is reported', () => {
  assert.match(notices({}, '192.0.2.0/24 reject\n').join(), /denylist\.action is Ignore/)
})

test('a table without reject, or with an action for it, causes no notice', () => {
  assert.deepEqual(notices({}, '192.0.2.0/24 permit\n'), [])
  assert.deepEqual(notices({ denylist: { action: 'Drop' } }, '192.0.2.0/24 reject\n'), [])
})
