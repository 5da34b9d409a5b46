// Asking every gateway of a policy in a cluster: which pods, by which way, and what is said where a pod cannot be asked.
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { clusterAsk, type ClusterPlace } from '../../../cli/explain/ask-cluster.ts'
import { differencesOf } from '../../../cli/explain/differences.ts'
import { exitCodeOf, worstOf } from '../../../cli/explain/exit-code.ts'
import type { GatewayAnswer } from '../../../cli/explain/answer.ts'
import { textOf } from '../../../cli/explain/text.ts'
import type { PodPages } from '../../../operator/kube/kube-client.ts'
import { KubeError } from '../../../operator/kube/kube-error.ts'
import type { KubeObject } from '../../../operator/kube/object.ts'
import type { ExplainPage } from '../../../gateway/observability/explain/explain-page.ts'
import { address, pageOf } from './page-of.ts'

const permitted = pageOf({ access: [{ action: 'Permit', cidrs: [address] }] })
const denied = pageOf({ access: [{ action: 'Reject', cidrs: [address] }], denylist: { action: 'Drop' } }, 'b'.repeat(64))

const pod = (name: string, podIP: string | undefined, more: object = {}): KubeObject => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name, namespace: 'mail', ...more },
  status: { phase: 'Running', podIP },
})

function placeWith(
  pods: readonly KubeObject[],
  podPage: PodPages['podPage'],
  hasPolicy = true,
): ClusterPlace & { readonly selectors: string[] } {
  const selectors: string[] = []
  return {
    selectors,
    namespace: 'mail',
    policy: 'mx',
    isInside: false,
    client: {
      // The account of the operator may list policies, but not get one.
      list: async ({ kind }, options) => {
        if (kind === 'PostscreenPolicy') {
          assert.deepEqual(options, { namespace: 'mail', fieldSelector: 'metadata.name=mx' })
          return { items: hasPolicy ? [pod('mx', undefined)] : [], resourceVersion: '1' }
        }
        selectors.push(options?.labelSelector ?? '')
        return { items: pods, resourceVersion: '1' }
      },
      podPage,
    },
  }
}

test('every running pod of the policy is asked through the API server, in the order of their names', async () => {
  const asked: unknown[] = []
  const pods = [
    pod('mx-b', '10.0.0.2'),
    pod('mx-a', '10.0.0.1'),
    pod('mx-c', undefined),
    pod('mx-d', '10.0.0.4', { deletionTimestamp: '2026-12-01T00:00:00Z' }),
  ]
  const place = placeWith(pods, async (...args) => {
    asked.push(args.slice(0, 5))
    return permitted
  })
  const ask = await clusterAsk(place)
  const answers = await ask(address, '198.51.100.1')
  assert.deepEqual(
    answers.map(({ gateway }) => gateway),
    ['mx-a', 'mx-b'],
  )
  assert.deepEqual(asked[0], ['mail', 'mx-a', 2580, 'explain', { address, server: '198.51.100.1' }])
  assert.deepEqual(place.selectors, ['app.kubernetes.io/name=postscreen,app.kubernetes.io/instance=mx,app.kubernetes.io/component=gateway'])
})

test('a policy that does not exist, or runs nowhere, is an error that names it', async () => {
  await assert.rejects(clusterAsk(placeWith([], async () => permitted, false)), /there is no PostscreenPolicy mx in the namespace mail/)
  await assert.rejects(clusterAsk(placeWith([], async () => permitted)), /no gateway of the policy mx is running in the namespace mail/)
})

describe('a pod that cannot be asked has a reason and advice:', () => {
  const cases: readonly (readonly [status: number, want: RegExp])[] = [
    [429, /was asked too often/],
    [403, /needs the verb get on pods\/proxy; or run the command in the pod of the operator: kubectl exec/],
    [404, /is an older version/],
    [503, /cannot be asked through the API server \(.*\)\. If a NetworkPolicy is the reason, run the command in the pod/],
  ]
  for (const [status, want] of cases)
    test(String(status), async () => {
      const place = placeWith([pod('mx-a', '10.0.0.1')], () => Promise.reject(new KubeError('get pods: no', { status, reason: 'x' })))
      const [answer] = await (await clusterAsk(place))(address, undefined)
      assert.match(answer?.error ?? '', want)
    })
  test('another program', async () => {
    const [answer] = await (await clusterAsk(placeWith([pod('mx-a', '10.0.0.1')], async () => ({ hello: 1 }))))(address, undefined)
    assert.match(answer?.error ?? '', /does not answer like a gateway/)
  })
})

const answers: readonly GatewayAnswer[] = [
  { gateway: 'mx-a', page: permitted },
  { gateway: 'mx-b', page: denied },
  { gateway: 'mx-c', error: 'was asked too often' },
]

test('where gateways differ is said for each thing, with their names', () => {
  const differences = differencesOf(answers)
  assert.deepEqual(
    differences.map(({ of }) => of),
    ['policy', 'verdict', 'access list'],
  )
  assert.deepEqual(differences[1]?.values, [
    { value: 'handedOff', gateways: ['mx-a'] },
    { value: 'refused 521 5.3.2 Service currently unavailable', gateways: ['mx-b'] },
  ])
  const text = textOf(address, answers, differences)
  assert.match(text, /\ngateways {6}differ in: policy\n {16}mx-a: generation 3, aaaaaaaaaaaa\n {16}mx-b: generation 3, bbbbbbbbbbbb\n/)
  assert.match(text, /\nno answer {5}mx-c: was asked too often\n$/)
  assert.match(textOf(address, [answers[0]!, answers[0]!], []), /\ngateways {6}all 2 agree\n/)
})

test('the exit code is the verdict, and 5 where gateways do not agree', () => {
  const [one, other, none] = answers as [GatewayAnswer, GatewayAnswer, GatewayAnswer]
  assert.deepEqual([[one], [other], [none], [one, other], [other, none]].map(exitCodeOf), [0, 3, 1, 5, 3])
  assert.deepEqual([[0, 3, 4], [0, 4], [5, 3], [1, 5], [0], []].map(worstOf), [3, 4, 5, 1, 0, 0])
})

test('text of another program is made visible', () => {
  const evil: ExplainPage = { ...permitted, policy: { ...permitted.policy, name: 'mx\u001b[31m\u202e\n' } }
  assert.doesNotMatch(textOf(address, [{ gateway: 'mx-a', page: evil }], []), /[\u001b\u202e]/)
})

test('a list that a test has found to be faulty is named, with its reason and what to do', () => {
  const faulty = {
    list: 'bl.example',
    since: '2026-12-01T00:00:00.000Z',
    reason: 'ListsEverything',
    answer: '127.0.0.2',
    advice: 'remove it',
    used: false,
  }
  const text = (used: boolean) => textOf(address, [{ gateway: 'mx-a', page: { ...permitted, unhealthyLists: [{ ...faulty, used }] } }], [])
  assert.match(
    text(false),
    /\n {14}bl\.example is suspended since 2026-12-01T00:00:00\.000Z: ListsEverything \(answer: 127\.0\.0\.2\): remove it\n/,
  )
  assert.match(text(true), /bl\.example is unhealthy, but used \(dnsbl\.whenUnhealthy: Keep\), since/)
})
