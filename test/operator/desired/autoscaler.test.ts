// The metrics of the autoscaler: amounts in the notation of the API server, and which of them there are.
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { objectOf } from './objects-of.ts'

const metricsOf = (autoscaling: object) => objectOf('HorizontalPodAutoscaler', { gateway: { autoscaling } }).spec?.metrics ?? []

describe('an average number of sessions', () => {
  const cases: readonly (readonly [count: number, written: string])[] = [
    [1, '1'],
    [999, '999'],
    [1000, '1k'],
    [1001, '1001'],
    [4500, '4500'],
    [100_000, '100k'],
    [999_000, '999k'],
    [999_999, '999999'],
    [1_000_000, '1M'],
  ]
  for (const [count, written] of cases) {
    test(`of ${count} is written ${written}`, () => {
      const [metric] = metricsOf({ targetCPUUtilization: 0, targetActiveSessions: count })
      assert.deepEqual(metric?.pods?.target, { type: 'AverageValue', averageValue: written })
    })
  }
})

describe('the metrics of an autoscaler', () => {
  const cases: readonly { readonly what: string; readonly autoscaling: object; readonly want: readonly string[] }[] = [
    { what: 'are the CPU alone unless the policy says otherwise', autoscaling: {}, want: ['Resource'] },
    { what: 'are the sessions alone', autoscaling: { targetCPUUtilization: 0, targetActiveSessions: 1 }, want: ['Pods'] },
    { what: 'are sessions before the CPU', autoscaling: { targetCPUUtilization: 1, targetActiveSessions: 1 }, want: ['Pods', 'Resource'] },
  ]
  for (const { what, autoscaling, want } of cases) {
    test(what, () =>
      assert.deepEqual(
        metricsOf(autoscaling).map(({ type }) => type),
        want,
      ),
    )
  }
})
