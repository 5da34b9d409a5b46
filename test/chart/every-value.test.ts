// Every value that the schema accepts has an effect: each is set to something else, and the rendering differs.
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { load } from 'js-yaml'
import { isObject } from '../../crds/is-object.ts'
import { unless } from '../peers/require.ts'
import { chartFolder, helm, monitoring } from './render.ts'

interface Schema {
  readonly $ref?: string
  readonly type?: string | readonly string[]
  readonly enum?: readonly string[]
  readonly properties?: Readonly<Record<string, Schema>>
  readonly items?: Schema
  readonly definitions?: Readonly<Record<string, Schema>>
}

const text = (name: string): string => readFileSync(new URL(`../../charts/postscreen/${name}`, import.meta.url), 'utf8')
const schema = JSON.parse(text('values.schema.json')) as Schema
const defaults: unknown = load(text('values.yaml'))

/** What the chart itself does not look into: the API server does, and the operator. */
const whole = ['policy.spec', 'updateStrategy']

interface Leaf {
  readonly path: string
  readonly node: Schema
}

function leavesOf(node: Schema, path = ''): readonly Leaf[] {
  const plain = node.$ref === undefined ? node : (schema.definitions?.[node.$ref.replace('#/definitions/', '')] ?? node)
  if (plain.properties === undefined || whole.includes(path)) return [{ path, node: plain }]
  return Object.entries(plain.properties).flatMap(([name, inner]) => leavesOf(inner, path === '' ? name : `${path}.${name}`))
}

/** Everything that can be switched on, and what other values need. */
const base = {
  global: { imageRegistry: '', imagePullSecrets: [], defaultStorageClass: '' },
  crds: { enabled: false },
  policy: { create: true, spec: { mode: 'Audit', gateway: {} } },
  replicaCount: 3,
  tenancy: 'restricted',
  networkPolicy: { enabled: true },
  serviceMonitor: { enabled: true },
  podMonitor: { enabled: true },
  prometheusRule: { enabled: true },
  grafanaDashboard: { enabled: true },
  postfix: { enabled: true, replicaCount: 2, domains: ['example.com'], relayTo: 'relay:[mail.example.com]:25' },
  valkey: { enabled: true, auth: { existingSecret: 'shared' }, persistence: { enabled: true } },
}

/** What must be set besides for a value to count. */
const goesWith: Readonly<Record<string, object>> = {
  'crds.keep': { crds: { enabled: true } },
  'postfix.verifyRecipients': { postfix: { recipients: [] } },
  'serviceMonitor.renderMode': { apis: [] },
  'podMonitor.renderMode': { apis: [] },
  'prometheusRule.renderMode': { apis: [] },
}

const digest = `sha256:${'0'.repeat(64)}`
const peer = { podSelector: { matchLabels: { app: 'changed' } } }
/** Other values of forms that are not any text. */
const others: Readonly<Record<string, unknown>> = {
  'global.imageRegistry': 'registry.example.com',
  'image.digest': digest,
  'gateway.image.digest': digest,
  'postfix.image.digest': digest,
  'valkey.image.digest': digest,
  'policy.spec': { mode: 'Enforce' },
  resync: '7m',
  updateStrategy: { type: 'Recreate' },
  watchNamespaces: ['mail'],
  'leaderElection.enabled': false,
  'leaderElection.leaseDuration': '2m',
  'networkPolicy.apiServerPorts': [16443],
  'networkPolicy.ingressFrom': [peer],
  'prometheusRule.disabledAlerts': ['PostscreenStress'],
  ipFamilies: ['IPv6'],
  ipFamilyPolicy: 'RequireDualStack',
  extraObjects: [{ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'x' } }],
  'tenants.hosts': ['10.0.0.0/24'],
  'postfix.domains': ['example.net'],
  'postfix.recipients': ['x@example.com'],
  'postfix.relayTo': 'relay:[other.example.com]:25',
  'postfix.mynetworks': ['192.0.2.0/24'],
  'postfix.extraMainCf': { soft_bounce: 'yes' },
  'postfix.extraMaps': { x: 'a b' },
  'valkey.maxMemory': '256mb',
}
/** The same for every value of that name. */
const othersByName: Readonly<Record<string, unknown>> = {
  requests: { cpu: '7' },
  limits: { cpu: '7' },
  size: '3Gi',
  accessModes: ['ReadWriteMany'],
  interval: '7m',
  scrapeTimeout: '7s',
}
/** Two operators need an election, and some kinds are rendered only where the cluster has them. */
const alone = { replicaCount: 1 }

function valueAt(values: unknown, path: string): unknown {
  return path.split('.').reduce<unknown>((at, name) => (isObject(at) ? at[name] : undefined), values)
}

function merged(below: unknown, above: unknown): unknown {
  if (!isObject(below) || !isObject(above)) return above
  return Object.entries(above).reduce<Record<string, unknown>>(
    (all, [name, value]) => ({ ...all, [name]: merged(all[name], value) }),
    below,
  )
}

const at = (path: string, value: unknown): object =>
  path.split('.').reduceRight<unknown>((inner, name) => ({ [name]: inner }), value) as object

/** Another value than the one that counts. */
function otherThan(now: unknown, { path, node }: Leaf): unknown {
  if (path in others) return others[path]
  const name = path.split('.').at(-1) ?? ''
  if (name in othersByName) return othersByName[name]
  if (node.enum !== undefined) return node.enum.find((word) => word !== now && word !== '')
  const types = typeof node.type === 'string' ? [node.type] : (node.type ?? [])
  if (types.includes('boolean')) return now !== true
  if (types.includes('integer')) return Number(now ?? 0) + 1
  if (types.includes('array')) return [node.items?.type === 'string' ? 'changed' : { name: 'changed' }]
  if (types.includes('object')) return { changed: 'yes' }
  return now === 'changed' ? 'changed-again' : 'changed'
}

async function rendered(values: unknown): Promise<string> {
  const { apis = [monitoring], ...given } = values as { readonly apis?: readonly string[] }
  const known = apis.flatMap((api) => ['--api-versions', api])
  // A refusal is an effect too, such as that of a kind that the cluster lacks.
  return helm(['template', 'postscreen', chartFolder, '--namespace', 'mail', ...known], given).catch((error: Error) => error.message)
}

test('every value that the schema accepts has an effect', { skip: unless('helm'), timeout: 900_000 }, async () => {
  const leaves = leavesOf(schema)
  assert.ok(leaves.length > 150)
  const without: string[] = []
  const invalid: string[] = []
  const before = new Map<string, Promise<string>>()
  const compare = async (leaf: Leaf): Promise<void> => {
    const { path } = leaf
    const around = merged(merged(base, path === 'leaderElection.enabled' ? alone : {}), goesWith[path] ?? {})
    const key = JSON.stringify(around)
    const known = before.get(key) ?? rendered(around)
    before.set(key, known)
    const changed = at(path, otherThan(valueAt(merged(defaults, around), path), leaf))
    const after = await rendered(merged(around, changed))
    if (after === (await known)) without.push(path)
    if (after.includes("don't meet the specifications")) invalid.push(`${path}: ${/^- .*/m.exec(after)?.[0]}`)
  }
  const queue = [...leaves]
  const work = async (): Promise<void> => {
    for (let leaf = queue.pop(); leaf !== undefined; leaf = queue.pop()) await compare(leaf)
  }
  await Promise.all([work(), work()])
  assert.deepEqual(invalid, [], 'the test gives values that the schema refuses')
  assert.deepEqual(without.toSorted(), [], 'set, these change nothing')
})
