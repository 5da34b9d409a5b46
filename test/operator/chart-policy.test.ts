// The policy of a Helm release: it belongs to its ConfigMap. Temporary errors are tried again, and permanent ones are
// not.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { applyChartPolicy } from '../../operator/chart-policy.ts'
import { KubeError } from '../../operator/kube/kube-error.ts'
import type { KubeObject } from '../../operator/kube/object.ts'

const manifest = 'apiVersion: postscreen.dev/v1alpha1\nkind: PostscreenPolicy\nmetadata: {name: mx}\nspec: {mode: Audit}\n'
const configMap = (data: object = { 'policy.yaml': manifest }): KubeObject => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name: 'chart-policy-mx', namespace: 'mail', uid: 'u1' },
  data,
})

/** A clock on which time passes only while a caller waits. */
function waitingClock() {
  let now = 0
  return {
    now: () => now,
    epoch: () => now,
    after: (ms: number, run: () => void) => {
      now += ms
      queueMicrotask(run)
      return () => undefined
    },
  }
}

const condition = (type: string, status: string, observedGeneration: number) => ({
  type,
  status,
  observedGeneration,
  reason: `${type}${status}`,
  message: 'as the test says',
})

interface Play {
  readonly source?: KubeObject | undefined
  /** What apply rejects with, one after the other, before it succeeds. */
  readonly refusals?: readonly KubeError[]
  /** The conditions of the policy each time it is asked for; the last ones stay. */
  readonly conditions?: readonly (readonly object[])[]
  readonly waitMs?: number
}

async function play({ source = configMap(), refusals = [], conditions = [], waitMs = 60_000 }: Play) {
  const applied: KubeObject[] = []
  const said: string[] = []
  const left = [...refusals]
  const seen = [...conditions]
  const client = {
    get: async (resource: { readonly kind: string }): Promise<KubeObject | undefined> => {
      if (resource.kind === 'ConfigMap') return source.metadata.name === 'gone' ? undefined : source
      const now = seen.length > 1 ? seen.shift() : seen[0]
      return {
        apiVersion: 'postscreen.dev/v1alpha1',
        kind: 'PostscreenPolicy',
        metadata: { name: 'mx' },
        status: { conditions: now ?? [] },
      }
    },
    apply: async (object: KubeObject): Promise<KubeObject> => {
      const refusal = left.shift()
      if (refusal !== undefined) throw refusal
      applied.push(object)
      return { ...object, metadata: { ...object.metadata, generation: 2 } }
    },
  }
  const clock = waitingClock()
  const ended = await applyChartPolicy({
    client,
    clock,
    namespace: 'mail',
    configMap: 'chart-policy-mx',
    waitMs,
    say: (line) => said.push(line),
  }).then(
    () => 'done',
    (error: Error) => error.message,
  )
  return { applied, said, ended, seconds: clock.now() / 1000 }
}

const ready = [condition('Ready', 'True', 2)]

test('the policy is applied in the ConfigMap’s namespace, with the ConfigMap as its owner', async () => {
  const { applied, ended } = await play({ conditions: [ready] })
  assert.equal(ended, 'done')
  assert.deepEqual(applied, [
    {
      apiVersion: 'postscreen.dev/v1alpha1',
      kind: 'PostscreenPolicy',
      metadata: {
        name: 'mx',
        namespace: 'mail',
        ownerReferences: [{ apiVersion: 'v1', kind: 'ConfigMap', name: 'chart-policy-mx', uid: 'u1' }],
      },
      spec: { mode: 'Audit' },
    },
  ])
})

test('what was found for an earlier generation does not count', async () => {
  const { ended, seconds } = await play({ conditions: [[condition('Ready', 'True', 1), condition('Stalled', 'True', 1)], ready] })
  assert.equal(ended, 'done')
  assert.equal(seconds, 1)
})

test('each new reason for waiting is said once', async () => {
  const notYet = [condition('Ready', 'False', 2)]
  const { said } = await play({ conditions: [[], notYet, notYet, ready] })
  assert.deepEqual(said, [
    'PostscreenPolicy mail/mx is applied (generation 2)',
    'waiting: no operator has processed it yet',
    'waiting: ReadyFalse: as the test says',
    'PostscreenPolicy mail/mx is Ready',
  ])
})

test('a policy that is stalled is given up at once', async () => {
  const { ended, seconds } = await play({ conditions: [[condition('Ready', 'False', 2), condition('Stalled', 'True', 2)]] })
  assert.equal(ended, 'PostscreenPolicy mail/mx cannot work: StalledTrue: as the test says')
  assert.equal(seconds, 0)
})

test('a policy that is not Ready in time ends with the reason', async () => {
  const { ended, seconds } = await play({ conditions: [[condition('Ready', 'False', 2)]], waitMs: 30_000 })
  assert.equal(ended, 'PostscreenPolicy mail/mx is not Ready after 30 s: ReadyFalse: as the test says')
  assert.equal(seconds, 30)
})

test('without a time to wait the policy is applied and that is all', async () => {
  const { ended, said } = await play({ waitMs: 0 })
  assert.equal(ended, 'done')
  assert.equal(said.length, 1)
})

const refusal = (status: number, reason: string): KubeError => new KubeError(`${status} ${reason}`, { status, reason })

const passing: readonly (readonly [string, KubeError])[] = [
  ['a kind that is not served yet', refusal(404, 'NotFound')],
  ['no answer', refusal(0, 'NoConnection')],
  ['too many requests', refusal(429, 'TooManyRequests')],
  ['trouble of the server', refusal(500, 'InternalError')],
  ['a server that starts', refusal(503, 'ServiceUnavailable')],
  ['a role that is not known yet', refusal(403, 'Forbidden')],
]
for (const [what, error] of passing) {
  test(`${what} is tried again`, async () => {
    const { ended, applied } = await play({ refusals: [error, error, error], conditions: [ready] })
    assert.equal(ended, 'done')
    assert.equal(applied.length, 1)
  })
}

const lasting: readonly (readonly [string, KubeError])[] = [
  ['a policy that breaks a rule', refusal(422, 'Invalid')],
  ['a request that makes no sense', refusal(400, 'BadRequest')],
  ['a field that the CRD does not know', refusal(500, '')],
]
for (const [what, error] of lasting) {
  test(`${what} is given up at once`, async () => {
    const { ended, seconds } = await play({ refusals: [error] })
    assert.equal(ended, error.message)
    assert.equal(seconds, 0)
  })
}

test('a kind that is never served, and a role that is never given, end the wait', async () => {
  for (const [error, seconds] of [
    [refusal(404, 'NotFound'), 60],
    [refusal(403, 'Forbidden'), 15],
  ] as const) {
    const played = await play({ refusals: Array.from({ length: 100 }, () => error) })
    assert.equal(played.ended, error.message)
    assert.equal(played.seconds, seconds)
  }
})

const empty: readonly (readonly [string, KubeObject, string])[] = [
  ['no ConfigMap', { ...configMap(), metadata: { name: 'gone' } }, 'ConfigMap mail/chart-policy-mx does not exist'],
  ['no policy in it', configMap({}), 'ConfigMap mail/chart-policy-mx has no PostscreenPolicy under policy.yaml'],
  [
    'another kind in it',
    configMap({ 'policy.yaml': 'apiVersion: v1\nkind: Secret\nmetadata: {name: x}' }),
    'ConfigMap mail/chart-policy-mx has no PostscreenPolicy under policy.yaml',
  ],
]
for (const [what, source, why] of empty) {
  test(`${what} is said in words`, async () => {
    const { ended, applied } = await play({ source })
    assert.equal(ended, why)
    assert.equal(applied.length, 0)
  })
}
