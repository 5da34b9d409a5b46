// What holds for every object of the chart, whatever the values: names, labels, fields that Kubernetes knows, restricted pods, roles without Secrets.
import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { test } from 'node:test'
import { load } from 'js-yaml'
import { isObject } from '../../crds/is-object.ts'
import type { KubeObject } from '../../operator/kube/object.ts'
import { unless } from '../peers/require.ts'
import { unknownFields } from './known-fields.ts'
import { chartFolder, helm, monitoring, render } from './render.ts'

const skip = unless('helm')
const folder = new URL('golden/', import.meta.url)
const inputs = readdirSync(folder).filter((name) => name.endsWith('.in.yaml'))
const valuesOf = (name: string): object => load(readFileSync(new URL(name, folder), 'utf8')) as object

interface Made {
  readonly from: string
  readonly object: KubeObject
}

let made: Promise<readonly Made[]> | undefined

/** The objects that the chart makes of each input, without those that the input itself brings. They are rendered once. */
const everyObject = (): Promise<readonly Made[]> => (made ??= renderEveryInput())

async function renderEveryInput(): Promise<readonly Made[]> {
  const all = await Promise.all(
    inputs.map(async (from) => {
      const objects = await render({ values: valuesOf(from), apis: [monitoring] })
      return objects.filter(({ metadata }) => !metadata.name.endsWith('-own')).map((object) => ({ from, object }))
    }),
  )
  return all.flat()
}

const named = (object: KubeObject): string => `${object.kind} ${object.metadata.name}`

test('helm lint --strict reports nothing', { skip }, async () => {
  for (const name of inputs) {
    const said = await helm(['lint', '--strict', chartFolder], valuesOf(name))
    assert.doesNotMatch(said, /\[(WARNING|ERROR)\]/, name)
  }
})

const recommended = ['name', 'instance', 'component', 'part-of', 'version', 'managed-by'].map((name) => `app.kubernetes.io/${name}`)

test('every object has the recommended labels, and the chart that it is from', { skip }, async () => {
  for (const { from, object } of await everyObject()) {
    const labels = Object.keys(object.metadata.labels ?? {})
    for (const label of [...recommended, 'helm.sh/chart']) assert.ok(labels.includes(label), `${from}: ${named(object)} has no ${label}`)
  }
})

test('every object in a namespace names the namespace, and has a name that is short enough', { skip }, async () => {
  const cluster = /^(CustomResourceDefinition|ClusterRole|ClusterRoleBinding|ValidatingAdmissionPolicy|ValidatingAdmissionPolicyBinding)$/
  const long = 'a-release-with-as-long-a-name-as-helm-lets-one-have-x'
  const policy = { create: true, name: 'x'.repeat(52), spec: { backend: { addresses: ['10.0.0.5:10025'] } } }
  const longest = await render({ values: { policy }, release: long, namespace: 'y'.repeat(63) })
  for (const object of [...longest, ...(await everyObject()).map((one) => one.object)]) {
    if (object.kind !== 'ConfigMap' && !cluster.test(object.kind)) assert.ok(object.metadata.name.length <= 63, named(object))
    assert.equal(
      object.metadata.namespace === undefined,
      cluster.test(object.kind) || object.metadata.name.endsWith('-text'),
      named(object),
    )
  }
})

test('no two objects of a release have the same kind and name', { skip }, async () => {
  const names = (await everyObject()).map(({ from, object }) => `${from} ${object.metadata.namespace ?? ''}/${named(object)}`)
  assert.equal(new Set(names).size, names.length)
})

test('Kubernetes 1.36 knows every field', { skip }, async () => {
  for (const { from, object } of await everyObject()) assert.deepEqual(unknownFields(object), [], from)
  const misspelt = { apiVersion: 'v1', kind: 'Service', metadata: { name: 'x' }, spec: { port: 1, ports: [{ port: '1' }] } }
  assert.equal(unknownFields(misspelt).length, 2, 'the test itself finds what is wrong')
})

interface PodSpec {
  readonly securityContext?: Readonly<Record<string, unknown>>
  readonly containers: readonly { readonly securityContext?: Readonly<Record<string, unknown>>; readonly resources?: unknown }[]
  readonly volumes?: readonly Readonly<Record<string, unknown>>[]
}

/** What the restricted Pod Security Standard asks for, and a read-only root file system. */
function assertRestricted(pod: PodSpec, what: string): void {
  assert.equal(pod.securityContext?.['runAsNonRoot'], true, what)
  assert.deepEqual(pod.securityContext['seccompProfile'], { type: 'RuntimeDefault' }, what)
  for (const { securityContext, resources } of pod.containers) {
    assert.equal(securityContext?.['allowPrivilegeEscalation'], false, what)
    assert.equal(securityContext['readOnlyRootFilesystem'], true, what)
    assert.deepEqual(securityContext['capabilities'], { drop: ['ALL'] }, what)
    assert.ok(resources !== undefined, what)
  }
  const kinds = (pod.volumes ?? []).flatMap((volume) => Object.keys(volume).filter((key) => key !== 'name'))
  for (const kind of kinds)
    assert.match(kind, /^(configMap|csi|downwardAPI|emptyDir|ephemeral|persistentVolumeClaim|projected|secret)$/, what)
}

test('every pod but Postfix’s is restricted', { skip }, async () => {
  const workloads = (await everyObject()).filter(({ object }) => /^(Deployment|StatefulSet|Job)$/.test(object.kind))
  const restricted = workloads.filter(({ object }) => object.metadata.labels?.['app.kubernetes.io/component'] !== 'postfix')
  assert.ok(restricted.length > inputs.length)
  for (const { from, object } of restricted) {
    const { template } = object['spec'] as { readonly template: { readonly spec: PodSpec } }
    assertRestricted(template.spec, `${from}: ${named(object)}`)
  }
})

interface Probe {
  readonly periodSeconds: number
  readonly timeoutSeconds: number
  readonly failureThreshold: number
}
type Probed = Partial<Readonly<Record<'livenessProbe' | 'startupProbe', Probe>>>

test(
  'the kubelet ends no container that is only slow: not before it has been silent for a minute, and each time for 5 s',
  { skip },
  async () => {
    const workloads = (await everyObject()).filter(({ object }) => /^(Deployment|StatefulSet)$/.test(object.kind))
    for (const { from, object } of workloads) {
      const { template } = object['spec'] as { readonly template: { readonly spec: { readonly containers: readonly Probed[] } } }
      for (const { livenessProbe, startupProbe } of template.spec.containers) {
        assert.ok(livenessProbe !== undefined, `${from}: ${named(object)}`)
        for (const { periodSeconds, timeoutSeconds, failureThreshold } of [livenessProbe, ...(startupProbe ? [startupProbe] : [])]) {
          assert.ok(periodSeconds * failureThreshold >= 60 && timeoutSeconds >= 5, `${from}: ${named(object)}`)
        }
      }
    }
  },
)

test('a selector selects the pods of its own object and no others', { skip }, async () => {
  const all = await everyObject()
  const pods = all.flatMap(({ from, object }) => {
    const spec = object['spec']
    const template = isObject(spec) && isObject(spec['template']) ? (spec['template'] as { metadata: KubeObject['metadata'] }) : undefined
    return template === undefined ? [] : [{ from, of: named(object), labels: template.metadata.labels ?? {} }]
  })
  for (const { from, object } of all.filter(({ object: { kind } }) => /^(Deployment|StatefulSet)$/.test(kind))) {
    const { selector } = object['spec'] as { readonly selector: { readonly matchLabels: Readonly<Record<string, string>> } }
    const selected = pods.filter(
      (pod) => pod.from === from && Object.entries(selector.matchLabels).every(([key, value]) => pod.labels[key] === value),
    )
    assert.deepEqual(
      selected.map(({ of }) => of),
      [named(object)],
      from,
    )
  }
})

interface Rule {
  readonly apiGroups: readonly string[]
  readonly resources: readonly string[]
  readonly verbs: readonly string[]
  readonly resourceNames?: readonly string[]
}

/** `group/resource: verbs`, in order. */
const rights = (rules: readonly Rule[]): readonly string[] =>
  rules
    .flatMap(({ apiGroups, resources, verbs }) =>
      apiGroups.flatMap((group) => resources.map((resource) => `${group === '' ? 'core' : group}/${resource}: ${verbs.join(' ')}`)),
    )
    .toSorted()

const all = 'get list watch create patch delete'
const operatorRights = [
  `apps/daemonsets: ${all}`,
  `apps/deployments: ${all}`,
  `apps/statefulsets: ${all}`,
  `autoscaling/horizontalpodautoscalers: ${all}`,
  `core/configmaps: ${all}`,
  'core/pods: list watch patch',
  `core/serviceaccounts: ${all}`,
  `core/services: ${all}`,
  'events.k8s.io/events: create patch',
  `networking.k8s.io/networkpolicies: ${all}`,
  `policy/poddisruptionbudgets: ${all}`,
  'postscreen.dev/postscreenpolicies/status: patch',
  'postscreen.dev/postscreenpolicies: list watch',
]

const rulesOf = (object: KubeObject | undefined): readonly Rule[] => (object?.['rules'] ?? []) as readonly Rule[]

test('no role of the chart has Secrets, a wildcard, or the right to give rights', { skip }, async () => {
  const roles = (await everyObject()).filter(({ object }) => /^(Cluster)?Role$/.test(object.kind))
  for (const { object } of roles) {
    for (const { apiGroups, resources, verbs } of rulesOf(object)) {
      assert.doesNotMatch(
        [...apiGroups, ...resources, ...verbs].join(' '),
        /\*|secrets|escalate|impersonate|\bbind\b|\broles|tokens?\b/,
        named(object),
      )
    }
  }
})

test('the operator may do what it does, in all namespaces or in those that it watches', { skip }, async () => {
  const wide = await render({})
  const role = wide.find(({ kind, metadata }) => kind === 'ClusterRole' && metadata.name === 'mail-postscreen-operator')
  assert.deepEqual(rights(rulesOf(role)), operatorRights)
  const narrow = await render({
    values: { watchNamespaces: ['mail', 'partners'], rbac: { aggregateClusterRoles: false, admissionPolicies: false } },
  })
  assert.deepEqual(
    narrow.filter(({ kind }) => /^Cluster|Admission/.test(kind)),
    [],
  )
  const roles = narrow.filter(({ kind, metadata }) => kind === 'Role' && !metadata.name.endsWith('-lease'))
  assert.deepEqual(roles.map(({ metadata }) => metadata.namespace ?? '').toSorted(), ['mail', 'partners'])
  for (const one of roles) assert.deepEqual(rights(rulesOf(one)), operatorRights)
})

test('in its own namespace the operator may use its lease, and no other', { skip }, async () => {
  const lease = (await render({})).find(({ kind, metadata }) => kind === 'Role' && metadata.name.endsWith('-lease'))
  assert.deepEqual(lease?.['rules'], [
    { apiGroups: ['coordination.k8s.io'], resources: ['leases'], verbs: ['create'] },
    { apiGroups: ['coordination.k8s.io'], resources: ['leases'], resourceNames: ['postscreen-operator'], verbs: ['get', 'update'] },
  ])
})

test('with rbac.create=false there is no role at all', { skip }, async () => {
  const values = {
    rbac: { create: false, aggregateClusterRoles: false },
    policy: { create: true, spec: { backend: { addresses: ['10.0.0.5:25'] } } },
  }
  assert.deepEqual(
    (await render({ values })).filter(({ kind }) => /Role/.test(kind)),
    [],
  )
})

const monitors = { serviceMonitor: { enabled: true }, podMonitor: { enabled: true }, prometheusRule: { enabled: true } }
const kindsOf = (objects: readonly KubeObject[]): readonly string[] =>
  objects.map(({ kind }) => kind).filter((kind) => /Monitor|PrometheusRule/.test(kind))

test('where the Prometheus operator’s kinds are missing they are left out, unless they are to be rendered anyway', { skip }, async () => {
  assert.deepEqual(kindsOf(await render({ values: monitors })), [])
  assert.equal(kindsOf(await render({ values: monitors, apis: [monitoring] })).length, 3)
  assert.equal(kindsOf(await render({ values: { podMonitor: { enabled: true, renderMode: 'alwaysRender' } } })).length, 1)
})

test('the release with one operator has no disruption budget, which would stop every drain of its node', { skip }, async () => {
  assert.ok((await render({})).some(({ kind }) => kind === 'PodDisruptionBudget'))
  assert.ok(!(await render({ values: { replicaCount: 1 } })).some(({ kind }) => kind === 'PodDisruptionBudget'))
})

test('crds.keep and crds.enabled have their documented effect', { skip }, async () => {
  const crd = async (crds: object) => (await render({ values: { crds } })).find(({ kind }) => kind === 'CustomResourceDefinition')
  assert.equal((await crd({}))?.metadata.annotations?.['helm.sh/resource-policy'], 'keep')
  assert.equal((await crd({ keep: false }))?.metadata.annotations, undefined)
  assert.equal(await crd({ enabled: false }), undefined)
})

test('gateways know the operator by its labels, whatever the release is called', { skip }, async () => {
  const objects = await render({ values: { nameOverride: 'screen', fullnameOverride: 'front' }, release: 'x' })
  const operator = objects.find(({ kind }) => kind === 'Deployment')
  assert.ok(operator !== undefined)
  const { template } = operator['spec'] as { readonly template: { readonly metadata: KubeObject['metadata'] } }
  const { 'app.kubernetes.io/name': name, 'app.kubernetes.io/component': component } = template.metadata.labels ?? {}
  // operator/desired/network-policy.ts lets these pods in.
  assert.deepEqual({ name, component }, { name: 'postscreen', component: 'operator' })
})
