// What the watches have seen: policies, what the operator has made for them, and the gateways' pods.
import { slimConfigMap } from './containment.ts'
import { managedBy, policyLabel } from './desired/names.ts'
import { slimPod } from './gateways/pods.ts'
import type { KubeClient } from './kube/kube-client.ts'
import { listWatch, type ListWatch } from './kube/list-watch.ts'
import type { KubeObject } from './kube/object.ts'
import { type Resource, resources } from './kube/resource.ts'

export interface CacheOptions {
  readonly client: KubeClient
  /** The namespaces to watch; an empty list means all. */
  readonly namespaces: readonly string[]
  /** The policy with this key was changed, created or deleted. */
  readonly onPolicy: (key: string) => void
  /** An object of the policy with this key was changed, created or deleted: one that the operator made, or a pod. */
  readonly onOwned: (policy: string) => void
  /** A ConfigMap has changed in a namespace whose tables are watched. */
  readonly onConfigMap: (key: string) => void
  readonly onTrouble: (text: string) => void
}

/** The kinds that the operator creates. */
const made = [
  'ConfigMap',
  'ServiceAccount',
  'NetworkPolicy',
  'Service',
  'Deployment',
  'DaemonSet',
  'StatefulSet',
  'PodDisruptionBudget',
  'HorizontalPodAutoscaler',
] as const
const ours = Object.entries(managedBy)
  .map(([name, value]) => `${name}=${value}`)
  .join(',')

/** managedFields are not needed here, and are often longer than the rest of the object. */
function withoutManagers(object: KubeObject): KubeObject {
  const { managedFields: _, ...metadata } = object.metadata
  return { ...object, metadata }
}

export class Cache {
  readonly #options: CacheOptions
  readonly #watches: { readonly of: string; readonly watch: ListWatch }[] = []
  readonly #policies = new Map<string, KubeObject>()
  /** By kind and key. */
  readonly #objects = new Map<string, KubeObject>()
  /** The objects of each policy: ids in #objects by the key of the policy. */
  readonly #ofPolicy = new Map<string, Set<string>>()
  /** By namespace. */
  readonly #tables = new Map<string, ListWatch>()
  readonly #configMapVersions = new Map<string, string>()

  /** Starts to watch. */
  constructor(options: CacheOptions) {
    this.#options = options
    this.#watch(resources.PostscreenPolicy, {}, (key, object) => this.#takePolicy(key, object))
    for (const kind of [...made, 'Pod'] as const) {
      this.#watch(resources[kind], { labelSelector: ours, keep: slim(kind) }, (key, object) => this.#takeObject(kind, key, object))
    }
  }

  /**
   * Watches the names and versions of ConfigMaps in namespaces where policies have access tables, and in no others, so
   * that ConfigMaps of other namespaces are not read. A watch covers all ConfigMaps of the namespace: one watch for
   * each table would need one connection for each.
   */
  watchTables(namespaces: ReadonlySet<string>): void {
    for (const [namespace, watch] of this.#tables) {
      if (namespaces.has(namespace)) continue
      this.#tables.delete(namespace)
      void watch.stop()
      for (const key of this.#configMapVersions.keys()) if (key.startsWith(`${namespace}/`)) this.#configMapVersions.delete(key)
    }
    const { client, onTrouble } = this.#options
    for (const namespace of namespaces) {
      if (this.#tables.has(namespace)) continue
      const onChange = (key: string, object: KubeObject | undefined): void => {
        // A watch that is being stopped may still deliver a last change.
        if (this.#tables.get(namespace) === watch) this.#takeVersion(key, object)
      }
      const options = { client, resource: resources.ConfigMap, namespace, metadataOnly: true, keep: onlyVersion, onChange, onTrouble }
      const watch: ListWatch = listWatch(options)
      this.#tables.set(namespace, watch)
    }
  }

  /** Resolves when everything that exists has been seen. */
  async synced(): Promise<void> {
    await Promise.all(this.#watches.map(({ watch }) => watch.synced))
    // The policies are known now, and so are the namespaces of their tables. A watch that is stopped before that is not
    // needed any more.
    await Promise.allSettled([...this.#tables.values()].map((watch) => watch.synced))
  }

  /** When each watch last received something, in milliseconds since 1970; 0: not yet. */
  lastHeard(): readonly { readonly resource: string; readonly at: number }[] {
    const tables = [...this.#tables.values()].map((watch) => ({ of: 'configmaps (metadata)', watch }))
    return [...this.#watches, ...tables].map(({ of, watch }) => ({ resource: of, at: watch.lastHeardAt ?? 0 }))
  }

  policy(key: string): KubeObject | undefined {
    return this.#policies.get(key)
  }

  policies(): readonly string[] {
    return [...this.#policies.keys()]
  }

  object(kind: string, key: string): KubeObject | undefined {
    return this.#objects.get(`${kind} ${key}`)
  }

  ofPolicy(policy: string): readonly KubeObject[] {
    return [...(this.#ofPolicy.get(policy) ?? [])].map((id) => this.#objects.get(id)).filter((object) => object !== undefined)
  }

  configMapVersion(key: string): string | undefined {
    return this.#configMapVersions.get(key)
  }

  async stop(): Promise<void> {
    await Promise.all([...this.#watches.map(({ watch }) => watch), ...this.#tables.values()].map((watch) => watch.stop()))
  }

  #watch(
    resource: Resource,
    more: {
      readonly labelSelector?: string
      readonly keep?: (object: KubeObject) => KubeObject | undefined
    },
    onChange: (key: string, object: KubeObject | undefined) => void,
  ): void {
    const { client, namespaces, onTrouble } = this.#options
    for (const namespace of namespaces.length === 0 ? [undefined] : namespaces) {
      const where = namespace === undefined ? {} : { namespace }
      this.#watches.push({
        of: resource.plural,
        watch: listWatch({ client, resource, keep: withoutManagers, ...where, ...more, onChange, onTrouble }),
      })
    }
  }

  #takePolicy(key: string, object: KubeObject | undefined): void {
    if (object === undefined) this.#policies.delete(key)
    else this.#policies.set(key, object)
    this.#options.onPolicy(key)
  }

  #takeObject(kind: string, key: string, object: KubeObject | undefined): void {
    const id = `${kind} ${key}`
    const [before, now] = [this.#objects.get(id), object].map((one) => one && policyOf(one))
    if (before !== undefined) this.#ofPolicy.get(before)?.delete(id)
    if (before !== undefined && this.#ofPolicy.get(before)?.size === 0) this.#ofPolicy.delete(before)
    if (object === undefined) this.#objects.delete(id)
    else this.#objects.set(id, object)
    if (now !== undefined) this.#ofPolicy.set(now, (this.#ofPolicy.get(now) ?? new Set()).add(id))
    for (const policy of new Set([before, now])) if (policy !== undefined) this.#options.onOwned(policy)
  }

  #takeVersion(key: string, object: KubeObject | undefined): void {
    const version = object?.metadata.resourceVersion
    if (version === undefined) this.#configMapVersions.delete(key)
    else this.#configMapVersions.set(key, version)
    this.#options.onConfigMap(key)
  }
}

function policyOf({ metadata }: KubeObject): string | undefined {
  const name = metadata.labels?.[policyLabel]
  return name === undefined ? undefined : `${metadata.namespace ?? ''}/${name}`
}

const slim =
  (kind: string) =>
  (object: KubeObject): KubeObject =>
    kind === 'Pod' ? slimPod(object) : slimConfigMap(withoutManagers(object))

function onlyVersion({ apiVersion, kind, metadata }: KubeObject): KubeObject {
  const { name, namespace, resourceVersion } = metadata
  const rest = Object.fromEntries(Object.entries({ namespace, resourceVersion }).filter(([, value]) => value !== undefined))
  return { apiVersion, kind, metadata: { name, ...rest } }
}
