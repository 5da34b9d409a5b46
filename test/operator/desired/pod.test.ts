// Fields of a gateway's pod that are there only above a bound, or only when the policy has them.
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { V1PodSpec } from '@kubernetes/client-node'
import { objectOf } from './objects-of.ts'

const podOf = (gateway: object): V1PodSpec => objectOf('Deployment', { gateway }).spec?.template.spec ?? assert.fail()
const containerOf = (gateway: object) => podOf(gateway).containers[0] ?? assert.fail()

describe('the drain of a pod', () => {
  const cases = [
    { delay: '0s', timeout: '10s', grace: 25, isDelayed: false },
    { delay: '1s', timeout: '10s', grace: 26, isDelayed: true },
    { delay: '2s', timeout: '1m', grace: 77, isDelayed: true },
  ]
  for (const { delay, timeout, grace, isDelayed } of cases) {
    test(`with a delay of ${delay} and ${timeout} ends within ${grace} seconds`, () => {
      const { args = [], lifecycle } = containerOf({ drain: { delay, timeout } })
      assert.equal(podOf({ drain: { delay, timeout } }).terminationGracePeriodSeconds, grace)
      assert.equal(args.includes('--drain-delay'), isDelayed)
      assert.deepEqual(lifecycle, isDelayed ? { preStop: { sleep: { seconds: Number.parseInt(delay) } } } : undefined)
    })
  }
})

describe('the workers of a gateway', () => {
  for (const [workers, want] of [
    [1, []],
    [2, ['--workers', '2']],
    [3, ['--workers', '3']],
  ] as const) {
    test(`are ${workers}`, () => {
      const { args = [] } = containerOf({ workers })
      const at = args.indexOf('--workers')
      assert.deepEqual(at < 0 ? [] : args.slice(at, at + 2), want)
    })
  }
})

test('a gateway that is only slow is not ended: it must be silent for more than a minute, and each time for 10 s', () => {
  const { livenessProbe, startupProbe } = containerOf({})
  for (const { periodSeconds = 10, timeoutSeconds = 1, failureThreshold = 3 } of [livenessProbe ?? {}, startupProbe ?? {}]) {
    assert.ok(periodSeconds * failureThreshold > 60 && timeoutSeconds >= 10)
  }
})

describe('a pod', () => {
  const cases: readonly { readonly what: string; readonly gateway: object; readonly want: object }[] = [
    {
      what: 'has none of the fields that the policy does not have',
      gateway: {},
      want: { imagePullSecrets: undefined, priorityClassName: undefined, nodeSelector: undefined, tolerations: undefined },
    },
    { what: 'has the only Secret for images', gateway: { image: { pullSecrets: ['a'] } }, want: { imagePullSecrets: [{ name: 'a' }] } },
    { what: 'has the only label of its nodes', gateway: { nodeSelector: { zone: 'a' } }, want: { nodeSelector: { zone: 'a' } } },
    {
      what: 'has the only toleration',
      gateway: { tolerations: [{ key: 'mail', operator: 'Exists' }] },
      want: { tolerations: [{ key: 'mail', operator: 'Exists' }] },
    },
  ]
  for (const { what, gateway, want } of cases) {
    test(what, () => {
      const pod: Readonly<Record<string, unknown>> = { ...podOf(gateway) }
      assert.deepEqual(Object.fromEntries(Object.keys(want).map((name) => [name, pod[name]])), want)
    })
  }
})
