// Makes the kubelet bring a changed policy to the pods at once. By default it checks a mounted ConfigMap only about
// once a minute, but also whenever the pod object changes. So an annotation of the pod is changed.
import { backOffDelay } from '../../runtime/back-off.ts'
import { annotation } from '../desired/names.ts'
import type { KubeClient } from '../kube/kube-client.ts'
import { KubeError } from '../kube/kube-error.ts'
import { resources } from '../kube/resource.ts'
import type { GatewayPod } from './pods.ts'

interface Asked {
  readonly hash: string
  readonly times: number
  /** The number in the annotation. */
  readonly last: number
  /** When to ask again, as a time of the clock. */
  readonly again: number
}

/**
 * The kubelet may have checked before it received the new ConfigMap; then it is asked again, at growing intervals. The
 * interval has a limit: after an outage of the API server, the kubelet's watches of pods and of ConfigMaps recover at
 * different times, up to a minute apart (client-go's Reflector).
 */
const delays = { firstMs: 1000, longestMs: 15_000 }
/** A pod that has been due for this long does not exist any more: existing pods are checked more often. */
const goneMs = 5 * 60_000
/**
 * The pod was deleted, replaced by another one with the same name, or may not be changed. In the last case the kubelet
 * checks by itself, within a minute or two.
 */
const passedOver = [403, 404, 409, 422]

export class Refresh {
  readonly #client: KubeClient
  readonly #now: () => number
  readonly #asked = new Map<string, Asked>()

  /** `now` returns monotonic milliseconds. */
  constructor(client: KubeClient, now: () => number) {
    this.#client = client
    this.#now = now
  }

  /** Called for every pod that does not run the policy with this hash. */
  async bring(namespace: string, hash: string, pods: readonly GatewayPod[]): Promise<void> {
    for (const [uid, { again }] of this.#asked) if (again + goneMs < this.#now()) this.#asked.delete(uid)
    await Promise.all(pods.map((pod) => this.#bringTo(namespace, hash, pod)))
  }

  /** How many pods are remembered. */
  get size(): number {
    return this.#asked.size
  }

  async #bringTo(namespace: string, hash: string, { name, uid, report, address, ready, refresh }: GatewayPod): Promise<void> {
    // A pod that is still starting reads the newest policy anyway.
    if (address === undefined || (report === undefined && !ready)) return
    if (report?.hash === hash) {
      this.#asked.delete(uid)
      return
    }
    const before = this.#asked.get(uid)
    if (before?.hash === hash && this.#now() < before.again) return
    const times = before?.hash === hash ? before.times + 1 : 0
    // The watch may not have delivered the last write yet.
    const last = (Math.max(before?.last ?? 0, lastOf(refresh)) + 1) % 1_000_000
    this.#asked.set(uid, { hash, times, last, again: this.#now() + backOffDelay(delays, times) })
    const annotations = { [annotation.refresh]: `${hash.slice(0, 12)}.${last}` }
    try {
      await this.#client.patch(resources.Pod, namespace, name, { metadata: { uid, annotations } })
    } catch (error) {
      if (!(error instanceof KubeError) || !passedOver.includes(error.status)) throw error
    }
  }
}

const lastOf = (refresh: string | undefined): number => Number(/\.(\d{1,6})$/.exec(refresh ?? '')?.[1] ?? '0')
