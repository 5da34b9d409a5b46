// What helm makes of values: every NAME.in.yaml becomes the objects in NAME.out.yaml. UPDATE=1 rewrites those; read the difference.
import assert from 'node:assert/strict'
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { test } from 'node:test'
import { dump, load } from 'js-yaml'
import { isObject } from '../../crds/is-object.ts'
import type { KubeObject } from '../../operator/kube/object.ts'
import { unless } from '../peers/require.ts'
import { monitoring, render } from './render.ts'

const folder = new URL('golden/', import.meta.url)
const committed = (path: string): string => readFileSync(new URL(`../../charts/postscreen/${path}`, import.meta.url), 'utf8')

/** Long texts that are files of their own are left out; that they are those files is checked here. */
function slim(object: KubeObject): unknown {
  if (object.kind === 'CustomResourceDefinition') return { ...object, spec: 'as in crds/postscreenpolicies.yaml' }
  const data = object['data']
  if (!isObject(data) || typeof data['postscreen.json'] !== 'string') return object
  assert.deepEqual(JSON.parse(data['postscreen.json']), JSON.parse(committed('files/dashboard.json')))
  return { ...object, data: { 'postscreen.json': 'as in files/dashboard.json' } }
}

for (const name of readdirSync(folder).filter((file) => file.endsWith('.in.yaml'))) {
  const input = readFileSync(new URL(name, folder), 'utf8')
  const [, what = name] = /^# (.*)/.exec(input) ?? []
  test(`${name}: ${what}`, { skip: unless('helm') }, async () => {
    const output = new URL(name.replace('.in.', '.out.'), folder)
    const objects = await render({ values: load(input) as object, apis: [monitoring] })
    const got = objects.map((object) => `---\n${dump(slim(object), { lineWidth: 140, noRefs: true })}`).join('')
    if (process.env['UPDATE'] === '1') writeFileSync(output, got)
    assert.equal(got, readFileSync(output, 'utf8'))
  })
}

test('the CRD that the chart installs is the one in crds/', { skip: unless('helm') }, async () => {
  const crd = (await render({})).find(({ kind }) => kind === 'CustomResourceDefinition')
  const ours = load(readFileSync(new URL('../../crds/postscreenpolicies.yaml', import.meta.url), 'utf8')) as KubeObject
  assert.deepEqual(crd?.['spec'], ours['spec'])
  assert.equal(crd?.metadata.name, ours.metadata.name)
})
