// The status of a policy as it is written, and what holds for every status there can be.
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { statusSchema } from '../../../crds/schema/status.schema.ts'
import type { StructuralNode } from '../../../crds/generate/structural.ts'
import type { Applied } from '../../../operator/apply.ts'
import { annotation } from '../../../operator/desired/names.ts'
import type { GatewayPod } from '../../../operator/gateways/pods.ts'
import { isObject } from '../../../crds/is-object.ts'
import type { KubeObject } from '../../../operator/kube/object.ts'
import { conditionTypes, findingsOf } from '../../../operator/status/findings.ts'
import type { Observation } from '../../../operator/status/observation.ts'
import { type PolicyStatus, statusOf } from '../../../operator/status/status.ts'
import { kstatus, type Verdict } from '../../cluster/stories/support/kstatus.ts'
import { atRest, compiledOf, deploymentWith, podWith, template } from '../observed.ts'
import { policyWith } from '../policy-object.ts'

/** The labels of the pods, for /scale. */
const selector = 'app.kubernetes.io/name=postscreen,app.kubernetes.io/instance=mx,app.kubernetes.io/component=gateway'

const now = new Date('2026-03-04T05:06:07.890Z')
const written = (seen: Observation, at = now): PolicyStatus => statusOf(seen, findingsOf(seen), at)
const timesOf = ({ conditions }: PolicyStatus) =>
  Object.fromEntries(conditions.map(({ type, lastTransitionTime }) => [type, lastTransitionTime]))
const withStatus = (seen: Observation, status: unknown): Observation => ({ ...seen, policy: { ...seen.policy, status } })
const invalid = (seen: Observation): Observation => ({
  ...seen,
  compiled: undefined,
  template: undefined,
  problems: [{ path: 'spec.mode', why: 'is not a mode' }],
})

const inCluster = (more: object): KubeObject => ({
  apiVersion: 'v1',
  kind: 'Service',
  metadata: { name: 'mx-gateway' },
  spec: { type: 'ClusterIP', clusterIPs: ['10.96.0.1'], ...more },
})

describe('the status', () => {
  test('of a policy that was new never says that a condition turned in 1970', () => {
    const rolling = { ...atRest(), pods: [] }
    const first = written(withStatus(rolling, statusSchema.default))
    assert.equal(first.conditions.find(({ type }) => type === 'Reconciling')?.status, 'True')
    assert.deepEqual(new Set(Object.values(timesOf(first))), new Set(['2026-03-04T05:06:07Z']))
  })

  test('of a policy at rest has all that the schema tells of', () => {
    const status = written(atRest({ gateway: {}, dnsbl: { sites: [{ domain: 'bl.example', weight: 2 }] } }))
    assert.deepEqual(
      { ...status, conditions: [] },
      {
        observedGeneration: 3,
        conditions: [],
        addresses: ['192.0.2.25', 'mx.example.com'],
        gateways: { total: 2, ready: 2, updated: 2, selector, programmed: '2/2', serving: '2/2' },
        notices: [],
        configMap: { name: 'mx-policy', hash: status['configMap'] && (status['configMap'] as { hash: string }).hash, tables: [] },
        effective: {
          image: 'registry.example.com/postscreen:1.0',
          backends: ['postfix.mail.svc:10025'],
          greetStressWait: '2s',
          stressCommandTimeLimit: '10s',
          dnsblSites: ['bl.example*2'],
          tableRules: 0,
        },
      },
    )
  })

  const cases: readonly { readonly what: string; readonly seen: Observation; readonly field: string; readonly want: unknown }[] = [
    { what: 'without gateways has no counts of them', seen: atRest({}), field: 'gateways', want: undefined },
    { what: 'without gateways has no addresses', seen: atRest({}), field: 'addresses', want: undefined },
    {
      what: 'of a node port has the nodes with a gateway that takes clients, not the address in the cluster',
      seen: {
        ...atRest(),
        service: {
          apiVersion: 'v1',
          kind: 'Service',
          metadata: { name: 'mx-gateway' },
          spec: { type: 'NodePort', clusterIPs: ['10.96.0.1'], ports: [{ port: 25, nodePort: 30025 }] },
        },
        pods: [
          podWith(compiledOf(atRest().policy), { host: '192.0.2.101' }),
          podWith(compiledOf(atRest().policy), { host: '192.0.2.102', ready: false }),
        ],
      },
      field: 'addresses',
      want: ['192.0.2.101:30025'],
    },
    {
      what: 'of a rollout that failed says that the gateways of before take clients',
      seen: { ...atRest(), pods: atRest().pods.map((pod) => ({ ...pod, template: 'template-0' })) },
      field: 'gateways',
      want: { total: 2, ready: 2, updated: 0, selector, programmed: '0/2', serving: '2/2' },
    },
    {
      what: 'of a policy that rejects networks while denylist.action is Ignore says that this has no effect',
      seen: atRest({ gateway: {}, access: [{ action: 'Reject', cidrs: ['203.0.113.0/24'] }] }),
      field: 'notices',
      want: [
        'spec.access: entries with Reject have no effect, because spec.denylist.action is Ignore (the default). Set it to Enforce or Drop',
      ],
    },
    {
      what: 'of a policy with a node port and type ClusterIP says that this has no effect',
      seen: atRest({ gateway: { service: { type: 'ClusterIP', nodePort: 30025 } } }),
      field: 'notices',
      want: ['spec.gateway.service.nodePort: has no effect with type ClusterIP. Use type NodePort or LoadBalancer'],
    },
    {
      what: 'of a Service in the cluster has its addresses',
      seen: {
        ...atRest(),
        service: {
          apiVersion: 'v1',
          kind: 'Service',
          metadata: { name: 'mx-gateway' },
          spec: { type: 'ClusterIP', clusterIPs: ['10.96.0.1', 'fd00::1'] },
        },
      },
      field: 'addresses',
      want: ['10.96.0.1', 'fd00::1'],
    },
    {
      what: 'of pods with a port of the node has the nodes, and not the address in the cluster',
      seen: { ...atRest({ gateway: { kind: 'DaemonSet', hostPort: 25, service: { type: 'ClusterIP' } } }), service: inCluster({}) },
      field: 'addresses',
      want: ['192.0.2.101:25'],
    },
    {
      what: 'of pods with the network of the node has the nodes with the port of the gateway',
      seen: { ...atRest({ gateway: { hostNetwork: true, service: { type: 'ClusterIP' } } }), service: inCluster({}) },
      field: 'addresses',
      want: ['192.0.2.101:2525'],
    },
    {
      what: 'of a Service with addresses of nodes has these',
      seen: { ...atRest(), service: inCluster({ externalIPs: ['192.0.2.25'] }) },
      field: 'addresses',
      want: ['192.0.2.25'],
    },
    {
      what: 'has no addresses while the load balancer has none',
      seen: { ...atRest(), service: { apiVersion: 'v1', kind: 'Service', metadata: { name: 'x' }, spec: { type: 'LoadBalancer' } } },
      field: 'addresses',
      want: [],
    },
    {
      what: 'counts the gateways of the newest form that run this generation',
      seen: {
        ...atRest(),
        workload: deploymentWith(3),
        pods: [podWith(atRest().compiled, { ready: false }), podWith(atRest().compiled, { template: 'older' })],
      },
      field: 'gateways',
      want: { total: 3, ready: 1, updated: 1, selector, programmed: '1/3', serving: '1/3' },
    },
    { what: 'has no ConfigMap while there is none', seen: { ...atRest(), configMap: undefined }, field: 'configMap', want: undefined },
    { what: 'of a policy that is not valid has nothing that was worked out', seen: invalid(atRest()), field: 'effective', want: undefined },
  ]
  for (const { what, seen, field, want } of cases) test(what, () => assert.deepEqual(written(seen)[field], want))

  test('of a policy that is not valid, or paused, still tells what gateways read: the last one that was good', () => {
    const seen = atRest()
    const hash = seen.configMap?.metadata.annotations?.[annotation.hash]
    const changed = compiledOf(policyWith({ gateway: {}, mode: 'Audit' }, { generation: 4 }))
    for (const state of [invalid(seen), { ...seen, compiled: changed, paused: true }]) {
      assert.deepEqual(written(state)['configMap'], { name: 'mx-policy', hash })
    }
    assert.notEqual(hash, changed.hash)
  })
})

describe('the time of a condition', () => {
  const seen = atRest()
  const later = new Date(now.getTime() + 90_000)

  test('is when it was found first, in whole seconds', () => assert.equal(timesOf(written(seen))['Ready'], '2026-03-04T05:06:07Z'))

  test('stays while its status is the same, also with another reason or message', () => {
    const before = written({ ...seen, pods: seen.pods.slice(1) })
    const after = written(withStatus({ ...seen, pods: [] }, before), later)
    assert.notDeepEqual(
      before.conditions.find(({ type }) => type === 'Programmed')?.message,
      after.conditions.find(({ type }) => type === 'Programmed')?.message,
    )
    assert.equal(timesOf(after)['Programmed'], '2026-03-04T05:06:07Z')
  })

  test('is new when its status is another one', () => {
    const after = written(withStatus({ ...seen, pods: [] }, written(seen)), later)
    assert.deepEqual(
      [timesOf(after)['Programmed'], timesOf(after)['Ready'], timesOf(after)['Accepted']],
      ['2026-03-04T05:07:37Z', '2026-03-04T05:07:37Z', '2026-03-04T05:06:07Z'],
    )
  })

  for (const status of [
    undefined,
    null,
    {},
    { conditions: 'x' },
    { conditions: [null, { type: 'Ready' }, { type: 'Ready', status: 'True', lastTransitionTime: 5 }] },
  ]) {
    test(`is new when the policy has ${JSON.stringify(status)}`, () =>
      assert.equal(timesOf(written(withStatus(seen, status)))['Ready'], '2026-03-04T05:06:07Z'))
  }
})

describe('for kstatus (GitOps tools, kubectl-wait and the like) a policy', () => {
  const verdict = (seen: Observation, generation = 3): Verdict => kstatus({ metadata: { generation }, status: written(seen) })
  const rest = atRest()

  test('that no operator has looked at is in progress: so says the default of the schema', () => {
    assert.equal(kstatus({ metadata: { generation: 1 }, status: statusSchema.default }), 'InProgress')
  })

  const gaveUp = { conditions: [{ reason: 'ProgressDeadlineExceeded', message: 'timed out' }] }
  const cases: readonly { readonly what: string; readonly seen: Observation; readonly generation?: number; readonly want: Verdict }[] = [
    { what: 'at rest is current', seen: rest, want: 'Current' },
    { what: 'without gateways is current when its ConfigMap is written', seen: atRest({}), want: 'Current' },
    {
      what: 'with no gateway wanted is in progress: clients cannot connect',
      seen: { ...atRest({ gateway: { replicas: 0 } }), workload: deploymentWith(0), pods: [] },
      want: 'InProgress',
    },
    { what: 'with a newer generation is in progress', seen: rest, generation: 4, want: 'InProgress' },
    { what: 'on its way to the gateways is in progress', seen: { ...rest, pods: rest.pods.slice(1) }, want: 'InProgress' },
    {
      what: 'whose gateways take no clients is in progress',
      seen: { ...rest, pods: rest.pods.map((pod) => ({ ...pod, ready: false })) },
      want: 'InProgress',
    },
    { what: 'that is paused with a change is in progress', seen: { ...rest, paused: true, pods: [] }, want: 'InProgress' },
    { what: 'that is not valid has failed', seen: invalid(rest), want: 'Failed' },
    { what: 'whose rollout has given up has failed', seen: { ...rest, pods: [], workload: deploymentWith(2, gaveUp) }, want: 'Failed' },
    {
      what: 'whose name is taken has failed',
      seen: { ...rest, applied: [{ is: 'conflict', object: rest.policy, why: 'taken', passes: false }] },
      want: 'Failed',
    },
  ]
  for (const { what, seen, generation, want } of cases) test(what, () => assert.equal(verdict(seen, generation), want))
})

/** Random observations: whatever the parts are, they may come together. */
const base = atRest()
const text = fc.oneof(
  fc.constant(''),
  fc.string({ maxLength: 20 }),
  fc.constantFrom('x'.repeat(9000), `x${'😀'.repeat(5000)}`, '\ud83d\u0000'),
)
const problems = fc.array(fc.record({ path: text, why: text }), { maxLength: 3 })
const maybe = <T>(one: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> => fc.option(one, { nil: undefined })
const hash = fc.constantFrom(base.compiled.hash, 'f'.repeat(64))
const report = fc.record({
  hash: maybe(hash),
  refused: maybe(fc.record({ hash: maybe(hash), problems })),
  backends: fc.array(fc.record({ name: text, reachable: fc.boolean(), why: text }), { maxLength: 2 }),
})
const pod: fc.Arbitrary<GatewayPod> = fc.record({
  name: fc.string(),
  uid: fc.string(),
  host: maybe(fc.constant('192.0.2.101')),
  address: maybe(fc.constant('10.0.0.1')),
  ready: fc.boolean(),
  template: fc.constantFrom(template, 'older', undefined),
  refresh: maybe(fc.string()),
  trouble: maybe(text),
  report: maybe(report),
})
const object: KubeObject = { apiVersion: 'v1', kind: 'Service', metadata: { name: 'mx-gateway' } }
const applied: fc.Arbitrary<Applied> = fc.oneof(
  fc.constantFrom('unchanged', 'created', 'changed', 'removed').map((is) => ({ is, object }) as const),
  fc.record({ why: text, passes: fc.boolean() }).map((one) => ({ is: 'conflict', object, ...one }) as const),
  text.map((why) => ({ is: 'refused', object, why }) as const),
)
const number = fc.constantFrom(0, 1, 2, 3, 'x', null)
const deployment = fc
  .record({
    observedGeneration: number,
    replicas: number,
    updatedReplicas: number,
    conditions: fc.constantFrom(undefined, 'x', [null], [{ reason: 'ProgressDeadlineExceeded', message: 1 }]),
  })
  .chain((status) => fc.nat(3).map((replicas) => deploymentWith(replicas, status)))
const observation: fc.Arbitrary<Observation> = fc.record({
  policy: fc.constantFrom(
    base.policy,
    atRest({}).policy,
    { ...base.policy, status: written(invalid(base)) },
    { ...base.policy, status: written(base) },
  ),
  compiled: fc.constantFrom(base.compiled, atRest({}).compiled),
  problems: fc.constant([]),
  awaited: fc.boolean(),
  waitedTooLong: fc.boolean(),
  backendService: fc.constantFrom(undefined, 'missing', 'headless', 'clusterIP'),
  paused: fc.boolean(),
  applied: fc.array(applied, { maxLength: 3 }),
  drifted: fc.array(fc.constant(object), { maxLength: 1 }),
  contested: fc.array(fc.record({ object: fc.constant(object), by: maybe(text), isDeleted: fc.boolean(), waitMs: fc.nat() }), {
    maxLength: 2,
  }),
  configMap: maybe(fc.constant(base.configMap ?? object)),
  workload: maybe(deployment),
  service: fc.constantFrom(undefined, object, {
    ...object,
    spec: { type: 'LoadBalancer' },
    status: { loadBalancer: { ingress: [null, { ip: '192.0.2.1' }, { hostname: '' }] } },
  }),
  template: fc.constantFrom(template, undefined),
  pods: fc.array(pod, { maxLength: 3 }),
  refusalLasts: fc.boolean(),
  image: fc.constant('image'),
})
const anything = fc.oneof(
  observation,
  fc
    .tuple(observation, fc.array(fc.record({ path: text, why: text }), { minLength: 1, maxLength: 30 }))
    .map(([seen, wrong]) => ({ ...seen, compiled: undefined, problems: wrong })),
)
const conditionsBy = (status: PolicyStatus) => Object.fromEntries(status.conditions.map((one) => [one.type, one]))

/** What the schema has against a value: unknown fields would be dropped, others refused. */
function* misfits(value: unknown, node: StructuralNode | undefined, path: string): Generator<string> {
  if (node === undefined) yield `${path} is unknown`
  else if (Array.isArray(value)) for (const [at, entry] of value.entries()) yield* misfits(entry, node.items, `${path}[${at}]`)
  else if (isObject(value))
    for (const [name, inner] of Object.entries(value)) yield* misfits(inner, node.properties?.[name], `${path}.${name}`)
  else if (node.type === 'string' ? typeof value !== 'string' : !Number.isSafeInteger(value)) yield `${path} is ${JSON.stringify(value)}`
  else if (typeof value === 'string' && (node.maxLength ?? Infinity) < value.length) yield `${path} is too long`
}

describe('of whatever is observed', () => {
  const holds = (what: string, check: (status: PolicyStatus, seen: Observation) => void) =>
    test(what, () =>
      fc.assert(
        fc.property(anything, (seen) => check(written(seen), seen)),
        { numRuns: 150 },
      ),
    )

  void holds('Reconciling and Stalled are never both true', (status) => {
    const { Reconciling, Stalled } = conditionsBy(status)
    assert.ok(Reconciling?.status !== 'True' || Stalled?.status !== 'True')
  })

  void holds('Ready is true only with everything else as it should be', (status) => {
    const { Ready, Accepted, Programmed, Reconciling, Stalled } = conditionsBy(status)
    if (Ready?.status !== 'True') return
    assert.deepEqual(
      [Accepted, Programmed, Reconciling, Stalled].map((one) => one?.status),
      ['True', 'True', 'False', 'False'],
    )
  })

  void holds('what failed is never ready, and what is current is', (status, { policy }) => {
    const verdict = kstatus({ metadata: policy.metadata, status })
    assert.equal(verdict === 'Current', conditionsBy(status)['Ready']?.status === 'True')
  })

  void holds(
    'every condition is there once, of this generation, with a reason in CamelCase and a bounded message',
    (status, { policy }) => {
      assert.deepEqual(
        status.conditions.map(({ type }) => type),
        conditionTypes.filter((type) => type !== 'SPFCurrent'),
        'the policy has no senders',
      )
      assert.equal(status['observedGeneration'], policy.metadata.generation)
      for (const { reason, message, observedGeneration, status: word } of status.conditions) {
        assert.match(reason, /^[A-Z][A-Za-z]+$/)
        assert.match(word, /^(True|False|Unknown)$/)
        assert.ok(message.length <= 8000 && message.isWellFormed())
        assert.equal(observedGeneration, policy.metadata.generation)
      }
    },
  )

  void holds('it fits the schema, without a field that has no value', (status) => {
    assert.deepEqual(JSON.parse(JSON.stringify(status)), status)
    assert.deepEqual([...misfits(status, statusSchema, 'status')], [])
  })

  void holds('a second look finds nothing to change', (status, seen) => {
    assert.deepEqual(written(withStatus(seen, status), new Date(now.getTime() + 60_000)), status)
  })
})
