// The controller: changes in the cluster put the keys of policies into a queue, and workers make one pass over each
// policy.
import { systemClock } from '../runtime/clock.ts'
import { Applier } from './apply.ts'
import { Claims } from './claim.ts'
import { Cache } from './cache.ts'
import { Compilations } from './compile/compilations.ts'
import { tableRefs } from './compile/compile.ts'
import type { Settings } from './desired/settings.ts'
import type { Ask } from './gateways/ask.ts'
import { Refresh } from './gateways/refresh.ts'
import type { KubeClient } from './kube/kube-client.ts'
import { splitKey } from './kube/object.ts'
import { type Progress, type QueueObserver, WorkQueue } from './kube/work-queue.ts'
import type { WatchedPolicy } from './live/operator-state.ts'
import type { Reporter } from './pass-report.ts'
import type { PolicyMemories } from './policy-memory.ts'
import { Reconciler } from './reconcile.ts'
import { StatusWriter } from './status/writer.ts'

export interface ControllerOptions {
  readonly client: KubeClient
  /** The namespaces to watch; an empty list means all. */
  readonly namespaces: readonly string[]
  readonly settings: Settings
  readonly ask: Ask
  readonly workers: number
  /** The interval at which every policy is reconciled even without a change, as a safeguard against missed events. */
  readonly resyncMs: number
  /** Names this installation of the operator. */
  readonly instance: string
  readonly memories: PolicyMemories
  readonly reporter: Reporter
  readonly queueObserver?: QueueObserver
  readonly onError: (key: string, error: unknown) => void
  readonly onTrouble: (text: string) => void
}

export class Controller {
  readonly #cache: Cache
  readonly #queue: WorkQueue<string>
  readonly #resync: NodeJS.Timeout
  /** Policies by the ConfigMaps that hold their tables. */
  readonly #tablesOf = new Map<string, Set<string>>()
  #synced = false

  /** Starts to watch and to work. */
  constructor(options: ControllerOptions) {
    const { client, settings, ask, memories, reporter } = options
    this.#cache = new Cache({
      client,
      namespaces: options.namespaces,
      onPolicy: (key) => this.#onPolicy(key),
      onOwned: (policy) => this.#add([policy]),
      onConfigMap: (key) => this.#add(this.#tablesOf.get(key) ?? []),
      onTrouble: options.onTrouble,
    })
    const elapsed = systemClock.now
    const reconciler = new Reconciler({
      client,
      live: this.#cache,
      memories,
      compilations: new Compilations(client, (key) => this.#cache.configMapVersion(key), memories, settings.tenants),
      applier: new Applier(client, this.#cache, memories, elapsed),
      refresh: new Refresh(client, elapsed),
      ask,
      settings,
      claims: new Claims({ instance: options.instance, policies: () => this.#cache.policies().length, elapsed, memories }),
      statuses: new StatusWriter(client, elapsed, (fields) => reporter.statusFieldsOmitted(fields)),
      reporter,
      now: () => new Date(),
    })
    this.#queue = new WorkQueue<string>({
      work: (key, _, aside) => reconciler.reconcile(key, aside),
      workers: options.workers,
      onError: options.onError,
      observer: options.queueObserver,
    })
    this.#resync = setInterval(() => this.#add(this.#cache.policies()), options.resyncMs)
  }

  /**
   * Resolves when every policy is in the queue. No work begins before that: the existing objects must be known, or they
   * would be treated as missing.
   */
  async start(): Promise<void> {
    await this.#cache.synced()
    this.#synced = true
    this.#add(this.#cache.policies())
  }

  get policies(): readonly string[] {
    return this.#cache.policies()
  }

  /** The policies, and the pods of their gateways. */
  watched(): readonly WatchedPolicy[] {
    return this.#cache.policies().flatMap((key) => {
      const policy = this.#cache.policy(key)
      return policy === undefined ? [] : [{ policy, pods: this.#cache.ofPolicy(key).filter(({ kind }) => kind === 'Pod') }]
    })
  }

  get depth(): number {
    return this.#queue.depth
  }

  get progress(): Progress {
    return this.#queue.progress
  }

  lastHeard(): readonly { readonly resource: string; readonly at: number }[] {
    return this.#cache.lastHeard()
  }

  /** Resolves when no pass is under way and no watch is open. */
  async stop(): Promise<void> {
    clearInterval(this.#resync)
    await this.#queue.stop()
    await this.#cache.stop()
  }

  #onPolicy(key: string): void {
    const policy = this.#cache.policy(key)
    for (const [map, policies] of this.#tablesOf) {
      policies.delete(key)
      if (policies.size === 0) this.#tablesOf.delete(map)
    }
    const { namespace } = splitKey(key)
    for (const { name } of policy === undefined ? [] : tableRefs(policy)) {
      const map = `${namespace}/${name}`
      this.#tablesOf.set(map, (this.#tablesOf.get(map) ?? new Set()).add(key))
    }
    this.#cache.watchTables(new Set([...this.#tablesOf.keys()].map((map) => splitKey(map).namespace)))
    this.#add([key])
  }

  #add(keys: Iterable<string>): void {
    if (!this.#synced) return
    for (const key of keys) this.#queue.add(key)
  }
}
