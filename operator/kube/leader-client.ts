// A client that writes only while this process is the leader: work that is in progress when the lease is lost must not
// change anything while the next leader acts.

import type { KubeClient } from './kube-client.ts'
import { KubeError } from './kube-error.ts'
import type { CallOptions } from './kube-transport.ts'

/** The time during which this process leads. */
export interface Leadership {
  /** Whether this process leads at this moment. */
  isLeading(): boolean
  /** Aborted when this process no longer leads. */
  readonly over: AbortSignal
}

/**
 * A write is sent only if `isLeading` is true at the moment when it is sent, also if it has waited for other requests
 * before; otherwise it rejects with a KubeError (NotLeading). Reads are always allowed while the leadership lasts. All
 * requests are aborted when it is over.
 */
export function leaderClient(client: KubeClient, { isLeading, over }: Leadership): KubeClient {
  const check = (): void => {
    if (!isLeading()) throw new KubeError('not sent: another operator may lead by now', { status: 0, reason: 'NotLeading' })
  }
  const during = (call: CallOptions | undefined): CallOptions => ({
    signal: call?.signal === undefined ? over : AbortSignal.any([call.signal, over]),
  })
  const writing = (call: CallOptions | undefined): CallOptions => ({ ...during(call), beforeSending: check })
  const write = async <T>(send: () => Promise<T>): Promise<T> => {
    check()
    return await send()
  }
  return {
    get: (resource, namespace, name, call) => client.get(resource, namespace, name, { ...call, ...during(call) }),
    list: (resource, options) => client.list(resource, { ...options, ...during(options) }),
    watch: (resource, options, signal) => client.watch(resource, options, AbortSignal.any([signal, over])),
    apply: (object, options) => write(() => client.apply(object, { ...options, ...writing(options) })),
    create: (object, call) => write(() => client.create(object, { ...call, ...writing(call) })),
    replace: (object, call) => write(() => client.replace(object, { ...call, ...writing(call) })),
    patch: (resource, namespace, name, mergePatch, call) =>
      write(() => client.patch(resource, namespace, name, mergePatch, { ...call, ...writing(call) })),
    delete: (resource, namespace, name, options) =>
      write(() => client.delete(resource, namespace, name, { ...options, ...writing(options) })),
    close: () => client.close(),
  }
}
