// Writes what is linted into a folder: the chart with many values, the plain manifests, what the operator makes of policies, examples and docs.
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { dump, load, loadAll } from 'js-yaml'
import { isObject } from '../../crds/is-object.ts'
import type { KubeObject } from '../../operator/kube/object.ts'
import { monitoring, render } from '../chart/render.ts'
import { blocks, root } from '../docs/blocks.ts'
import { objectsOfPolicy } from '../operator/desired/objects-of.ts'
import { policyObject } from '../operator/policy-object.ts'

/** What a file is to linters. `objects` run in a cluster; `snippets` are objects of the docs, whose images and sizes are the reader's. */
export type Role = 'objects' | 'snippets' | 'rules' | 'yaml' | 'script' | 'dockerfile'

export interface Input {
  /** What findings name: a path in the repository, or a text such as `chart: default`. */
  readonly name: string
  readonly role: Role
  readonly file: string
}

/** Values of the chart beside those in test/chart/golden, each an installation that a page of the docs describes. */
const installations: Readonly<Record<string, object>> = {
  'one operator': { replicaCount: 1 },
  tenants: { tenancy: 'restricted', tenants: { hosts: ['*.mail.example.com'] } },
  'own namespaces, tenants': { watchNamespaces: ['mail', 'partners'], tenancy: 'restricted', rbac: { aggregateClusterRoles: false } },
  'assigned users': { podUsers: 'assigned', networkPolicy: { enabled: true } },
  monitoring: {
    serviceMonitor: { enabled: true },
    podMonitor: { enabled: true },
    prometheusRule: { enabled: true },
    grafanaDashboard: { enabled: true },
  },
}

/** The files of the repository whose paths match, each as it is. */
function committed(role: Role, paths: readonly string[]): readonly Input[] {
  return paths.map((path) => ({ name: path, role, file: join(root, path) }))
}

/** Collects the inputs; generated ones go into files of a folder. */
class Inputs {
  readonly all: Input[] = []
  readonly #folder: string

  constructor(folder: string) {
    this.#folder = folder
  }

  add(name: string, role: Role, text: string): void {
    const file = join(this.#folder, role, `${name.replaceAll(/[^\w.-]+/g, '-')}.yaml`)
    mkdirSync(dirname(file), { recursive: true })
    writeFileSync(file, text)
    this.all.push({ name, role, file })
  }

  addObjects(name: string, role: Role, objects: readonly KubeObject[]): void {
    this.add(name, role, objects.map((object) => `---\n${dump(object, { noRefs: true, lineWidth: -1 })}`).join(''))
  }
}

const desiredFolder = new URL('../operator/desired/', import.meta.url)
const goldenFolder = new URL('../chart/golden/', import.meta.url)
const inputsIn = (folder: URL): readonly string[] => readdirSync(folder).filter((name) => name.endsWith('.in.yaml'))

async function addChart(inputs: Inputs): Promise<void> {
  const golden = inputsIn(goldenFolder).map((name): [string, object] => [
    name.replace('.in.yaml', ''),
    load(readFileSync(new URL(name, goldenFolder), 'utf8')) as object,
  ])
  for (const [name, values] of [...golden, ...Object.entries(installations)]) {
    const objects = await render({ values, apis: [monitoring] })
    // The definition is the one in crds/, which is an input of its own.
    inputs.addObjects(
      `chart: ${name}`,
      'objects',
      objects.filter(({ kind }) => kind !== 'CustomResourceDefinition'),
    )
    for (const { kind, spec } of objects) if (kind === 'PrometheusRule') inputs.add(`chart: ${name}: rules`, 'rules', dump(spec))
  }
}

/** Objects in the YAML of the docs; blocks with a part of an object are left out. */
function addDocs(inputs: Inputs): void {
  for (const { page, line, language, text } of blocks) {
    if (language !== 'yaml' || !/^apiVersion:/m.test(text) || !/^kind:/m.test(text)) continue
    const objects = loadAll(text).filter((one) => isObject(one) && 'apiVersion' in one && 'kind' in one) as KubeObject[]
    inputs.addObjects(`${page}:${line}`, 'snippets', objects)
  }
}

/**
 * All inputs. `tracked` lists the files of the repository, and `folder` is where generated ones go. Without Helm there is no rendering of the chart.
 */
export async function inputsOf(folder: string, tracked: readonly string[], hasHelm: boolean): Promise<readonly Input[]> {
  const inputs = new Inputs(folder)
  if (hasHelm) await addChart(inputs)
  for (const name of inputsIn(desiredFolder)) {
    const policy = policyObject(readFileSync(new URL(name, desiredFolder), 'utf8'))
    inputs.addObjects(`operator: ${name.replace('.in.yaml', '')}`, 'objects', [policy, ...objectsOfPolicy(policy)])
  }
  addDocs(inputs)
  const matching = (pattern: RegExp): readonly string[] => tracked.filter((path) => pattern.test(path))
  const shell = /^(#!.*\b(ba)?sh\b|# shellcheck shell=)/m
  const head = (path: string): string => readFileSync(join(root, path), 'utf8').slice(0, 300)
  return [
    ...inputs.all,
    ...committed('objects', matching(/^(charts\/manifests\/.*install|crds\/postscreenpolicies|docs\/examples\/.*)\.yaml$/)),
    ...committed('rules', ['charts/postscreen/files/alerts.yaml']),
    // Templates of the chart are not YAML, and the golden files are written by programs.
    ...committed('yaml', matching(/^(?!charts\/postscreen\/templates\/|test\/).*\.ya?ml$/)),
    ...committed('dockerfile', matching(/(^|[/.])dockerfile$/i)),
    ...committed(
      'script',
      matching(/^(?!.*\.(md|ts|yaml|svg|json)$)/).filter((path) => path.endsWith('.sh') || shell.test(head(path))),
    ),
  ]
}
