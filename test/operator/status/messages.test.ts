// The words of each condition, complete: what a user reads in `kubectl describe`.
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { GatewayPod } from '../../../operator/gateways/pods.ts'
import type { GatewayReport } from '../../../operator/gateways/report.ts'
import type { KubeObject } from '../../../operator/kube/object.ts'
import { type ConditionType, findingsOf, isAwaiting, refusals } from '../../../operator/status/findings.ts'
import type { Observation } from '../../../operator/status/observation.ts'
import { atRest, compiledOf, deploymentWith } from '../observed.ts'
import { policyWith } from '../policy-object.ts'

const base = atRest()
const old = 'f'.repeat(64)
const reachable = { name: 'postfix.mail.svc:10025', reachable: true, why: '' }
const lost = (why: string, name = 'postfix.mail.svc:10025') => ({ name, reachable: false, why })

/** The gateways at rest, with these fields in the report of each one. */
const reporting = (...reports: readonly Partial<GatewayReport>[]): readonly GatewayPod[] =>
  reports.map((fields, at) => ({
    name: `mx-gateway-${at + 1}`,
    uid: `uid-${at + 1}`,
    address: `10.0.0.${at + 1}`,
    host: '192.0.2.101',
    ready: true,
    template: base.template,
    refresh: undefined,
    trouble: undefined,
    report: { hash: base.compiled.hash, refused: undefined, backends: [reachable], ...fields },
  }))
const withPods = (...reports: readonly Partial<GatewayReport>[]): Observation => ({ ...base, pods: reporting(...reports) })
const invalid = (problems: Observation['problems'], more: Partial<Observation> = {}): Observation => ({
  ...base,
  compiled: undefined,
  problems,
  ...more,
})
const object = (kind: string, name: string): KubeObject => ({ apiVersion: 'v1', kind, metadata: { name } })
const [service, map] = [object('Service', 'mx-gateway'), object('ConfigMap', 'mx-policy')]
const problem = { path: 'spec.mode', why: 'must be one of Enforce, Audit' }
const unmanaged = atRest({})
const byAddress = atRest({ gateway: {}, backend: { addresses: ['mail.example:25', '192.0.2.9:25'] } })
const refused = { hash: base.compiled.hash, problems: [{ path: 'spec.tls', why: 'no key' }] }
const missing = 'getaddrinfo ENOTFOUND postfix.mail.svc'
const inOtherNamespace = atRest({ gateway: {}, backend: { service: { name: 'postfix', namespace: 'boxes', port: 25 } } })
const withoutNamespace = ({ policy }: Observation): KubeObject => {
  const { namespace: _, ...metadata } = policy.metadata
  return { ...policy, metadata }
}
const { generation: _, ...ungenerated } = base.policy.metadata
const timedOut = { conditions: [{ reason: 'ProgressDeadlineExceeded', message: 'timed out' }] }

interface Case {
  readonly what: string
  readonly seen: Observation
  readonly type: ConditionType
  readonly want: string
}

const accepted: readonly Case[] = [
  { what: 'a valid policy', seen: base, type: 'Accepted', want: 'True Accepted: The policy is valid' },
  {
    what: 'a policy that a restricted operator refuses',
    seen: invalid([problem], { refusedBy: 'tenancy' }),
    type: 'Accepted',
    want: `False RefusedByTenancy: The operator restricts policies (tenancy: restricted). ${problem.path}: ${problem.why}`,
  },
  {
    what: 'two problems',
    seen: invalid([problem, { path: 'spec', why: 'x' }]),
    type: 'Accepted',
    want: `False Invalid: ${problem.path}: ${problem.why}; spec: x`,
  },
  {
    what: 'twenty problems, which are all shown',
    seen: invalid(Array.from({ length: 20 }, (__, at) => ({ path: `${at}`, why: 'x' }))),
    type: 'Accepted',
    want: `False Invalid: ${Array.from({ length: 20 }, (__, at) => `${at}: x`).join('; ')}`,
  },
  {
    what: 'twenty-one problems, of which the last one is counted',
    seen: invalid(Array.from({ length: 21 }, (__, at) => ({ path: `${at}`, why: 'x' }))),
    type: 'Accepted',
    want: `False Invalid: ${Array.from({ length: 20 }, (__, at) => `${at}: x`).join('; ')}; and 1 more`,
  },
  {
    what: 'a problem of 9000 characters',
    seen: invalid([{ path: 'spec', why: 'x'.repeat(9000) }]),
    type: 'Accepted',
    want: `False Invalid: spec: ${'x'.repeat(7994)}`,
  },
  {
    what: 'tables with lines that are skipped',
    seen: { ...base, compiled: { ...base.compiled, skipped: ['one', 'two'] } },
    type: 'Accepted',
    want: 'True LinesSkipped: The policy is valid, but lines of its access tables do not parse: correct them. one. two',
  },
  {
    what: 'a refusal by a gateway without a report beside it',
    seen: { ...base, pods: [...reporting({}).map((pod) => ({ ...pod, report: undefined })), ...reporting({ refused })] },
    type: 'Accepted',
    want: 'False RefusedByGateway: spec.tls: no key',
  },
]

const programmed: readonly Case[] = [
  {
    what: 'a policy without a generation',
    seen: { ...base, policy: { ...base.policy, metadata: ungenerated } },
    type: 'Programmed',
    want: 'True Programmed: 2 of 2 gateways run generation 0',
  },
  {
    what: 'two names that are taken, of which one will be free',
    seen: {
      ...base,
      applied: [
        { is: 'conflict', object: service, why: 'Service exists', passes: true },
        { is: 'conflict', object: map, why: 'ConfigMap exists', passes: false },
      ],
    },
    type: 'Programmed',
    want: 'False NameConflict: Service exists; ConfigMap exists',
  },
  {
    what: 'two objects that the API server refuses, among others',
    seen: {
      ...base,
      applied: [
        { is: 'created', object: map },
        { is: 'refused', object: service, why: 'quota' },
        { is: 'refused', object: map, why: 'webhook' },
      ],
    },
    type: 'Programmed',
    want: 'False ApplyFailed: Service mx-gateway: quota; ConfigMap mx-policy: webhook',
  },
  {
    what: 'a name that is taken and an object that is refused',
    seen: {
      ...base,
      applied: [
        { is: 'refused', object: service, why: 'quota' },
        { is: 'conflict', object: map, why: 'ConfigMap exists', passes: false },
      ],
    },
    type: 'Programmed',
    want: 'False NameConflict: ConfigMap exists',
  },
  {
    what: 'an object that another client deletes, and one that it changes',
    seen: {
      ...base,
      contested: [
        { object: service, by: undefined, isDeleted: true, waitMs: 1 },
        { object: map, by: 'flux', isDeleted: false, waitMs: 1 },
      ],
    },
    type: 'Programmed',
    want: 'False Contested: Service mx-gateway is deleted again and again by another client; the operator creates it at growing intervals. Stop that client; ConfigMap mx-policy is changed back again and again by field manager flux; the operator writes it at growing intervals, up to 5 minutes. Stop that writer, or put the setting into the policy',
  },
  {
    what: 'an object that an unknown writer changes',
    seen: { ...base, contested: [{ object: map, by: undefined, isDeleted: false, waitMs: 1 }] },
    type: 'Programmed',
    want: 'False Contested: ConfigMap mx-policy is changed back again and again by a writer that its managedFields do not name (one that removes fields, or an operator of an earlier version); the operator writes it at growing intervals, up to 5 minutes. Stop that writer, or put the setting into the policy',
  },
  {
    what: 'a paused policy without gateways',
    seen: { ...unmanaged, paused: true },
    type: 'Programmed',
    want: 'Unknown Paused: Changes are paused',
  },
  {
    what: 'a policy without gateways and without a generation',
    seen: { ...unmanaged, policy: { ...unmanaged.policy, metadata: ungenerated } },
    type: 'Programmed',
    want: 'True ConfigMapWritten: The ConfigMap has generation 0; the policy has no gateways',
  },
  {
    what: 'two objects that differ from a paused policy',
    seen: { ...base, paused: true, drifted: [service, map] },
    type: 'Programmed',
    want: 'False Paused: Changes are paused; these objects differ from the policy: Service mx-gateway, ConfigMap mx-policy',
  },
  {
    what: 'gateways that serve the policy that they have kept',
    seen: withPods({}, { hash: old, keptAt: '2026-01-01', refused }, { hash: old, keptAt: '2026-01-02' }),
    type: 'Programmed',
    want: 'False LastGoodPolicy: 1 of 2 gateways run generation 3; 2 could not use the newest policy since they started and serve the last valid one, which pod mx-gateway-2 has kept since 2026-01-01: spec.tls: no key',
  },
  {
    what: 'a gateway that has kept its policy and tells no problem',
    seen: withPods({}, { hash: old, keptAt: '2026-01-01' }),
    type: 'Programmed',
    want: 'False LastGoodPolicy: 1 of 2 gateways run generation 3; 1 could not use the newest policy since they started and serve the last valid one, which pod mx-gateway-2 has kept since 2026-01-01: ',
  },
  {
    what: 'gateways that work without more than can be shown',
    seen: withPods(
      { without: Array.from({ length: 11 }, (__, at) => `a${at + 10}`) },
      { without: Array.from({ length: 11 }, (__, at) => `a${at + 20}`) },
    ),
    type: 'Programmed',
    want: `True Programmed: 2 of 2 gateways run generation 3. They work without: ${Array.from({ length: 20 }, (__, at) => `a${at + 10}`).join('; ')}`,
  },
  {
    what: 'gateways that run the policy beside others that refuse it and had none',
    seen: withPods({}, { hash: undefined, refused }),
    type: 'Programmed',
    want: 'False NotAccepted: 1 of 2 gateways run generation 3; the others have no policy yet and accept no clients',
  },
  {
    what: 'gateways that refuse the policy and keep an earlier one',
    seen: withPods({}, { hash: old, refused }),
    type: 'Programmed',
    want: 'False NotAccepted: 1 of 2 gateways run generation 3; the others keep the last valid policy',
  },
  {
    what: 'a rollout that neither a pod nor Kubernetes blocks',
    seen: withPods({}),
    type: 'Programmed',
    want: 'False Progressing: 1 of 2 gateways run generation 3',
  },
  {
    what: 'a pod with trouble in a rollout that Kubernetes gave up',
    seen: { ...base, workload: deploymentWith(2, timedOut), pods: reporting({}).map((pod) => ({ ...pod, trouble: 'no image' })) },
    type: 'Programmed',
    want: 'False Progressing: 1 of 2 gateways run generation 3 (pod mx-gateway-1: no image)',
  },
]

const backends: readonly Case[] = [
  {
    what: 'a policy without gateways',
    seen: unmanaged,
    type: 'BackendReachable',
    want: 'Unknown NoGateway: No gateway runs, so nothing is known about the mail servers',
  },
  {
    what: 'gateways that are still there after the policy gave them up',
    seen: { ...unmanaged, pods: reporting({}) },
    type: 'BackendReachable',
    want: 'True Reachable: All 1 gateways reach a mail server of postfix.mail.svc:10025',
  },
  {
    what: 'a gateway that still runs after all were switched off',
    seen: { ...base, workload: deploymentWith(0), pods: reporting({}) },
    type: 'BackendReachable',
    want: 'True Reachable: All 1 gateways reach a mail server of postfix.mail.svc:10025',
  },
  {
    what: 'gateways without a pod',
    seen: withPods(),
    type: 'BackendReachable',
    want: 'Unknown NoReport: No gateway has reported yet whether it reaches a mail server',
  },
  {
    what: 'two mail servers that are reached',
    seen: withPods({ backends: [reachable, { ...reachable, name: 'other:25' }] }, { backends: [reachable, lost('x', 'other:25')] }),
    type: 'BackendReachable',
    want: 'True Reachable: All 2 gateways reach a mail server of postfix.mail.svc:10025, other:25',
  },
  {
    what: 'a mail server that is misconfigured, and no other one',
    seen: withPods({ backends: [{ ...lost(''), misconfigured: 'no PROXY header' }] }, {}),
    type: 'BackendReachable',
    want: 'False Misconfigured: A mail server of postfix.mail.svc:10025 gets no client: no PROXY header',
  },
  {
    what: 'mail servers of which the second one says why it is not reached',
    seen: withPods({ backends: [lost(''), lost('refused', 'other:25')] }, {}),
    type: 'BackendReachable',
    want: 'False Unreachable: 1 of 2 gateways reach no mail server of postfix.mail.svc:10025, other:25: refused',
  },
  {
    what: 'a mail server that one gateway has not checked yet',
    seen: withPods({ backends: [lost('')] }, {}),
    type: 'BackendReachable',
    want: 'Unknown NotChecked: 1 of 2 gateways have not yet checked a mail server of postfix.mail.svc:10025',
  },
  {
    what: 'a mail server that one gateway has not checked yet, and another one cannot reach',
    seen: withPods({ backends: [lost('')] }, { backends: [lost('refused')] }),
    type: 'BackendReachable',
    want: 'False Unreachable: 2 of 2 gateways reach no mail server of postfix.mail.svc:10025: refused',
  },
  {
    what: 'a mail server that no gateway has checked yet',
    seen: withPods({ backends: [lost('')] }, {}),
    type: 'Ready',
    want: 'Unknown NotChecked: 1 of 2 gateways have not yet checked a mail server of postfix.mail.svc:10025',
  },
  ...(
    [
      [
        'a name without addresses',
        'getaddrinfo ENODATA x',
        base,
        'Service postfix in namespace mail does not exist, or has no ready pod (getaddrinfo ENODATA x)',
      ],
      ['a name that is not found', missing, base, `Service postfix in namespace mail does not exist, or has no ready pod (${missing})`],
      [
        'a Service in another namespace',
        missing,
        inOtherNamespace,
        `Service postfix in namespace boxes does not exist, or has no ready pod (${missing})`,
      ],
      [
        'a Service of a policy without a namespace',
        missing,
        { ...base, policy: withoutNamespace(base) },
        `Service postfix in namespace  does not exist, or has no ready pod (${missing})`,
      ],
      [
        'a Service whose name has no address',
        missing,
        { ...base, backendService: 'clusterIP' },
        `Service postfix in namespace mail exists, but its name has no address (${missing}). Check the cluster's DNS`,
      ],
      ['a name that the policy gives itself', missing, byAddress, missing],
      ['a Service that refuses connections', 'connection refused', { ...base, backendService: 'missing' }, 'connection refused'],
    ] satisfies readonly (readonly [string, string, Observation, string])[]
  ).map(([what, why, seen, want]): Case => ({
    what,
    seen: { ...seen, pods: reporting({ backends: [lost(why)] }) },
    type: 'BackendReachable',
    want: `False Unreachable: 1 of 1 gateways reach no mail server of postfix.mail.svc:10025: ${want}`,
  })),
]

const summaries: readonly Case[] = [
  {
    what: 'no gateway that is wanted',
    seen: { ...atRest({ gateway: { replicas: 0 } }), workload: deploymentWith(0), pods: [] },
    type: 'Ready',
    want: 'False ScaledToZero: spec.gateway.replicas is 0: no gateway runs, and clients cannot connect. Set it to 1 or more',
  },
  {
    what: 'gateways that are full, each with its advice',
    seen: withPods({ full: 'raise limits' }, { full: 'raise other limits' }),
    type: 'Ready',
    want: 'True Ready: 2 of 2 gateways run generation 3; on 2 of 2 gateways raise limits',
  },
  {
    what: 'more gateways that accept clients than are wanted',
    seen: { ...base, workload: deploymentWith(1) },
    type: 'Ready',
    want: 'False Progressing: 2 of 1 gateways run generation 3',
  },
  {
    what: 'nothing known about mail servers',
    seen: withPods({ backends: [] }, { backends: [] }),
    type: 'Ready',
    want: 'Unknown NoReport: No gateway has reported yet whether it reaches a mail server',
  },
  { what: 'a policy at rest', seen: base, type: 'Stalled', want: 'False NotStalled: Nothing blocks the policy' },
  { what: 'a policy at rest', seen: base, type: 'Reconciling', want: 'False UpToDate: Everything is up to date' },
  {
    what: 'a rollout in progress',
    seen: withPods({}),
    type: 'Reconciling',
    want: 'True Progressing: 1 of 2 gateways run generation 3',
  },
  { what: 'a rollout in progress', seen: withPods({}), type: 'Stalled', want: 'False NotStalled: Nothing blocks the policy' },
  {
    what: 'a paused policy',
    seen: { ...base, paused: true },
    type: 'Reconciling',
    want: 'False Paused: 2 of 2 gateways run generation 3; changes are paused',
  },
  {
    what: 'what may pass',
    seen: withPods({ backends: [lost('refused')] }, {}),
    type: 'Stalled',
    want: 'False NotStalled: This can resolve by itself: 1 of 2 gateways reach no mail server of postfix.mail.svc:10025: refused',
  },
  {
    what: 'what may pass',
    seen: withPods({ backends: [lost('refused')] }, {}),
    type: 'Reconciling',
    want: 'True Unreachable: 1 of 2 gateways reach no mail server of postfix.mail.svc:10025: refused',
  },
  {
    what: 'what has lasted too long',
    seen: { ...withPods({ backends: [lost('refused')] }, {}), waitedTooLong: true },
    type: 'Stalled',
    want: 'True Unreachable: 1 of 2 gateways reach no mail server of postfix.mail.svc:10025: refused',
  },
  {
    what: 'what does not pass',
    seen: invalid([problem]),
    type: 'Stalled',
    want: `True Invalid: ${problem.path}: ${problem.why}`,
  },
  { what: 'what does not pass', seen: invalid([problem]), type: 'Reconciling', want: 'False Stalled: Work has stopped: see Stalled' },
  {
    what: 'a writer that does not stop',
    seen: { ...base, contested: [{ object: service, by: 'x', isDeleted: true, waitMs: 1 }] },
    type: 'Stalled',
    want: 'True Contested: Service mx-gateway is deleted again and again by another client; the operator creates it at growing intervals. Stop that client',
  },
  {
    what: 'a rollout that Kubernetes gave up and that ended nevertheless',
    seen: { ...base, workload: deploymentWith(2, timedOut) },
    type: 'Stalled',
    want: 'False NotStalled: Nothing blocks the policy',
  },
]

const topics = [
  ['the policy', accepted],
  ['its gateways', programmed],
  ['its mail servers', backends],
  ['the policy as a whole', summaries],
] as const
for (const [topic, cases] of topics) {
  describe(`the message about ${topic}:`, () => {
    for (const { what, seen, type, want } of cases) {
      test(`${type} with ${what}`, () => {
        const found = findingsOf(seen)[type]
        assert.equal(`${found?.status} ${found?.reason}: ${found?.message}`, want)
      })
    }
  })
}

describe('a refusal counts', () => {
  const other = compiledOf(policyWith({ gateway: {}, mode: 'Audit' }))
  const cases: readonly { readonly what: string; readonly seen: Observation; readonly want: readonly object[] }[] = [
    { what: 'when it is of this policy and of the newest form', seen: withPods({}, { refused }), want: refused.problems },
    { what: 'not when there is none', seen: base, want: [] },
    { what: 'not when it is of another text', seen: { ...withPods({ refused }), compiled: other }, want: [] },
    { what: 'not when the pod has another form', seen: { ...withPods({ refused }), template: 'newer' }, want: [] },
    { what: 'not when it names no text', seen: withPods({ refused: { ...refused, hash: undefined } }), want: [] },
  ]
  for (const { what, seen, want } of cases) test(what, () => assert.deepEqual(refusals(seen), want))
})

describe('the operator looks again soon', () => {
  test('while something may pass without an action', () => assert.equal(isAwaiting(withPods({ backends: [lost('x')] }, {})), true))
  test('not when all is well', () => assert.equal(isAwaiting(base), false))
})
