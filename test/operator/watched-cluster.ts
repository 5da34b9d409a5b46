// The API server in memory with watches too: whatever is written comes out of them a moment later. Lists are empty, since it starts without objects.
import { EventEmitter, on } from 'node:events'
import type { ListResult, WatchOptions } from '../../operator/kube/kube-client.ts'
import type { KubeObject } from '../../operator/kube/object.ts'
import type { Resource } from '../../operator/kube/resource.ts'
import type { WatchEvent } from '../../operator/kube/watch-event.ts'
import { MemoryCluster } from './memory-cluster.ts'

export class WatchedCluster extends MemoryCluster {
  /** How many watches are open. */
  watches = 0
  readonly #events = new EventEmitter({ captureRejections: true }).setMaxListeners(0)

  async list(): Promise<ListResult> {
    return { items: [], resourceVersion: '1' }
  }

  async *watch({ kind }: Resource, { labelSelector, opened }: WatchOptions, signal: AbortSignal): AsyncGenerator<WatchEvent, void> {
    const events = on(this.#events, kind, { signal }) as AsyncIterable<[WatchEvent & { readonly object: KubeObject }]>
    this.watches++
    opened?.()
    for await (const [event] of events) {
      const isOurs = event.object.metadata.labels?.['app.kubernetes.io/managed-by'] === 'postscreen-operator'
      if (labelSelector === undefined || isOurs) yield event
    }
  }

  protected override onPut(put: KubeObject): void {
    this.#events.emit(put.kind, { type: 'MODIFIED', object: put })
  }

  override remove(kind: string, name: string, namespace = 'mail'): void {
    const found = this.find(kind, name, namespace)
    super.remove(kind, name, namespace)
    // A deletion has a version of its own.
    const last = found && { ...found, metadata: { ...found.metadata, resourceVersion: this.nextVersion() } }
    this.#events.emit(kind, { type: 'DELETED', object: last })
  }
}
