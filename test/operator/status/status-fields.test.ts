// Single fields of a status: what is in them, and that they are missing where there is nothing to put into them.
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { KubeObject } from '../../../operator/kube/object.ts'
import { conditionsOf } from '../../../operator/status/condition.ts'
import { findingsOf } from '../../../operator/status/findings.ts'
import type { Observation } from '../../../operator/status/observation.ts'
import { type PolicyStatus, statusOf } from '../../../operator/status/status.ts'
import { atRest, deploymentWith, podWith } from '../observed.ts'

/** The labels of the pods, for /scale. */
const selector = 'app.kubernetes.io/name=postscreen,app.kubernetes.io/instance=mx,app.kubernetes.io/component=gateway'

const now = new Date('2026-03-04T05:06:07.890Z')
const statusFor = (seen: Observation): PolicyStatus => statusOf(seen, findingsOf(seen), now)
const base = atRest()
const service = (spec: object, status: object = {}): KubeObject => ({
  apiVersion: 'v1',
  kind: 'Service',
  metadata: { name: 'mx-gateway' },
  spec,
  status,
})
const balanced = (ingress: unknown): Observation => ({ ...base, service: service({ type: 'LoadBalancer' }, { loadBalancer: { ingress } }) })
const onNodes = (ports: unknown, ...hosts: readonly (string | undefined)[]): Observation => ({
  ...base,
  service: service({ type: 'NodePort', clusterIPs: ['10.96.0.1'], ports }),
  pods: hosts.map((host) => podWith(base.compiled, { host })),
})
const named = (name: string): Observation => ({ ...base, policy: { ...base.policy, metadata: { ...base.policy.metadata, name } } })
const { generation: _, ...ungenerated } = base.policy.metadata
const shards = [new Map([['a', Buffer.from('a')]]), new Map([['b', Buffer.from('b')]])]
const withShards = { ...base, compiled: { ...base.compiled, shards } }
const hash = base.compiled.hash
const unhashed = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'mx-policy', annotations: {} } }

interface Case {
  readonly what: string
  readonly seen: Observation
  readonly field: string
  readonly want: unknown
}

const cases: readonly Case[] = [
  { what: 'the generation that was observed', seen: base, field: 'observedGeneration', want: 3 },
  {
    what: 'generation 0 of a policy that has none',
    seen: { ...base, policy: { ...base.policy, metadata: ungenerated } },
    field: 'observedGeneration',
    want: 0,
  },
  {
    what: 'each node once, in order, with the node port',
    seen: onNodes([null, { nodePort: 30025 }, { nodePort: 30026 }], '192.0.2.9', '192.0.2.10', undefined, '192.0.2.9'),
    field: 'addresses',
    want: ['192.0.2.10:30025', '192.0.2.9:30025'],
  },
  {
    what: 'an IPv6 node in brackets',
    seen: onNodes([{ nodePort: 30025 }], '2001:db8::1'),
    field: 'addresses',
    want: ['[2001:db8::1]:30025'],
  },
  { what: 'no node before it has a port', seen: onNodes([{ port: 25 }], '192.0.2.9'), field: 'addresses', want: [] },
  { what: 'no node without ports', seen: onNodes(undefined, '192.0.2.9'), field: 'addresses', want: [] },
  {
    what: 'the addresses of a load balancer, without entries that are not addresses',
    seen: balanced([
      null,
      { ip: '192.0.2.1', hostname: '' },
      { ip: 5, hostname: 'mx.example' },
      { ip: '192.0.2.2', hostname: 'mx2.example' },
    ]),
    field: 'addresses',
    want: ['192.0.2.1', 'mx.example', '192.0.2.2', 'mx2.example'],
  },
  { what: 'no address of a load balancer that says something else', seen: balanced('x'), field: 'addresses', want: [] },
  { what: 'no address without a Service', seen: { ...base, service: undefined }, field: 'addresses', want: [] },
  { what: 'no address of a Service without one', seen: { ...base, service: service({ type: 'ClusterIP' }) }, field: 'addresses', want: [] },
  {
    what: 'the gateways of a policy that is not valid any more',
    seen: { ...base, compiled: undefined, template: undefined, problems: [{ path: 'spec', why: 'x' }] },
    field: 'gateways',
    want: { total: 2, ready: 2, updated: 0, selector, programmed: '0/2', serving: '2/2' },
  },
  {
    what: 'no more serving gateways than wanted',
    seen: { ...base, workload: deploymentWith(1) },
    field: 'gateways',
    want: { total: 1, ready: 2, updated: 2, selector, programmed: '2/1', serving: '1/1' },
  },
  {
    what: 'the ConfigMap and those of the tables',
    seen: withShards,
    field: 'configMap',
    want: { name: 'mx-policy', hash, tables: ['mx-tables-0', 'mx-tables-1'] },
  },
  {
    what: 'the ConfigMap after the policy’s name',
    seen: named('inbound'),
    field: 'configMap',
    want: { name: 'inbound-policy', hash, tables: [] },
  },
  {
    what: 'the ConfigMap without tables while it has another text',
    seen: { ...withShards, compiled: { ...withShards.compiled, hash: 'f'.repeat(64) } },
    field: 'configMap',
    want: { name: 'mx-policy', hash },
  },
  { what: 'no ConfigMap whose text is not known', seen: { ...base, configMap: unhashed }, field: 'configMap', want: undefined },
  {
    what: 'no notices about a policy that is not valid',
    seen: { ...base, compiled: undefined, problems: [{ path: 'spec', why: 'x' }] },
    field: 'notices',
    want: undefined,
  },
  {
    what: 'a notice about rejects in a table that have no effect',
    seen: { ...base, compiled: { ...base.compiled, tablesReject: true } },
    field: 'notices',
    want: [
      'spec.access: entries with Reject have no effect, because spec.denylist.action is Ignore (the default). Set it to Enforce or Drop',
    ],
  },
]

describe('the status has', () => {
  for (const { what, seen, field, want } of cases) test(what, () => assert.deepEqual(statusFor(seen)[field], want))

  test('generation 0 in each condition of a policy that has none', () => {
    const { conditions } = statusFor({ ...base, policy: { ...base.policy, metadata: ungenerated } })
    assert.deepEqual(new Set(conditions.map(({ observedGeneration }) => observedGeneration)), new Set([0]))
  })
})

describe('the effective settings have', () => {
  const settings: readonly { readonly what: string; readonly spec: object; readonly want: object }[] = [
    { what: 'the image of the operator', spec: { gateway: {} }, want: { image: 'registry.example.com/postscreen:1.0' } },
    { what: 'the image that the policy names', spec: { gateway: { image: { name: 'own:1' } } }, want: { image: 'own:1' } },
    { what: 'no image without gateways', spec: {}, want: { image: undefined } },
    { what: 'the Service of the mail servers in the policy’s namespace', spec: {}, want: { backends: ['postfix.mail.svc:10025'] } },
    {
      what: 'the Service of the mail servers in another namespace',
      spec: { backend: { service: { name: 'postfix', namespace: 'boxes', port: 25 } } },
      want: { backends: ['postfix.boxes.svc:25'] },
    },
    {
      what: 'the addresses of mail servers',
      spec: { backend: { addresses: ['mail.example:25', '[2001:db8::1]:10025'] } },
      want: { backends: ['mail.example:25', '[2001:db8::1]:10025'] },
    },
  ]
  for (const { what, spec, want } of settings) {
    test(what, () => {
      const effective = statusFor(atRest(spec))['effective'] as Readonly<Record<string, unknown>>
      assert.deepEqual(Object.fromEntries(Object.keys(want).map((name) => [name, effective[name]])), want)
    })
  }

  test('the number of rules in all tables', () => {
    const status = statusFor({ ...base, compiled: { ...base.compiled, tableRules: 12 } })
    assert.equal((status['effective'] as { readonly tableRules: number }).tableRules, 12)
  })
})

describe('the time of a condition', () => {
  const before = (fields: object): Observation => ({
    ...base,
    policy: {
      ...base.policy,
      status: {
        conditions: [
          { type: 'Accepted', status: 'True', lastTransitionTime: '2026-01-01T00:00:00Z' },
          { type: 'Ready', ...fields },
        ],
      },
    },
  })
  const times: readonly { readonly what: string; readonly fields: object; readonly want: string }[] = [
    { what: 'stays with its status', fields: { status: 'True', lastTransitionTime: '2026-02-01T00:00:00Z' }, want: '2026-02-01T00:00:00Z' },
    {
      what: 'is new with another status',
      fields: { status: 'False', lastTransitionTime: '2026-02-01T00:00:00Z' },
      want: '2026-03-04T05:06:07Z',
    },
    {
      what: 'is new where the schema has only filled it in',
      fields: { status: 'True', lastTransitionTime: '1970-01-01T00:00:00Z' },
      want: '2026-03-04T05:06:07Z',
    },
    { what: 'is new where it was missing', fields: { status: 'True' }, want: '2026-03-04T05:06:07Z' },
  ]
  for (const { what, fields, want } of times) {
    test(what, () => {
      const ready = statusFor(before(fields)).conditions.find(({ type }) => type === 'Ready')
      assert.equal(ready?.lastTransitionTime, want)
    })
  }
})

describe('the conditions of a policy in the cluster', () => {
  const policies: readonly { readonly what: string; readonly status: unknown; readonly want: readonly object[] }[] = [
    { what: 'are those of its status', status: { conditions: [{ type: 'Ready' }] }, want: [{ type: 'Ready' }] },
    { what: 'are an empty list without a status', status: undefined, want: [] },
    { what: 'are an empty list where they are something else', status: { conditions: { type: 'Ready' } }, want: [] },
    { what: 'are without what is not a condition', status: { conditions: [null, 'x', { type: 'Ready' }] }, want: [{ type: 'Ready' }] },
  ]
  for (const { what, status, want } of policies) test(what, () => assert.deepEqual(conditionsOf({ ...base.policy, status }), want))
})
