// Makes the kubelet bring a changed policy to the pods at once. By itself it looks at a mounted ConfigMap only every minute or so, but whenever the
// pod object changes: so an annotation of the pod is changed.
import { annotation } from '../desired/names.ts'
import type { KubeClient } from '../kube/kube-client.ts'
import { KubeError } from '../kube/kube-error.ts'
import { resources } from '../kube/resource.ts'
import type { GatewayPod } from './pods.ts'

interface Asked {
  readonly hash: string
  readonly times: number
  /** When to ask once more, on the clock's time. */
  readonly again: number
}

/** The kubelet may have looked before it heard of the new ConfigMap itself; then it is asked again, ever more seldom. */
const firstAgainMs = 1000
const lastAgainMs = 60_000

export class Refresh {
  readonly #client: KubeClient
  readonly #now: () => number
  readonly #asked = new Map<string, Asked>()

  /** `now` tells milliseconds that never go back. */
  constructor(client: KubeClient, now: () => number) {
    this.#client = client
    this.#now = now
  }

  /** Asks for every pod that runs another policy than the one with this hash. */
  async bring(namespace: string, hash: string, pods: readonly GatewayPod[]): Promise<void> {
    await Promise.all(pods.map((pod) => this.#bringTo(namespace, hash, pod)))
  }

  /** Pods that are gone need not be remembered. */
  forget(uid: string): void {
    this.#asked.delete(uid)
  }

  async #bringTo(namespace: string, hash: string, { name, uid, report, address, ready, refresh }: GatewayPod): Promise<void> {
    // A pod that is only starting gets the newest by itself.
    if (address === undefined || (report === undefined && !ready)) return
    if (report?.hash === hash) return this.forget(uid)
    const before = this.#asked.get(uid)
    const times = before?.hash === hash ? before.times + 1 : 0
    if (before?.hash === hash && this.#now() < before.again) return
    this.#asked.set(uid, { hash, times, again: this.#now() + Math.min(firstAgainMs * 2 ** times, lastAgainMs) })
    const [, last = '0'] = /\.(\d+)$/.exec(refresh ?? '') ?? []
    const value = `${hash.slice(0, 12)}.${(Number(last) + 1) % 1_000_000}`
    try {
      await this.#client.patch(resources.Pod, namespace, name, { metadata: { uid, annotations: { [annotation.refresh]: value } } })
    } catch (error) {
      // Gone, or replaced by another of the name.
      if (!(error instanceof KubeError) || ![404, 409].includes(error.status)) throw error
    }
  }
}
