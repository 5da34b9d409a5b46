// What helm makes of values: default.in.yaml becomes the objects in default.out.yaml, and most other NAME.out.yaml say what NAME.in.yaml makes different.
// UPDATE=1 rewrites them; read the difference.
import assert from 'node:assert/strict'
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { test } from 'node:test'
import { dump, load } from 'js-yaml'
import { isObject } from '../../crds/is-object.ts'
import type { KubeObject } from '../../operator/kube/object.ts'
import { unless } from '../peers/require.ts'
import { differingObjects } from '../support/differing-objects.ts'
import { monitoring, render } from './render.ts'

const folder = new URL('golden/', import.meta.url)
const committed = (path: string): string => readFileSync(new URL(`../../charts/postscreen/${path}`, import.meta.url), 'utf8')

/** Long texts that are files of their own are left out; that they are those files is checked here. */
function slim(object: KubeObject): KubeObject {
  if (object.kind === 'CustomResourceDefinition') return { ...object, spec: 'as in crds/postscreenpolicies.yaml' }
  const data = object['data']
  if (!isObject(data) || typeof data['postscreen.json'] !== 'string') return object
  assert.deepEqual(JSON.parse(data['postscreen.json']), JSON.parse(committed('files/dashboard.json')))
  return { ...object, data: { 'postscreen.json': 'as in files/dashboard.json' } }
}

async function renderInput(name: string): Promise<readonly KubeObject[]> {
  const objects = await render({ values: load(readFileSync(new URL(`${name}.in.yaml`, folder), 'utf8')) as object, apis: [monitoring] })
  return objects.map(slim)
}

/** What a rendering is compared with; undefined: it is complete. In `everything` all names are different. */
const bases: Readonly<Record<string, string | undefined>> = { default: undefined, everything: undefined, global: 'postfix-and-valkey' }

async function written(name: string): Promise<string> {
  const options = { lineWidth: 140, noRefs: true }
  const objects = await renderInput(name)
  const base = name in bases ? bases[name] : 'default'
  if (base === undefined) return objects.map((object) => `---\n${dump(object, options)}`).join('')
  return dump(differingObjects(await renderInput(base), objects), options)
}

for (const file of readdirSync(folder).filter((path) => path.endsWith('.in.yaml'))) {
  const name = file.replace('.in.yaml', '')
  const [, what = name] = /^# (.*)/.exec(readFileSync(new URL(file, folder), 'utf8')) ?? []
  test(`${file}: ${what}`, { skip: unless('helm') }, async () => {
    const output = new URL(`${name}.out.yaml`, folder)
    const got = await written(name)
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
