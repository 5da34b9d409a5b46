// What the operator makes of a policy: default.in.yaml becomes the objects in default.out.yaml, and every other NAME.out.yaml says what NAME.in.yaml makes
// different. UPDATE=1 rewrites them; read the difference.
import assert from 'node:assert/strict'
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { test } from 'node:test'
import { dump } from 'js-yaml'
import { slimConfigMap } from '../../operator/containment.ts'
import type { KubeObject } from '../../operator/kube/object.ts'
import { differingObjects } from '../support/differing-objects.ts'
import { objectsOfPolicy } from './desired/objects-of.ts'
import { policyObject } from './policy-object.ts'

const folder = new URL('desired/', import.meta.url)

const objectsOfInput = (name: string): readonly KubeObject[] =>
  objectsOfPolicy(policyObject(readFileSync(new URL(`${name}.in.yaml`, folder), 'utf8'))).map(slimConfigMap)

const base = 'default'

/** The base as it is; of others what they have otherwise. */
function written(name: string): string {
  const options = { lineWidth: 140, noRefs: true }
  const objects = objectsOfInput(name)
  if (name === base) return objects.map((object) => `---\n${dump(object, options)}`).join('')
  return dump(differingObjects(objectsOfInput(base), objects), options)
}

for (const file of readdirSync(folder).filter((path) => path.endsWith('.in.yaml'))) {
  const name = file.replace('.in.yaml', '')
  const [, what = name] = /^# (.*)/.exec(readFileSync(new URL(file, folder), 'utf8')) ?? []
  test(`${file}: ${what}`, () => {
    const output = new URL(`${name}.out.yaml`, folder)
    const got = written(name)
    if (process.env['UPDATE'] === '1') writeFileSync(output, got)
    assert.equal(got, readFileSync(output, 'utf8'))
  })
}
