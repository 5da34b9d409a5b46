// The Kubernetes API, as far as an operator needs it: eight verbs on namespaced objects. Each request has a time limit,
// and each answer a size limit.
//
// Why not the API classes of @kubernetes/client-node: they load a model of every kind, which takes 40 of the operator's
// 200 MB of memory; they convert every object to classes and back, while the operator compares and applies plain JSON;
// and they limit neither the size of an answer, nor the number of requests at a time, nor the total time of a request.
// The library's types are used (operator/desired/), and its KubeConfig (cluster-access.ts).

import { type Clock, systemClock } from '../../runtime/clock.ts'
import { ClusterAccess } from './cluster-access.ts'
import { Deadline } from './deadline.ts'
import { isNotFound, KubeError } from './kube-error.ts'
import { type CallOptions, type KubeRequest, KubeTransport, type Observe, transportError } from './kube-transport.ts'
import { isObject } from '../../crds/is-object.ts'
import type { KubeObject } from './object.ts'
import { RequestGate } from './request-gate.ts'
import { pathOf, type Resource, resourceOf, resources } from './resource.ts'
import { badAnswer, objectOf, type WatchEvent, watchEvents } from './watch-event.ts'

/** Which objects are requested. */
interface Selection {
  /** If undefined: all namespaces. */
  readonly namespace?: string
  readonly labelSelector?: string
  readonly fieldSelector?: string
  /** Only the metadata of the objects. */
  readonly metadataOnly?: boolean
}

export interface ListOptions extends Selection, CallOptions {
  /** The maximum number of objects in one page; `continue` of the result leads to the next page. */
  readonly limit?: number
  readonly continue?: string
  readonly resourceVersion?: string
}

export interface ListResult {
  readonly items: readonly KubeObject[]
  /** The version from which a watch can continue. */
  readonly resourceVersion: string
  /** The token for the next page. */
  readonly continue?: string
}

export interface WatchOptions extends Selection {
  /** The resource version of a list, an event or a bookmark. */
  readonly resourceVersion: string
  /** When the server ends the watch. After 15 s more, the client ends it. */
  readonly timeoutSeconds: number
  /** Called when the server has accepted the watch. */
  readonly opened?: () => void
}

export interface ApplyOptions extends CallOptions {
  readonly fieldManager: string
  /** Takes over fields that other managers own. */
  readonly force?: boolean
  readonly subresource?: 'status'
  /** Dry run: the server answers as usual and changes nothing. */
  readonly dryRun?: boolean
}

export interface DeleteOptions extends CallOptions {
  /** Only the object with this uid. If another object has the name, the result is a conflict. */
  readonly uid?: string
  readonly propagationPolicy?: 'Background' | 'Foreground' | 'Orphan'
}

/** All methods reject with a KubeError, and with no other error. */
export interface KubeClient {
  /** undefined if the object does not exist. */
  get(resource: Resource, namespace: string, name: string, call?: CallOptions): Promise<KubeObject | undefined>
  /** One page of a list. */
  list(resource: Resource, options?: ListOptions): Promise<ListResult>
  /**
   * The changes after a resource version. Ends when the server ends the watch. Throws a KubeError for everything else,
   * including ERROR events.
   */
  watch(resource: Resource, options: WatchOptions, signal: AbortSignal): AsyncIterable<WatchEvent>
  /** Server-side apply: the object contains only the fields that we want to own. */
  apply(object: KubeObject, options: ApplyOptions): Promise<KubeObject>
  create(object: KubeObject, call?: CallOptions): Promise<KubeObject>
  /**
   * Replaces the whole object. With metadata.resourceVersion, only if there was no other write since (otherwise
   * isConflict).
   */
  replace(object: KubeObject, call?: CallOptions): Promise<KubeObject>
  /** RFC 7396 merge patch. */
  patch(resource: Resource, namespace: string, name: string, mergePatch: object, call?: CallOptions): Promise<KubeObject>
  /** Also succeeds if the object does not exist. */
  delete(resource: Resource, namespace: string, name: string, options?: DeleteOptions): Promise<void>
  /** Aborts all requests and closes all connections. */
  close(): Promise<void>
}

/** Which API groups the server has. Every user may ask this (system:discovery). */
export interface ApiGroups {
  /** Rejects with a KubeError. */
  servesGroup(group: string, call?: CallOptions): Promise<boolean>
}

/** Pages of pods, through the API server. It needs `get` on `pods/proxy`. */
export interface PodPages {
  /** The JSON of a page of the pod. `page` is its path without a slash in front. Rejects with a KubeError. */
  podPage(namespace: string, pod: string, port: number, page: string, query: KubeRequest['query'], call?: CallOptions): Promise<unknown>
  /** The same for a page of text. */
  podText(namespace: string, pod: string, port: number, page: string, call?: CallOptions): Promise<string>
}

/** Logs of pods. They need `get` on `pods/log`. */
export interface PodLogs {
  /**
   * The log of a container, in pieces as they come. Ends with the log, or when it is followed with the pod.
   * @param signal ends it; then it throws a KubeError (Aborted)
   */
  podLog(namespace: string, pod: string, options: PodLogOptions, signal: AbortSignal): AsyncIterable<Uint8Array>
}

/** As in PodLogOptions of the API. */
export interface PodLogOptions {
  readonly container: string
  readonly follow?: boolean
  readonly sinceSeconds?: number
  /** RFC 3339, in place of `sinceSeconds`. */
  readonly sinceTime?: string
  readonly tailLines?: number
  readonly limitBytes?: number
}

export interface ConnectOptions {
  /** A kubeconfig file. If undefined: the pod's service account, or else KUBECONFIG or ~/.kube/config. */
  readonly kubeconfig?: string | undefined
  /** The context of the kubeconfig. If undefined: its current context. */
  readonly context?: string | undefined
  /** The time limit for a whole request, in milliseconds; for a watch, until its answer begins. Default 30 s. */
  readonly requestTimeoutMs?: number
  /** How many requests may run at once, besides watches and urgent ones. Default 16. */
  readonly requestsAtOnce?: number
  readonly userAgent: string
  readonly observe?: Observe
  readonly clock?: Clock
  readonly limits?: Partial<AnswerLimits>
}

/** The longest allowed answers, in bytes. */
export interface AnswerLimits {
  readonly object: number
  readonly list: number
  /** One event of a watch. */
  readonly event: number
}

/** etcd accepts objects of 1.5 MiB; as JSON they may be longer. */
const defaultLimits: AnswerLimits = { object: 8 << 20, list: 128 << 20, event: 8 << 20 }
/** The server ends a watch after timeoutSeconds. This much later, the connection must be dead. */
const watchGraceSeconds = 15
/** Connections for urgent requests, besides those for other requests. */
const urgentConnections = 2
const connectTimeoutMs = 10_000

/** As metrics name it. */
const apiGroup: Resource = { apiVersion: 'v1', kind: 'APIGroup', plural: 'apigroups', namespaced: true }

/** Throws if the configuration has no usable cluster. Does not connect before the first request. */
export function connectKube(options: ConnectOptions): KubeClient & ApiGroups & PodPages & PodLogs {
  return new HttpKubeClient(options)
}

class HttpKubeClient implements KubeClient, ApiGroups, PodPages, PodLogs {
  readonly #access: ClusterAccess
  readonly #transport: KubeTransport
  readonly #limits: AnswerLimits
  readonly #clock: Clock
  readonly #requestTimeoutMs: number

  constructor({
    kubeconfig,
    context,
    requestTimeoutMs = 30_000,
    requestsAtOnce = 16,
    userAgent,
    observe,
    clock = systemClock,
    limits,
  }: ConnectOptions) {
    this.#access = new ClusterAccess({
      kubeconfig,
      context,
      connections: requestsAtOnce + urgentConnections,
      connectTimeoutMs: Math.min(connectTimeoutMs, requestTimeoutMs),
      clock,
    })
    this.#clock = clock
    this.#requestTimeoutMs = requestTimeoutMs
    this.#limits = { ...defaultLimits, ...limits }
    const gate = new RequestGate(requestsAtOnce)
    this.#transport = new KubeTransport({
      access: this.#access,
      gate,
      clock,
      requestTimeoutMs,
      userAgent,
      observe: observe ?? (() => undefined),
    })
  }

  async get(resource: Resource, namespace: string, name: string, call?: CallOptions): Promise<KubeObject | undefined> {
    const wanted = this.#request('get', 'GET', resource, pathOf(resource, namespace, name))
    return await this.#object(wanted, call).catch(notThere)
  }

  async list(resource: Resource, options: ListOptions = {}): Promise<ListResult> {
    const { namespace, labelSelector, fieldSelector, limit, continue: next, resourceVersion, metadataOnly = false } = options
    const wanted: KubeRequest = {
      ...this.#request('list', 'GET', resource, pathOf(resource, namespace)),
      query: { labelSelector, fieldSelector, limit, continue: next, resourceVersion },
      accept: metadataOnly ? 'application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1' : 'application/json',
      answerLimit: this.#limits.list,
    }
    return listOf(await this.#transport.ask(wanted, options), resource)
  }

  async *watch(resource: Resource, options: WatchOptions, signal: AbortSignal): AsyncGenerator<WatchEvent, void> {
    const { namespace, labelSelector, fieldSelector, resourceVersion, timeoutSeconds, metadataOnly = false, opened } = options
    const what = `watch ${resource.plural}`
    const wanted: KubeRequest = {
      ...this.#request('watch', 'GET', resource, pathOf(resource, namespace)),
      query: { watch: 'true', allowWatchBookmarks: 'true', resourceVersion, timeoutSeconds, labelSelector, fieldSelector },
      accept: metadataOnly ? 'application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1' : 'application/json',
    }
    const deadline = new Deadline(this.#clock, this.#requestTimeoutMs, what, signal)
    try {
      const { body } = await this.#transport.open(wanted, deadline)
      body.on('error', () => undefined)
      try {
        deadline.restart((timeoutSeconds + watchGraceSeconds) * 1000)
        opened?.()
        yield* watchEvents(body, resource, this.#limits.event)
      } finally {
        body.destroy()
      }
    } catch (error) {
      throw transportError(what, deadline.signal.aborted ? deadline.signal.reason : error)
    } finally {
      deadline.end()
    }
  }

  async apply(
    object: KubeObject,
    { fieldManager, force = false, subresource, dryRun = false, ...call }: ApplyOptions,
  ): Promise<KubeObject> {
    const resource = resourceOf(object)
    const { namespace, name } = object.metadata
    const wanted: KubeRequest = {
      ...this.#request('apply', 'PATCH', resource, pathOf(resource, namespace, name, subresource)),
      query: { fieldManager, force: force ? 'true' : undefined, dryRun: dryRun ? 'All' : undefined },
      // JSON is YAML.
      body: { type: 'application/apply-patch+yaml', content: object },
    }
    return await this.#object(wanted, call)
  }

  async create(object: KubeObject, call?: CallOptions): Promise<KubeObject> {
    const resource = resourceOf(object)
    const wanted = this.#request('create', 'POST', resource, pathOf(resource, object.metadata.namespace))
    return await this.#object({ ...wanted, body: { type: 'application/json', content: object } }, call)
  }

  async replace(object: KubeObject, call?: CallOptions): Promise<KubeObject> {
    const resource = resourceOf(object)
    const wanted = this.#request('replace', 'PUT', resource, pathOf(resource, object.metadata.namespace, object.metadata.name))
    return await this.#object({ ...wanted, body: { type: 'application/json', content: object } }, call)
  }

  async patch(resource: Resource, namespace: string, name: string, mergePatch: object, call?: CallOptions): Promise<KubeObject> {
    const wanted = this.#request('patch', 'PATCH', resource, pathOf(resource, namespace, name))
    return await this.#object({ ...wanted, body: { type: 'application/merge-patch+json', content: mergePatch } }, call)
  }

  async delete(resource: Resource, namespace: string, name: string, options: DeleteOptions = {}): Promise<void> {
    const { uid, propagationPolicy, ...call } = options
    const preconditions = uid === undefined ? undefined : { uid }
    const content = { kind: 'DeleteOptions', apiVersion: 'v1', preconditions, propagationPolicy }
    const wanted = this.#request('delete', 'DELETE', resource, pathOf(resource, namespace, name))
    await this.#transport.ask({ ...wanted, body: { type: 'application/json', content } }, call).catch(notThere)
  }

  async servesGroup(group: string, call?: CallOptions): Promise<boolean> {
    try {
      await this.#transport.ask(this.#request('get', 'GET', apiGroup, `/apis/${encodeURIComponent(group)}`), call)
      return true
    } catch (error) {
      if (isNotFound(error)) return false
      throw error
    }
  }

  async podPage(
    namespace: string,
    pod: string,
    port: number,
    page: string,
    query: KubeRequest['query'] = {},
    call?: CallOptions,
  ): Promise<unknown> {
    return await this.#transport.ask({ ...this.#pageRequest(namespace, pod, port, page), query }, call)
  }

  async podText(namespace: string, pod: string, port: number, page: string, call?: CallOptions): Promise<string> {
    return await this.#transport.askText({ ...this.#pageRequest(namespace, pod, port, page), accept: '*/*' }, call)
  }

  #pageRequest(namespace: string, pod: string, port: number, page: string): KubeRequest {
    const path = `${pathOf(resources.Pod, namespace, `${pod}:${port}`, 'proxy')}/${page}`
    return this.#request('get', 'GET', resources.Pod, path)
  }

  async *podLog(
    namespace: string,
    pod: string,
    { follow = false, ...options }: PodLogOptions,
    signal: AbortSignal,
  ): AsyncGenerator<Uint8Array, void> {
    const wanted: KubeRequest = {
      ...this.#request('get', 'GET', resources.Pod, pathOf(resources.Pod, namespace, pod, 'log')),
      query: { ...options, ...(follow && { follow: 'true' }) },
      accept: '*/*',
      isLong: true,
    }
    yield* this.#transport.stream(wanted, signal)
  }

  async close(): Promise<void> {
    await this.#access.close()
  }

  #request(verb: KubeRequest['verb'], method: KubeRequest['method'], resource: Resource, path: string): KubeRequest {
    return { verb, method, resource, path, answerLimit: this.#limits.object }
  }

  async #object(wanted: KubeRequest, call?: CallOptions): Promise<KubeObject> {
    return objectOf(await this.#transport.ask(wanted, call), wanted.resource, `${wanted.verb} ${wanted.resource.plural}`)
  }
}

/**
 * Only a 404 status object of the API server counts, not the 404 page of a proxy, or the answer for an API group that
 * the server does not have.
 */
function notThere(error: unknown): undefined {
  if (isNotFound(error) && error instanceof KubeError && error.reason === 'NotFound') return undefined
  throw error
}

function listOf(answer: unknown, resource: Resource): ListResult {
  const what = `list ${resource.plural}`
  const metadata = isObject(answer) ? answer['metadata'] : undefined
  const version = isObject(metadata) ? metadata['resourceVersion'] : undefined
  if (!isObject(answer) || !isObject(metadata) || typeof version !== 'string' || version === '') {
    throw badAnswer(`${what}: the answer is not a list`)
  }
  // Go writes an empty list as null.
  const items: unknown = answer['items'] ?? []
  if (!Array.isArray(items)) throw badAnswer(`${what}: the answer is not a list`)
  const objects = items.map((item) => objectOf(item, resource, what))
  const next = metadata['continue']
  return typeof next === 'string' && next !== ''
    ? { items: objects, resourceVersion: version, continue: next }
    : { items: objects, resourceVersion: version }
}
