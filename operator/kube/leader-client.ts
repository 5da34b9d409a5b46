// A client that writes only while this process is the leader: work that is in progress when the lease is lost must not
// change anything while the next leader acts.

import type { KubeClient } from './kube-client.ts'
import { KubeError } from './kube-error.ts'

/**
 * Reads are always allowed. Each write checks `isLeading` at the moment when it is sent, and rejects with a KubeError
 * (NotLeading) if it is false.
 */
export function leaderClient(client: KubeClient, isLeading: () => boolean): KubeClient {
  const write = async <T>(send: () => Promise<T>): Promise<T> => {
    if (!isLeading()) throw new KubeError('not sent: another operator may lead by now', { status: 0, reason: 'NotLeading' })
    return await send()
  }
  return {
    get: (resource, namespace, name, call) => client.get(resource, namespace, name, call),
    list: (resource, options) => client.list(resource, options),
    watch: (resource, options, signal) => client.watch(resource, options, signal),
    apply: (object, options) => write(() => client.apply(object, options)),
    create: (object, call) => write(() => client.create(object, call)),
    replace: (object, call) => write(() => client.replace(object, call)),
    patch: (resource, namespace, name, mergePatch, call) => write(() => client.patch(resource, namespace, name, mergePatch, call)),
    delete: (resource, namespace, name, options) => write(() => client.delete(resource, namespace, name, options)),
    close: () => client.close(),
  }
}
