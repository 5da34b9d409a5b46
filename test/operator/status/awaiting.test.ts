// Which findings may pass without an action, and how long the operator waits for that.
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { KubeObject } from '../../../operator/kube/object.ts'
import { type PolicyMemory, PolicyMemories } from '../../../operator/policy-memory.ts'
import { awaiting, isWaitOver, type Parts } from '../../../operator/status/awaiting.ts'
import type { Finding, Truth } from '../../../operator/status/condition.ts'
import { atRest } from '../observed.ts'
import { policyWith } from '../policy-object.ts'

const finding = (status: Truth, reason: string): Finding => ({ status, reason, message: `about ${reason}` })
const good: Parts = {
  Accepted: finding('True', 'Accepted'),
  Programmed: finding('True', 'Programmed'),
  BackendReachable: finding('True', 'Reachable'),
  Serving: finding('True', 'Ready'),
}
const unreachable = finding('False', 'Unreachable')
const notReady = finding('False', 'GatewaysNotReady')

describe('the operator waits', () => {
  const cases: readonly {
    readonly what: string
    readonly parts?: Partial<Parts>
    readonly awaited?: boolean
    readonly want: Finding | undefined
  }[] = [
    { what: 'for nothing when all is good', want: undefined },
    { what: 'for nothing when all is good, whatever was missing', awaited: true, want: undefined },
    { what: 'for a missing ConfigMap', parts: { Accepted: finding('False', 'Invalid') }, awaited: true, want: finding('False', 'Invalid') },
    { what: 'for nothing when the policy is wrong', parts: { Accepted: finding('False', 'Invalid') }, want: undefined },
    {
      what: 'for nothing when the policy is wrong, whatever else is',
      parts: { Accepted: finding('False', 'Invalid'), Programmed: finding('False', 'ApplyFailed'), BackendReachable: unreachable },
      want: undefined,
    },
    {
      what: 'for what gateways lack that refuse the policy',
      parts: { Accepted: finding('False', 'RefusedByGateway') },
      want: finding('False', 'RefusedByGateway'),
    },
    {
      what: 'for an API server that refuses an object',
      parts: { Programmed: finding('False', 'ApplyFailed'), BackendReachable: unreachable },
      want: finding('False', 'ApplyFailed'),
    },
    {
      what: 'for nothing but the rollout while it is in progress',
      parts: { Programmed: finding('False', 'Progressing'), BackendReachable: unreachable, Serving: notReady },
      want: undefined,
    },
    {
      what: 'for nothing while a policy without gateways is paused',
      parts: { Programmed: finding('Unknown', 'Paused'), BackendReachable: unreachable },
      want: undefined,
    },
    { what: 'for a mail server', parts: { BackendReachable: unreachable, Serving: notReady }, want: unreachable },
    {
      what: 'for the first check of a mail server',
      parts: { BackendReachable: finding('Unknown', 'NotChecked'), Serving: notReady },
      want: finding('Unknown', 'NotChecked'),
    },
    {
      what: 'for nothing when nothing is known of mail servers',
      parts: { BackendReachable: finding('Unknown', 'NoReport') },
      want: undefined,
    },
    { what: 'for gateways that do not accept clients yet', parts: { Serving: notReady }, want: notReady },
    { what: 'for nothing when no gateway is wanted', parts: { Serving: finding('False', 'ScaledToZero') }, want: undefined },
  ]
  for (const { what, parts = {}, awaited = false, want } of cases) {
    test(what, () => assert.deepEqual(awaiting({ ...atRest(), awaited }, { ...good, ...parts }), want))
  }
})

const now = Date.UTC(2026, 0, 1, 12)
const limitMs = 5 * 60_000
const at = (ms: number): string => new Date(ms).toISOString()
const condition = (type: string, since: unknown, more: object = {}) => ({
  type,
  status: 'True',
  observedGeneration: 3,
  lastTransitionTime: since,
  ...more,
})
const policyIn = (...conditions: readonly unknown[]): KubeObject => ({ ...policyWith({}, { generation: 3 }), status: { conditions } })
const fresh = (): PolicyMemory => new PolicyMemories().of('mail/mx')

describe('without a memory, the wait counts from', () => {
  const cases: readonly { readonly what: string; readonly policy: KubeObject; readonly since: number }[] = [
    { what: 'now when the policy has no status', policy: policyWith({}, { generation: 3 }), since: now },
    { what: 'now when it has no condition', policy: policyIn(), since: now },
    { what: 'the time of Reconciling', policy: policyIn(condition('Reconciling', at(now - 1000))), since: now - 1000 },
    {
      what: 'the time of Reconciling, whatever stands before it',
      policy: policyIn(null, 'x', condition('Ready', at(now - 5000)), condition('Reconciling', at(now - 1000))),
      since: now - 1000,
    },
    { what: 'now when Reconciling is in the future', policy: policyIn(condition('Reconciling', at(now + 1000))), since: now },
    { what: 'now when Reconciling is false', policy: policyIn(condition('Reconciling', at(now - 1000), { status: 'False' })), since: now },
    {
      what: 'now when Reconciling is of an earlier generation',
      policy: policyIn(condition('Reconciling', at(now - 1000), { observedGeneration: 2 })),
      since: now,
    },
    {
      what: 'now when Reconciling has the time with which the schema begins',
      policy: policyIn(condition('Reconciling', '1970-01-01T00:00:00Z')),
      since: now,
    },
    { what: 'now when the time of Reconciling cannot be read', policy: policyIn(condition('Reconciling', 'soon')), since: now },
    {
      what: 'before any time when it was over already',
      policy: policyIn(condition('Reconciling', at(now)), condition('Stalled', at(now))),
      since: -Infinity,
    },
    {
      what: 'the time of Reconciling when Stalled is false',
      policy: policyIn(condition('Reconciling', at(now - 1000)), condition('Stalled', at(now), { status: 'False' })),
      since: now - 1000,
    },
    {
      what: 'now when it was over for an earlier generation',
      policy: policyIn(condition('Stalled', at(now), { observedGeneration: 2 })),
      since: now,
    },
  ]
  for (const { what, policy, since } of cases) {
    test(what, () => {
      const memory = fresh()
      assert.equal(isWaitOver(policy, memory, now), since === -Infinity)
      assert.deepEqual(memory.waiting, { generation: 3, since })
    })
  }
})

describe('the wait', () => {
  test('is over after five minutes, not a millisecond before', () => {
    const memory = fresh()
    const over = [now, now + limitMs - 1, now + limitMs].map((time) => isWaitOver(policyIn(), memory, time))
    assert.deepEqual(over, [false, false, true])
  })

  test('counts from what is remembered of this generation, not from the status', () => {
    const memory = { ...fresh(), waiting: { generation: 3, since: now - limitMs } }
    assert.equal(isWaitOver(policyIn(condition('Reconciling', at(now))), memory, now), true)
  })

  test('begins again with another generation', () => {
    const memory = { ...fresh(), waiting: { generation: 2, since: now - limitMs } }
    assert.equal(isWaitOver(policyIn(), memory, now), false)
    assert.deepEqual(memory.waiting, { generation: 3, since: now })
  })
})
