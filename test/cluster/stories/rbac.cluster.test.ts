// Story: the operator has exactly the rights that it uses, and a gateway has none. The audit log of the API server
// proves it.
// Runs alone: it reads the audit log of all that the operator does.
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { after, before, test } from 'node:test'
import { leave } from './support/alarms.ts'
import { type Anything, apply, attempt, eventually, get, kubectl, list, namespace } from './support/kubectl.ts'
import { gateway, policy, ready } from './support/policies.ts'
import { installed, system } from './support/release.ts'
import { unlessOwnCluster } from './support/surroundings.ts'

const home = 'story-rbac'
const operator = `system:serviceaccount:${system}:postscreen-operator`
const table = { table: { configMap: { name: 'senders', key: 'mx.cidr' } } }

before(async () => {
  await installed()
  await namespace(home)
  await apply({
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name: 'senders', namespace: home },
    data: { 'mx.cidr': '192.0.2.0/24 permit\n' },
  })
})

after(() => leave(home))

/** `verb group/resource/subresource`, as both sides are compared. */
const right = (verb: string, group: string, resource: string): string => `${verb} ${group === '' ? 'core' : group}/${resource}`

const grantedBy = (rules: readonly Anything[]): readonly string[] =>
  rules.flatMap(({ apiGroups, resources, verbs }: Anything) =>
    apiGroups.flatMap((group: string) =>
      resources.flatMap((resource: string) => verbs.map((verb: string) => right(verb, group, resource))),
    ),
  )

/** Everything that the chart's roles allow the operator. */
async function granted(): Promise<readonly string[]> {
  const bindings = [...(await list('clusterrolebindings', '')), ...(await list('rolebindings', system))]
  const ours = bindings.filter(({ subjects }) =>
    subjects?.some((one: Anything) => one.name === 'postscreen-operator' && one.namespace === system),
  )
  const roles = await Promise.all(
    ours.map(({ roleRef, metadata }) => get(roleRef.kind.toLowerCase(), metadata.namespace ?? '', roleRef.name)),
  )
  return [...new Set(roles.flatMap(({ rules }) => grantedBy(rules)))].toSorted()
}

interface Entry {
  readonly verb: string
  readonly requestReceivedTimestamp: string
  readonly objectRef?: { readonly apiGroup?: string; readonly resource: string; readonly subresource?: string }
  readonly responseStatus?: { readonly code: number }
  readonly user: { readonly username: string }
  /** `authorization.k8s.io/decision` tells a missing right from a namespace that is about to go. */
  readonly annotations?: Readonly<Record<string, string>>
}

/** Since a moment: what other stories did, such as ending an operator while its roles go, is not of interest. */
function auditedSince(moment: Date): readonly Entry[] {
  const text = readFileSync(process.env['POSTSCREEN_AUDIT_LOG'] ?? '', 'utf8')
  // Behind the last end of a line may be the beginning of another.
  return text
    .slice(0, text.lastIndexOf('\n') + 1)
    .split('\n')
    .filter((line) => line.includes(operator))
    .map((line): Entry => JSON.parse(line))
    .filter(({ user, objectRef }) => user.username === operator && objectRef !== undefined)
    .filter(({ requestReceivedTimestamp }) => new Date(requestReceivedTimestamp) >= moment)
}

/** What it has used. Applying what is not there takes the right to create besides, which the log does not name. */
function used(entries: readonly Entry[]): readonly string[] {
  const rights = entries.flatMap(({ verb, objectRef, responseStatus }) => {
    const { apiGroup = '', resource = '', subresource } = objectRef ?? {}
    const name = subresource === undefined ? resource : `${resource}/${subresource}`
    const created = verb === 'patch' && responseStatus?.code === 201
    return [right(verb, apiGroup, name), ...(created ? [right('create', apiGroup, name)] : [])]
  })
  return [...new Set(rights)].toSorted()
}

test('no role of the chart has anything to do with Secrets, or a wildcard', async () => {
  for (const one of await granted()) assert.doesNotMatch(one, /secrets|\*|escalate|bind|impersonate/)
})

test('what the chart allows the operator is exactly what it uses', { skip: unlessOwnCluster('reads the audit log') }, async () => {
  const began = new Date()
  // New pods, so that the log has their first lists and the lease too.
  await kubectl('delete', 'lease', 'postscreen-operator', '-n', system, '--ignore-not-found')
  await kubectl('rollout', 'restart', 'deployment/postscreen-operator', '-n', system)
  await kubectl('rollout', 'status', 'deployment/postscreen-operator', '-n', system, '--timeout=300s')
  const whole = gateway({ replicas: 1, autoscaling: { minReplicas: 1, maxReplicas: 2 } })
  await apply(policy(home, 'mx', { gateway: whole, access: [table] }))
  await ready(home, 'mx')
  // What happens twice is one event, which is changed.
  for (const time of ['once', 'twice']) {
    await kubectl('delete', 'poddisruptionbudget', 'mx-gateway', '-n', home)
    await eventually(`the budget back ${time}`, async () => (await get('poddisruptionbudget', home, 'mx-gateway')) !== undefined)
  }
  // A pod is asked to look at a change, unless its kubelet happens to have looked before: so there are two.
  for (const hostname of ['changed.example.com', 'again.example.com']) {
    await apply(policy(home, 'mx', { gateway: whole, access: [table], hostname }))
    await ready(home, 'mx')
  }
  await apply(policy(home, 'nodes', { gateway: gateway({ kind: 'DaemonSet' }) }))
  await ready(home, 'nodes')
  await apply(policy(home, 'nodes'))
  await eventually('the DaemonSet gone', async () => (await get('daemonset', home, 'nodes-gateway')) === undefined)
  const volumes = { size: '16Mi', whenDeleted: 'Delete' }
  await apply(policy(home, 'volumes', { gateway: gateway({ replicas: 1, persistence: volumes }) }))
  await ready(home, 'volumes')
  await apply(policy(home, 'volumes', { gateway: gateway({ replicas: 1, persistence: volumes, podLabels: { form: 'two' } }) }))
  await ready(home, 'volumes')
  await apply(policy(home, 'volumes'))
  await eventually('the StatefulSet gone', async () => (await get('statefulset', home, 'volumes-gateway')) === undefined)
  await apply(policy(home, 'mx'))
  await eventually(
    'everything of the gateway gone',
    async () =>
      (await get('serviceaccount', home, 'mx-gateway')) === undefined && (await get('configmap', home, 'mx-tables-0')) === undefined,
  )
  await ready(home, 'mx')
  const entries = auditedSince(began)
  assert.deepEqual(
    entries
      .filter(({ annotations }) => annotations?.['authorization.k8s.io/decision'] === 'forbid')
      .map(({ verb, objectRef }) => `${verb} ${objectRef?.resource}`),
    [],
    'something was forbidden',
  )
  assert.deepEqual(used(entries), await granted())
})

test('a gateway has no token and no rights', async () => {
  await apply(policy(home, 'powerless', { gateway: gateway({ replicas: 1 }) }))
  await ready(home, 'powerless')
  const [pod] = await list('pods', home, '-l', 'app.kubernetes.io/instance=powerless')
  const look = "process.exit(require('fs').existsSync('/var/run/secrets/kubernetes.io') ? 1 : 0)"
  const { code, stderr } = await attempt('kubectl', ['exec', '-n', home, pod.metadata.name, '--', '/usr/local/bin/node', '-e', look])
  assert.equal(code, 0, stderr || 'there is a token')
  for (const [verb, resource] of [
    ['get', 'secrets'],
    ['list', 'configmaps'],
    ['get', 'pods'],
    ['get', 'postscreenpolicies.postscreen.dev'],
    ['create', 'pods'],
  ] as const) {
    const answer = await attempt('kubectl', [
      'auth',
      'can-i',
      verb,
      resource,
      '-n',
      home,
      `--as=system:serviceaccount:${home}:powerless-gateway`,
    ])
    assert.equal(answer.stdout.trim(), 'no', `${verb} ${resource}`)
  }
})

const asOperator = ['--server-side', '--force-conflicts', '--field-manager=story', `--as=${operator}`]
const foreign = (kind: string, more: object): object => ({
  apiVersion: 'v1',
  kind,
  metadata: { name: 'foreign', namespace: home },
  ...more,
})

test('with its token, objects of others cannot be changed, removed or made', async () => {
  const own = { labels: { 'app.kubernetes.io/managed-by': 'postscreen-operator', 'postscreen.dev/policy': 'mx' } }
  await apply(foreign('ConfigMap', { data: { a: 'b' } }))
  await apply(foreign('Service', { spec: { selector: { app: 'x' }, ports: [{ port: 80 }] } }))
  const named = { name: 'foreign', namespace: home }
  const tries: readonly (readonly [what: string, args: readonly string[], input: object])[] = [
    ['to change a ConfigMap', ['apply', '-f', '-', ...asOperator], foreign('ConfigMap', { data: { a: 'c' } })],
    ['to take a ConfigMap over by a label', ['apply', '-f', '-', ...asOperator], foreign('ConfigMap', { metadata: { ...named, ...own } })],
    [
      'to change a Service',
      ['apply', '-f', '-', ...asOperator],
      foreign('Service', { spec: { selector: { app: 'y' }, ports: [{ port: 80 }] } }),
    ],
    [
      'to make a Service that no policy owns',
      ['apply', '-f', '-', ...asOperator],
      foreign('Service', { metadata: { ...named, name: 'new', ...own }, spec: { ports: [{ port: 80 }] } }),
    ],
    ['to remove a ConfigMap', ['delete', 'configmap', 'foreign', '-n', home, `--as=${operator}`], {}],
    ['to remove a Service', ['delete', 'service', 'foreign', '-n', home, `--as=${operator}`], {}],
  ]
  for (const [what, args, input] of tries) {
    const { code, stderr } = await attempt('kubectl', args, JSON.stringify(input))
    assert.notEqual(code, 0, what)
    assert.match(stderr, /the operator may (change|write) only objects with its label/, what)
  }
  assert.deepEqual((await get('configmap', home, 'foreign')).data, { a: 'b' })
  assert.deepEqual((await get('service', home, 'foreign')).spec.selector, { app: 'x' })
})

test('with its token, no pod but that of a gateway can be changed, and of that only the annotation for a refresh', async () => {
  const pod = (name: string, annotations: object): object => ({
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, namespace: home, annotations },
  })
  // No node: it need not run to be changed.
  const container = { name: 'x', image: 'x', resources: {} }
  const labels = { 'app.kubernetes.io/managed-by': 'postscreen-operator', 'postscreen.dev/policy': 'mx' }
  await apply({
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: 'foreign', namespace: home, labels },
    spec: { nodeSelector: { no: 'where' }, containers: [container] },
  })
  await apply(policy(home, 'guarded', { gateway: gateway({ replicas: 1 }) }))
  await ready(home, 'guarded')
  const [{ metadata }] = await list('pods', home, '-l', 'app.kubernetes.io/instance=guarded')
  const change = (name: string, annotations: object) =>
    attempt('kubectl', ['apply', '-f', '-', ...asOperator], JSON.stringify(pod(name, annotations)))
  const refresh = { 'postscreen.dev/policy-refresh': 'again.7' }
  assert.match((await change('foreign', refresh)).stderr, /the operator may change only pods of gateways/)
  assert.match((await change(metadata.name, { ...refresh, other: 'x' })).stderr, /nothing of a pod but the annotation/)
  const { code, stderr } = await change(metadata.name, refresh)
  assert.equal(code, 0, stderr)
})

test('the operator cannot read a Secret', async () => {
  const { stdout } = await attempt('kubectl', ['auth', 'can-i', 'get', 'secrets', '--all-namespaces', `--as=${operator}`])
  assert.equal(stdout.trim(), 'no')
})
