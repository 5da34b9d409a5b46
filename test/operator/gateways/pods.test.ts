// What the operator sees of a gateway's pod.
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { annotation } from '../../../operator/desired/names.ts'
import { addressOf, isEnding, podOf, slimPod } from '../../../operator/gateways/pods.ts'
import type { KubeObject } from '../../../operator/kube/object.ts'

const pod = (status: unknown, metadata: object = {}): KubeObject => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name: 'mx-gateway-1', namespace: 'mail', uid: 'u', ...metadata },
  status,
})
const running = { phase: 'Running', podIP: '10.0.0.1', conditions: [{ type: 'Ready', status: 'True' }] }
const waiting = (reason: unknown, message?: unknown) => ({
  containerStatuses: [{ name: 'gateway', state: { waiting: { reason, message } } }],
})

describe('the trouble of a pod', () => {
  const cases: readonly { readonly what: string; readonly status: unknown; readonly want: string | undefined }[] = [
    { what: 'is undefined while it runs', status: running, want: undefined },
    { what: 'is undefined without a status', status: undefined, want: undefined },
    { what: 'is undefined while its container is created', status: waiting('ContainerCreating'), want: undefined },
    { what: 'is undefined while its init containers run', status: waiting('PodInitializing'), want: undefined },
    {
      what: 'whose image cannot be pulled',
      status: waiting('ImagePullBackOff', 'Back-off pulling image "x"'),
      want: 'ImagePullBackOff: Back-off pulling image "x"',
    },
    { what: 'that keeps failing', status: waiting('CrashLoopBackOff'), want: 'CrashLoopBackOff' },
    {
      what: 'whose volume is refused',
      status: waiting('CreateContainerConfigError', 'secret "x" not found'),
      want: 'CreateContainerConfigError: secret "x" not found',
    },
    {
      what: 'for which there is no room',
      status: {
        phase: 'Pending',
        conditions: [{ type: 'PodScheduled', status: 'False', reason: 'Unschedulable', message: '0/2 nodes are available' }],
      },
      want: 'Unschedulable: 0/2 nodes are available',
    },
    {
      what: 'is undefined when the status has wrong types',
      status: { containerStatuses: [1, { state: [] }, waiting(5)], conditions: 'x' },
      want: undefined,
    },
    {
      what: 'is bounded, and has no control characters',
      status: waiting('Odd', `a\r\nb${'x'.repeat(5000)}`),
      want: `Odd: a  b${'x'.repeat(496)}`,
    },
  ]
  for (const { what, status, want } of cases) test(what, () => assert.equal(podOf(pod(status), undefined).trouble, want))
})

describe('the address of a pod', () => {
  const cases: readonly { readonly what: string; readonly status: unknown; readonly want: string | undefined }[] = [
    { what: 'that runs', status: running, want: '10.0.0.1' },
    { what: 'with IPv6', status: { ...running, podIP: 'fd00::1' }, want: 'fd00::1' },
    { what: 'that does not run yet is not asked for', status: { ...running, phase: 'Pending' }, want: undefined },
    { what: 'without one', status: { phase: 'Running' }, want: undefined },
    { what: 'of another type', status: { phase: 'Running', podIP: 5 }, want: undefined },
    {
      what: 'that is not an IP address, and would lead to another host',
      status: { phase: 'Running', podIP: 'example.com/x?' },
      want: undefined,
    },
  ]
  for (const { what, status, want } of cases) test(what, () => assert.equal(addressOf(pod(status)), want))
})

describe('a pod is about to end', () => {
  const cases: readonly { readonly what: string; readonly of: KubeObject; readonly want: boolean }[] = [
    { what: 'not while it runs', of: pod(running), want: false },
    { what: 'not before it runs', of: pod({ phase: 'Pending' }), want: false },
    { what: 'when it is being deleted', of: pod(running, { deletionTimestamp: '2026-01-01T00:00:00Z' }), want: true },
    { what: 'when it was evicted', of: pod({ phase: 'Failed' }), want: true },
    { what: 'when it is done', of: pod({ phase: 'Succeeded' }), want: true },
  ]
  for (const { what, of, want } of cases) test(what, () => assert.equal(isEnding(of), want))
})

test('a pod is ready when Kubernetes says so', () => {
  assert.equal(podOf(pod(running), undefined).ready, true)
  assert.equal(podOf(pod({ ...running, conditions: [{ type: 'Ready', status: 'False' }] }), undefined).ready, false)
  assert.equal(podOf(pod({ phase: 'Running' }), undefined).ready, false)
})

test('what is kept of a pod is all that is looked at, and no more', () => {
  const full = {
    ...pod(
      {
        ...running,
        hostIP: '192.0.2.1',
        startTime: '2026-01-01T00:00:00Z',
        containerStatuses: [
          {
            name: 'gateway',
            image: 'x',
            state: { waiting: { reason: 'CrashLoopBackOff' } },
            lastState: { terminated: { message: 'long' } },
          },
        ],
      },
      {
        annotations: { [annotation.template]: 't', [annotation.refresh]: 'r.1' },
        labels: { a: 'b' },
        managedFields: [{ manager: 'x' }],
        ownerReferences: [],
      },
    ),
    spec: { containers: [{ env: [{ name: 'PASSWORD', value: 'secret' }] }] },
  }
  const slim = slimPod(full)
  assert.deepEqual(podOf(slim, undefined), podOf(full, undefined))
  assert.equal(addressOf(slim), addressOf(full))
  assert.doesNotMatch(JSON.stringify(slim), /secret|managedFields|startTime|lastState/)
})
