// The reflector: keeps a copy of the objects of one kind. It lists them once, watches for changes, and recovers from
// every failure.
//
// Why not the informer of @kubernetes/client-node (2.0): it stops at the first error other than 410, so the caller must
// restart it and add a back-off; it lists everything in one answer and keeps whole objects, while this one uses pages
// and keeps only what is needed of an object; it requests no bookmarks, so a quiet watch lists again after 410; it
// takes 30 s of silence for a dead connection, although this is normal for a quiet kind; and it swallows the exceptions
// of its handler, and lines that are not JSON. This reflector follows client-go's, and its tests play the API server.

import { BackOff } from '../../runtime/back-off.ts'
import { type Clock, systemClock } from '../../runtime/clock.ts'
import type { KubeClient } from './kube-client.ts'
import { describeError, isGone, KubeError } from './kube-error.ts'
import { type KubeObject, keyOf, type ResourceKey } from './object.ts'
import { type Change, isLaterVersion, ObjectStore, type ReadonlyStore } from './object-store.ts'
import type { Resource } from './resource.ts'
import { badAnswer, type WatchEvent } from './watch-event.ts'

export interface ListWatchOptions {
  readonly client: Pick<KubeClient, 'list' | 'watch'>
  readonly resource: Resource
  /** If undefined: all namespaces. */
  readonly namespace?: string | undefined
  readonly labelSelector?: string | undefined
  readonly fieldSelector?: string | undefined
  /** Only the metadata of the objects is asked for. */
  readonly metadataOnly?: boolean
  /**
   * The part of an object that is kept in memory; undefined: the object counts as missing. Default: the whole object.
   */
  readonly keep?: (object: KubeObject) => KubeObject | undefined
  /** Called after the store has changed. Its exceptions are reported to onTrouble. */
  readonly onChange: (key: ResourceKey, object: KubeObject | undefined) => void
  /** Called once, when the first complete list is in the store. */
  readonly onSynced?: () => void
  /** Receives one line for the log. It must not throw. */
  readonly onTrouble?: (text: string) => void
  readonly clock?: Clock
  readonly random?: () => number
  /** The number of objects in a page. Default 500. */
  readonly pageSize?: number
}

export interface ListWatch {
  readonly store: ReadonlyStore
  /** Resolves when the first complete list is in the store; rejects if it is stopped before. */
  readonly synced: Promise<void>
  /** When the API server last answered or sent something, in milliseconds since 1970. */
  readonly lastHeardAt: number | undefined
  /** Resolves when all its requests and timers have ended. */
  stop(): Promise<void>
}

/** The server is asked to end a watch after a time between these two, so that watches spread over the API servers. */
const shortestWatchSeconds = 240
const longestWatchSeconds = 480
/** A list with more pages than this is treated as endless. */
const mostPages = 20_000
/** A watch that ends sooner and without an event does not count as a success. */
const shortestSuccessMs = 1000

/** Starts at once. */
export function listWatch(options: ListWatchOptions): ListWatch {
  return new Reflector(options)
}

class Reflector implements ListWatch {
  readonly store: ObjectStore
  readonly synced: Promise<void>
  lastHeardAt: number | undefined
  readonly #options: ListWatchOptions
  readonly #clock: Clock
  readonly #random: () => number
  readonly #backOff: BackOff
  readonly #stopping = new AbortController()
  readonly #sync = Promise.withResolvers<void>()
  readonly #running: Promise<void>
  #isSynced = false
  /** All changes up to this version are in the store; undefined: a list is needed first. */
  #version: string | undefined
  #pageSize: number
  /**
   * The last list was too old, or could not be used, when the watch began. Another successful list must not make the
   * next one come sooner.
   */
  #outrun = false

  constructor(options: ListWatchOptions) {
    this.#options = options
    this.#clock = options.clock ?? systemClock
    this.#random = options.random ?? Math.random
    this.#pageSize = options.pageSize ?? 500
    this.#backOff = new BackOff({ firstMs: 500, longestMs: 30_000, jitter: { least: 0, most: 1 }, random: this.#random })
    this.store = new ObjectStore((object) => this.#keep(object))
    this.synced = this.#sync.promise
    // The caller need not wait for it.
    this.synced.catch(() => undefined)
    this.#running = this.#run()
  }

  async stop(): Promise<void> {
    this.#stopping.abort()
    await this.#running
  }

  async #run(): Promise<void> {
    const { signal } = this.#stopping
    while (!signal.aborted) {
      let retryAfterMs: number | undefined
      try {
        this.#version ??= await this.#list()
        if (!this.#isSynced) this.#nowSynced()
        await this.#watch(this.#version)
      } catch (error) {
        if (signal.aborted) break
        retryAfterMs = this.#recover(error)
      }
      await this.#pause(this.#backOff.next(retryAfterMs))
    }
    if (!this.#isSynced) this.#sync.reject(new Error(`${this.#options.resource.plural}: stopped before the first list`))
  }

  /** Decides how to continue after an error. Returns how long the server asks the client to wait. */
  #recover(error: unknown): number | undefined {
    const reason = error instanceof KubeError ? error.reason : ''
    if (!isGone(error)) this.#trouble(`${this.#options.resource.plural}: `, error)
    if (reason === 'TooLarge' && this.#version === undefined) this.#pageSize = Math.max(1, this.#pageSize >> 2)
    // A watch from the same version would receive the unreadable event again.
    if (isGone(error) || reason === 'BadAnswer' || reason === 'TooLarge') {
      this.#outrun = true
      this.#version = undefined
    }
    return error instanceof KubeError ? error.retryAfterMs : undefined
  }

  /**
   * Lists all pages into the store and removes the objects that they do not contain. Returns the version from which to
   * watch.
   */
  async #list(): Promise<string> {
    const seen = new Set<ResourceKey>()
    let version: string | undefined
    let next: string | undefined
    let pages = 0
    do {
      if (++pages > mostPages) throw badAnswer(`list ${this.#options.resource.plural}: the list does not end`)
      const page = await this.#options.client.list(this.#options.resource, {
        ...this.#selection(),
        limit: this.#pageSize,
        ...(next === undefined ? {} : { continue: next }),
        signal: this.#stopping.signal,
      })
      this.#heard()
      if (!this.#outrun) this.#backOff.reset()
      // All pages have the version of the first one.
      version ??= page.resourceVersion
      for (const object of page.items) {
        seen.add(keyOf(object))
        this.#tell(this.store.put(object))
      }
      next = page.continue
    } while (next !== undefined)
    for (const change of this.store.retain(seen)) this.#tell(change)
    return version
  }

  /** Returns when the server ends the watch. */
  async #watch(version: string): Promise<void> {
    let openedAt: number | undefined
    let events = 0
    const opened = (): void => {
      openedAt = this.#clock.now()
      this.#heard()
    }
    const seconds = longestWatchSeconds - shortestWatchSeconds
    const timeoutSeconds = shortestWatchSeconds + Math.floor(this.#random() * seconds)
    const options = { ...this.#selection(), resourceVersion: version, timeoutSeconds, opened }
    try {
      for await (const event of this.#options.client.watch(this.#options.resource, options, this.#stopping.signal)) {
        if (this.#stopping.signal.aborted) return
        events++
        this.#heard()
        this.#take(event)
      }
    } finally {
      if (openedAt !== undefined && (events > 0 || this.#clock.now() - openedAt >= shortestSuccessMs)) {
        this.#backOff.reset()
        this.#outrun = false
      }
    }
  }

  /**
   * Events come in the order of their versions. An event that is not later than the stored version was received before,
   * or is out of date.
   */
  #take(event: WatchEvent): void {
    const version = event.type === 'BOOKMARK' ? event.resourceVersion : event.object.metadata.resourceVersion
    if (version !== undefined) {
      if (this.#version !== undefined && !isLaterVersion(version, this.#version)) return
      this.#version = version
    }
    switch (event.type) {
      case 'ADDED':
      case 'MODIFIED':
        this.#tell(this.store.put(event.object))
        return
      case 'DELETED':
        this.#tell(this.store.remove(keyOf(event.object)))
        return
      case 'BOOKMARK':
    }
  }

  #selection(): { namespace?: string; labelSelector?: string; fieldSelector?: string; metadataOnly?: boolean } {
    const { namespace, labelSelector, fieldSelector, metadataOnly } = this.#options
    return {
      ...(namespace === undefined ? {} : { namespace }),
      ...(labelSelector === undefined ? {} : { labelSelector }),
      ...(fieldSelector === undefined ? {} : { fieldSelector }),
      ...(metadataOnly === undefined ? {} : { metadataOnly }),
    }
  }

  #keep(object: KubeObject): KubeObject | undefined {
    const { keep } = this.#options
    if (keep === undefined) return object
    try {
      return keep(object)
    } catch (error) {
      this.#trouble(`${this.#options.resource.plural} ${keyOf(object)} is ignored: `, error)
      return undefined
    }
  }

  #tell(change: Change | undefined): void {
    if (change === undefined) return
    try {
      this.#options.onChange(change.key, change.object)
    } catch (error) {
      this.#trouble(`${this.#options.resource.plural} ${change.key}: `, error)
    }
  }

  #nowSynced(): void {
    this.#isSynced = true
    this.#sync.resolve()
    try {
      this.#options.onSynced?.()
    } catch (error) {
      this.#trouble(`${this.#options.resource.plural}: `, error)
    }
  }

  #heard(): void {
    this.lastHeardAt = this.#clock.epoch()
  }

  /** The message of a KubeError says what it is about. */
  #trouble(about: string, error: unknown): void {
    this.#options.onTrouble?.(`${error instanceof KubeError ? '' : about}${describeError(error)}`)
  }

  /** Ends early if the reflector is stopped. */
  #pause(ms: number): Promise<void> {
    const { signal } = this.#stopping
    if (signal.aborted) return Promise.resolve()
    return new Promise((resolve) => {
      const cancel = this.#clock.after(ms, () => {
        signal.removeEventListener('abort', stop)
        resolve()
      })
      const stop = (): void => {
        cancel()
        resolve()
      }
      signal.addEventListener('abort', stop, { once: true })
    })
  }
}
