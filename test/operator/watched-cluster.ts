// The API server in memory with watches too: whatever is written comes out of them a moment later.
import { EventEmitter, on } from 'node:events'
import type { ListOptions, ListResult, WatchOptions } from '../../operator/kube/kube-client.ts'
import type { KubeObject } from '../../operator/kube/object.ts'
import type { Resource } from '../../operator/kube/resource.ts'
import type { WatchEvent } from '../../operator/kube/watch-event.ts'
import { MemoryCluster } from './memory-cluster.ts'

function isSelected({ metadata }: KubeObject, { namespace, labelSelector }: Pick<WatchOptions, 'namespace' | 'labelSelector'>): boolean {
  const isOurs = metadata.labels?.['app.kubernetes.io/managed-by'] === 'postscreen-operator'
  return (labelSelector === undefined || isOurs) && (namespace === undefined || metadata.namespace === namespace)
}

export class WatchedCluster extends MemoryCluster {
  /** How many watches are open. */
  watches = 0
  readonly #events = new EventEmitter({ captureRejections: true }).setMaxListeners(0)

  /** What was listed or watched, such as `ConfigMap mail` or `Pod`. */
  readonly looked: string[] = []

  async list({ kind }: Resource, options: ListOptions): Promise<ListResult> {
    this.looked.push([kind, options.namespace].filter((part) => part !== undefined).join(' '))
    return { items: this.objects.filter((object) => object.kind === kind && isSelected(object, options)), resourceVersion: '1' }
  }

  async *watch({ kind }: Resource, { opened, ...options }: WatchOptions, signal: AbortSignal): AsyncGenerator<WatchEvent, void> {
    const events = on(this.#events, kind, { signal }) as AsyncIterable<[WatchEvent & { readonly object: KubeObject }]>
    this.watches++
    opened?.()
    for await (const [event] of events) {
      if (isSelected(event.object, options)) yield event
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
