// How far the Deployment and its pods are: numbers that are missing, and what counts as complete.
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { type Rollout, rolloutOf } from '../../../operator/status/rollout.ts'
import type { Observation } from '../../../operator/status/observation.ts'
import { atRest, daemonSetWith, deploymentWith, podWith } from '../observed.ts'

const base = atRest()
const [first, second] = base.pods
const deployment = deploymentWith(2)
const timedOut = { reason: 'ProgressDeadlineExceeded', message: 'timed out' }
const scaled = (minReplicas: number): Observation => atRest({ gateway: { autoscaling: { minReplicas, maxReplicas: 9 } } })

/** The DaemonSet as its controller has it when all is done. */
const daemonSet = (nodes: number, status: object = {}): Pick<Observation, 'workload'> => ({
  workload: daemonSetWith({
    desiredNumberScheduled: nodes,
    currentNumberScheduled: nodes,
    updatedNumberScheduled: nodes,
    numberAvailable: nodes,
    ...status,
  }),
})

const cases: readonly { readonly what: string; readonly seen: Observation; readonly want: Partial<Rollout> }[] = [
  { what: 'two gateways of two', seen: base, want: { total: 2, ready: 2, updated: 2, complete: true, stuck: undefined } },
  { what: 'a Deployment without a number wants one pod', seen: { ...base, workload: { ...deployment, spec: {} } }, want: { total: 1 } },
  {
    what: 'a Deployment whose number is a text wants one pod',
    seen: { ...base, workload: { ...deployment, spec: { replicas: '3' } } },
    want: { total: 1 },
  },
  {
    what: 'no Deployment wants one pod, and is not complete',
    seen: { ...base, workload: undefined },
    want: { total: 1, complete: false },
  },
  {
    what: 'a Deployment without pods is complete',
    seen: { ...base, workload: deploymentWith(0), pods: [] },
    want: { total: 0, complete: true },
  },
  {
    what: 'a DaemonSet has a gateway on each node',
    seen: { ...base, ...daemonSet(2) },
    want: { total: 2, complete: true, isCounted: true },
  },
  {
    what: 'a DaemonSet with one updated node of two is not complete',
    seen: { ...base, ...daemonSet(2, { updatedNumberScheduled: 1 }) },
    want: { total: 2, complete: false },
  },
  {
    what: 'a DaemonSet that lacks a pod is not complete',
    seen: { ...base, ...daemonSet(3, { currentNumberScheduled: 2 }) },
    want: { total: 3, complete: false },
  },
  {
    what: 'a DaemonSet whose nodes are not counted yet is not complete',
    seen: { ...base, ...daemonSet(0, { desiredNumberScheduled: undefined }), pods: [] },
    want: { total: 0, complete: false, isCounted: false },
  },
  {
    what: 'the nodes of an earlier form of the DaemonSet do not count',
    seen: { ...base, ...daemonSet(2, { observedGeneration: 1 }) },
    want: { complete: false, isCounted: false },
  },
  { what: 'a DaemonSet without nodes is complete', seen: { ...base, ...daemonSet(0), pods: [] }, want: { total: 0, complete: true } },
  { what: 'an autoscaler’s minimum counts when fewer are there', seen: scaled(3), want: { total: 3, complete: false } },
  { what: 'an autoscaler’s minimum does not count when more are there', seen: scaled(1), want: { total: 2, complete: true } },
  {
    what: 'a status of an earlier form of the Deployment is not complete',
    seen: { ...base, workload: deploymentWith(2, { observedGeneration: 1 }) },
    want: { complete: false },
  },
  {
    what: 'a status without the form of the Deployment is not complete',
    seen: { ...base, workload: deploymentWith(2, { observedGeneration: undefined }) },
    want: { complete: false },
  },
  {
    what: 'a Deployment that has no generation is not behind it',
    seen: { ...base, workload: { ...deploymentWith(2, { observedGeneration: 0 }), metadata: { name: 'mx-gateway' } } },
    want: { complete: true },
  },
  {
    what: 'a later form than that of the Deployment counts as well',
    seen: { ...base, workload: deploymentWith(2, { observedGeneration: 3 }) },
    want: { complete: true },
  },
  {
    what: 'one updated replica of two is not complete',
    seen: { ...base, workload: deploymentWith(2, { updatedReplicas: 1 }) },
    want: { complete: false },
  },
  {
    what: 'one replica more than wanted is not complete',
    seen: { ...base, workload: deploymentWith(2, { replicas: 3 }) },
    want: { complete: false },
  },
  {
    what: 'a gateway without a report is not updated',
    seen: { ...base, pods: base.pods.map((pod) => ({ ...pod, report: undefined })) },
    want: { ready: 2, updated: 0, complete: false },
  },
  {
    what: 'a gateway without a policy is not updated, not even to none',
    seen: {
      ...base,
      compiled: undefined,
      pods: base.pods.map((pod) => ({ ...pod, report: { hash: undefined, refused: undefined, backends: [] } })),
    },
    want: { updated: 0 },
  },
  {
    what: 'a gateway of another form is not updated',
    seen: { ...base, pods: [podWith(base.compiled, { template: 'older' })] },
    want: { ready: 1, updated: 0, complete: false },
  },
  {
    what: 'a gateway that does not accept clients is updated, not ready',
    seen: { ...base, pods: [{ ...podWith(base.compiled), ready: false }, podWith(base.compiled)] },
    want: { ready: 1, updated: 2, complete: true },
  },
  {
    what: 'a pod of another form beside all updated ones is not complete',
    seen: { ...base, pods: [...base.pods, podWith(base.compiled, { template: 'older' })] },
    want: { updated: 2, complete: false },
  },
  {
    what: 'a pod of another form in place of one that is missing is not complete',
    seen: { ...base, pods: [first, second && { ...second, template: 'older' }].filter((pod) => pod !== undefined) },
    want: { updated: 1, complete: false },
  },
  {
    what: 'a Deployment that gave up says why',
    seen: { ...base, workload: deploymentWith(2, { conditions: [null, { reason: 'NewReplicaSet', message: 'x' }, timedOut] }) },
    want: { stuck: 'timed out' },
  },
  {
    what: 'a Deployment that gave up on an earlier form says nothing',
    seen: { ...base, workload: deploymentWith(2, { observedGeneration: 1, conditions: [timedOut] }) },
    want: { stuck: undefined },
  },
  {
    what: 'a Deployment with another condition has not given up',
    seen: { ...base, workload: deploymentWith(2, { conditions: [{ reason: 'NewReplicaSet', message: 'x' }] }) },
    want: { stuck: undefined },
  },
  {
    what: 'conditions of another form say nothing',
    seen: { ...base, workload: deploymentWith(2, { conditions: timedOut }) },
    want: { stuck: undefined },
  },
]

describe('the rollout', () => {
  for (const { what, seen, want } of cases) {
    test(what, () => {
      const rollout = rolloutOf(seen)
      assert.deepEqual(Object.fromEntries(Object.keys(want).map((name) => [name, rollout[name as keyof Rollout]])), want)
    })
  }
})
