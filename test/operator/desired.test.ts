// What the operator makes of a policy: every NAME.in.yaml becomes the objects in NAME.out.yaml. UPDATE=1 rewrites those; read the difference.
import assert from 'node:assert/strict'
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { test } from 'node:test'
import { dump } from 'js-yaml'
import { tableKey } from '../../operator/compile/access-tables.ts'
import { compile } from '../../operator/compile/compile.ts'
import { slimConfigMap } from '../../operator/containment.ts'
import { desired } from '../../operator/desired/desired.ts'
import { ownerOf } from '../../operator/desired/names.ts'
import type { KubeObject } from '../../operator/kube/object.ts'
import { policyObject } from './policy-object.ts'

const folder = new URL('desired/', import.meta.url)
const settings = {
  image: 'registry.example.com/postscreen:1.0',
  operatorNamespace: 'postscreen-system',
  tenants: undefined,
  pullSecrets: [],
  metricsFrom: [],
}
const tables = new Map([[tableKey('senders', 'mx.cidr'), { text: '192.0.2.0/24 permit\n203.0.113.0/24 reject\n' }]])

function objectsOf(policy: KubeObject): readonly KubeObject[] {
  const compilation = compile(policy, tables)
  if ('problems' in compilation) throw new Error(JSON.stringify(compilation.problems))
  return desired(ownerOf(policy), compilation.compiled, settings)
}

const written = (objects: readonly KubeObject[]): string =>
  objects.map((object) => `---\n${dump(slimConfigMap(object), { lineWidth: 140, noRefs: true })}`).join('')

for (const name of readdirSync(folder).filter((file) => file.endsWith('.in.yaml'))) {
  const input = readFileSync(new URL(name, folder), 'utf8')
  const [, what = name] = /^# (.*)/.exec(input) ?? []
  test(`${name}: ${what}`, () => {
    const output = new URL(name.replace('.in.', '.out.'), folder)
    const got = written(objectsOf(policyObject(input)))
    if (process.env['UPDATE'] === '1') writeFileSync(output, got)
    assert.equal(got, readFileSync(output, 'utf8'))
  })
}
