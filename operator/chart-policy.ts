// Applies the policy that a Helm release carries in a ConfigMap, with that ConfigMap as its owner, and waits until it
// is Ready. The head of charts/postscreen/templates/policy/configmap.yaml explains why Helm does not apply it itself.
import { load } from 'js-yaml'
import type { Clock } from '../runtime/clock.ts'
import type { KubeClient } from './kube/kube-client.ts'
import { isForbidden, isNotFound, isTooManyRequests, isUnanswered, KubeError } from './kube/kube-error.ts'
import { isObject } from '../crds/is-object.ts'
import { isKubeObject, type KubeObject } from './kube/object.ts'
import { resources } from './kube/resource.ts'

/** The key in the ConfigMap. */
const policyKey = 'policy.yaml'
/**
 * Not the operator's field manager: the operator restores what it owns, but the policy is restored only by the next
 * upgrade.
 */
const fieldManager = 'postscreen-chart'
/** The API server serves a new kind some seconds after its CRD was created, and a new role takes about as long. */
const patienceMs = 60_000
const forbiddenPatienceMs = 15_000
const pollMs = 1000

export interface ChartPolicyOptions {
  readonly client: Pick<KubeClient, 'get' | 'apply'>
  readonly clock: Clock
  readonly namespace: string
  readonly configMap: string
  /** How long to wait for Ready, in milliseconds; 0: do not wait. */
  readonly waitMs: number
  /** Receives one line for people. */
  readonly say: (line: string) => void
}

/**
 * Rejects with an Error that describes the problem: the ConfigMap does not exist, or the policy is refused, is stalled,
 * or does not become Ready in time.
 */
export async function applyChartPolicy(options: ChartPolicyOptions): Promise<void> {
  const { client, namespace, configMap, say, waitMs } = options
  const source = await patiently(options, () => client.get(resources.ConfigMap, namespace, configMap))
  if (source === undefined) throw new Error(`ConfigMap ${namespace}/${configMap} does not exist`)
  const policy = policyOf(source)
  const applied = await patiently(options, () => client.apply(policy, { fieldManager, force: true }))
  say(`PostscreenPolicy ${namespace}/${policy.metadata.name} is applied (generation ${applied.metadata.generation ?? 0})`)
  if (waitMs > 0) await readiness(options, policy.metadata.name, applied.metadata.generation ?? 0)
}

/** The policy in the ConfigMap. The ConfigMap is its owner, so both are deleted together. */
function policyOf(source: KubeObject): KubeObject {
  const { name, namespace = '', uid = '' } = source.metadata
  const data = source['data']
  const text = isObject(data) ? data[policyKey] : undefined
  const policy = typeof text === 'string' ? load(text) : undefined
  if (!isKubeObject(policy) || policy.kind !== resources.PostscreenPolicy.kind) {
    throw new Error(`ConfigMap ${namespace}/${name} has no PostscreenPolicy under ${policyKey}`)
  }
  const owner = { apiVersion: 'v1', kind: 'ConfigMap', name, uid }
  return { ...policy, metadata: { ...policy.metadata, namespace, ownerReferences: [owner] } }
}

/** Asks again as long as the answer may change without a user's action. */
async function patiently<T>({ clock, say }: ChartPolicyOptions, request: () => Promise<T>): Promise<T> {
  const began = clock.now()
  let said = ''
  for (;;) {
    try {
      return await request()
    } catch (error) {
      const patience = patienceWith(error)
      if (!(error instanceof KubeError) || clock.now() - began >= patience) throw error
      if (error.message !== said) say(`waiting: ${error.message}`)
      said = error.message
      await pause(clock, Math.max(pollMs, error.retryAfterMs ?? 0))
    }
  }
}

function patienceWith(error: unknown): number {
  if (isForbidden(error)) return forbiddenPatienceMs
  return isNotFound(error) || isTooManyRequests(error) || isUnanswered(error) || isServerTrouble(error) ? patienceMs : 0
}

/**
 * A field that the CRD does not know gives status 500 without a reason (`failed to create typed patch object`). A retry
 * does not help.
 */
function isServerTrouble(error: unknown): boolean {
  return error instanceof KubeError && error.status >= 500 && !(error.status === 500 && error.reason === '')
}

async function readiness(options: ChartPolicyOptions, name: string, generation: number): Promise<void> {
  const { client, clock, namespace, say, waitMs } = options
  const began = clock.now()
  let said = ''
  for (;;) {
    const policy = await patiently(options, () => client.get(resources.PostscreenPolicy, namespace, name))
    if (policy === undefined) throw new Error(`PostscreenPolicy ${namespace}/${name} was deleted while we waited for it`)
    const ready = conditionOf(policy, 'Ready', generation)
    if (ready.status === 'True') return say(`PostscreenPolicy ${namespace}/${name} is Ready`)
    const stalled = conditionOf(policy, 'Stalled', generation)
    if (stalled.status === 'True') throw new Error(`PostscreenPolicy ${namespace}/${name} cannot work: ${stalled.why}`)
    if (ready.why !== said) say(`waiting: ${ready.why}`)
    said = ready.why
    if (clock.now() - began >= waitMs)
      throw new Error(`PostscreenPolicy ${namespace}/${name} is not Ready after ${waitMs / 1000} s: ${ready.why}`)
    await pause(clock, pollMs)
  }
}

/** A condition of this generation or a later one. A condition of an earlier generation says nothing about this one. */
function conditionOf(policy: KubeObject, type: string, generation: number): { readonly status: string; readonly why: string } {
  const status = policy['status']
  const conditions: unknown = isObject(status) ? status['conditions'] : undefined
  const found = Array.isArray(conditions) ? conditions.find((one) => isObject(one) && one['type'] === type) : undefined
  const seen: unknown = isObject(found) ? found['observedGeneration'] : undefined
  if (!isObject(found) || typeof seen !== 'number' || seen < generation) {
    return { status: 'Unknown', why: 'no operator has processed it yet' }
  }
  return { status: String(found['status']), why: `${String(found['reason'])}: ${String(found['message'])}` }
}

function pause(clock: Clock, ms: number): Promise<void> {
  return new Promise((resolve) => {
    clock.after(ms, resolve)
  })
}
