// Leader election by a Lease, by client-go's rules (tools/leaderelection): of all the operators that run, one acts.
//
// Why not a library: @kubernetes/client-node has no leader election. Here only times of our own clock are compared,
// leadership ends before the lease does, and `isLeading` is checked before each write (leader-client.ts). The tests run
// electors with wrong clocks and lost answers.

import { type Clock, systemClock } from '../../runtime/clock.ts'
import type { KubeClient } from './kube-client.ts'
import { describeError, isConflict, isNotFound } from './kube-error.ts'
import { claimLease, leaseRecordOf } from './lease-record.ts'
import type { KubeObject } from './object.ts'
import { resources } from './resource.ts'

/** The only three things that an election does. */
export type ElectionClient = Pick<KubeClient, 'get' | 'create' | 'replace'>

export interface ElectionOptions {
  readonly client: ElectionClient
  readonly namespace: string
  readonly name: string
  /** Different for each process, also for two that follow each other in one pod. */
  readonly identity: string
  /**
   * Begins the identity of every process of this pod, of which only one runs at a time. What such a holder left is
   * taken at once.
   */
  readonly formerSelf?: string | undefined
  /** How long others wait after the last renewal that they saw. Default 15 s. */
  readonly leaseMs?: number
  /** How long we lead after the last renewal that we sent. Must be shorter. Default 10 s. */
  readonly renewMs?: number
  /** The time between two attempts, to acquire or to renew. Default 2 s. */
  readonly retryMs?: number
  /** One line for the log. It must not throw. */
  readonly onTrouble?: (text: string) => void
  readonly clock?: Clock
  readonly random?: () => number
}

export interface Election {
  /** Resolves when we lead; it may stay pending. */
  readonly leading: Promise<void>
  /** Resolves when we no longer lead or may lead: from then on nothing may act. */
  readonly lost: Promise<void>
  /** Whether we lead at this very moment, by the clock: to be asked before each act. */
  isLeading(): boolean
  /** Who leads, as far as we know. */
  leader(): string | undefined
  /**
   * Gives the lease up, so that the next one need not wait for its end. `lost` resolves before. All work must have
   * stopped.
   */
  release(): Promise<void>
}

/** Takes part in the election from now on. */
export function elect(options: ElectionOptions): Election {
  return new Elector(options)
}

/** How often the release is tried when the lease was written in between. */
const releaseAttempts = 5

/** client-go's JitterFactor. */
const jitter = 1.2

class Elector implements Election {
  readonly leading: Promise<void>
  readonly lost: Promise<void>
  readonly #options: Required<Omit<ElectionOptions, 'client' | 'namespace' | 'name' | 'identity' | 'formerSelf' | 'clock' | 'random'>>
  readonly #client: ElectionClient
  readonly #clock: Clock
  readonly #random: () => number
  readonly #identity: string
  readonly #formerSelf: string | undefined
  readonly #empty: KubeObject
  readonly #won = Promise.withResolvers<void>()
  readonly #over = Promise.withResolvers<void>()
  readonly #giveUp = new AbortController()
  readonly #running: Promise<void>
  /** Until when we lead, by our clock; undefined: we do not. */
  #leadsUntil: number | undefined
  #isOver = false
  /** The lease as we last wrote it: the next renewal need not read it. */
  #mine: KubeObject | undefined
  /** The lease may have our name in it, even if no answer told so. */
  #hasWritten = false
  /**
   * What we last saw of it, and since when it has been like that: the only times that are compared are those of our own
   * clock.
   */
  #observed: { readonly fingerprint: string; readonly since: number } | undefined
  #holder: string | undefined
  #cancelDeadline: () => void = () => undefined
  #endPause: () => void = () => undefined
  #trouble = ''

  constructor(options: ElectionOptions) {
    const { client, namespace, name, identity, leaseMs = 15_000, renewMs = 10_000, retryMs = 2000 } = options
    this.#options = { leaseMs, renewMs, retryMs, onTrouble: options.onTrouble ?? (() => undefined) }
    this.#client = client
    this.#clock = options.clock ?? systemClock
    this.#random = options.random ?? Math.random
    this.#identity = identity
    this.#formerSelf = options.formerSelf
    this.#empty = { apiVersion: resources.Lease.apiVersion, kind: resources.Lease.kind, metadata: { namespace, name } }
    this.leading = this.#won.promise
    this.lost = this.#over.promise
    this.#running = this.#run()
  }

  isLeading(): boolean {
    return this.#leadsUntil !== undefined && this.#clock.now() < this.#leadsUntil
  }

  leader(): string | undefined {
    return this.#holder
  }

  async release(): Promise<void> {
    const wasOver = this.#isOver
    this.#end()
    // An attempt that is under way may still succeed; it has its own time limit.
    await this.#running
    if (wasOver || !this.#hasWritten) return
    for (let left = releaseAttempts; left > 0; left--) {
      try {
        return await this.#giveBack()
      } catch (error) {
        // The lease was written in between, which says nothing about its holder: an answer to us was lost, or another
        // program annotated it.
        this.#mine = undefined
        if (left > 1 && isConflict(error)) continue
        return this.#tell(`the lease could not be released: ${describeError(error)}`)
      }
    }
  }

  async #run(): Promise<void> {
    while (!this.#isOver) {
      const began = this.#clock.now()
      try {
        await this.#attempt()
      } catch (error) {
        if (!this.#isOver) this.#tell(describeError(error))
      }
      if (this.#isOver) return
      const period = this.#options.retryMs * (this.#leadsUntil === undefined ? 1 + jitter * this.#random() : 1)
      await this.#pause(period - (this.#clock.now() - began))
    }
  }

  /** Acquires or renews the lease if that can be. */
  async #attempt(): Promise<void> {
    for (const isLast of [false, true]) {
      const lease = this.#mine ?? (await this.#read())
      if (lease !== undefined && !this.#mayTake(lease)) return
      try {
        await this.#take(lease)
        return
      } catch (error) {
        // Either there was another writer, or an answer to us was lost: read the lease again.
        this.#mine = undefined
        if (isLast || !(isConflict(error) || isNotFound(error))) throw error
      }
    }
  }

  async #read(): Promise<KubeObject | undefined> {
    const { namespace = '', name } = this.#empty.metadata
    const lease = await this.#client.get(resources.Lease, namespace, name, this.#call())
    if (lease === undefined) return undefined
    const { fingerprint, holder } = leaseRecordOf(lease)
    this.#holder = holder
    if (this.#observed?.fingerprint !== fingerprint) this.#observed = { fingerprint, since: this.#clock.now() }
    return lease
  }

  #mayTake(lease: KubeObject): boolean {
    const { holder, durationMs = this.#options.leaseMs } = leaseRecordOf(lease)
    if (holder === this.#identity) return true
    if (this.#leadsUntil !== undefined) {
      this.#lose(`the lease is ${holder === undefined ? 'free' : JSON.stringify(holder)} now`)
      return false
    }
    const since = this.#observed?.since ?? this.#clock.now()
    return holder === undefined || this.#isFormerSelf(holder) || this.#clock.now() - since >= durationMs
  }

  /** The kubelet starts a container again only when its process has ended, so nothing acts under that name any more. */
  #isFormerSelf(holder: string): boolean {
    return this.#formerSelf !== undefined && holder.startsWith(this.#formerSelf)
  }

  /** Writes us into the lease; only if there was no other write since we read it. */
  async #take(lease: KubeObject | undefined): Promise<void> {
    this.#hasWritten = true
    const sentAt = this.#clock.now()
    const now = this.#clock.epoch()
    const known = lease === undefined ? undefined : leaseRecordOf(lease)
    const isOurs = known?.holder === this.#identity
    const claim = claimLease(lease ?? this.#empty, {
      holder: this.#identity,
      durationMs: this.#options.leaseMs,
      transitions: known === undefined ? 0 : known.transitions + (isOurs ? 0 : 1),
      acquired: isOurs ? (known.acquireTime ?? now) : now,
      renewed: now,
    })
    const written = await (lease === undefined ? this.#client.create(claim, this.#call()) : this.#client.replace(claim, this.#call()))
    this.#mine = written
    this.#holder = this.#identity
    this.#trouble = ''
    if (!this.#isOver) this.#lead(sentAt + this.#options.renewMs)
  }

  /** Counted from when the renewal was sent: others may have seen it then, never earlier. */
  #lead(until: number): void {
    const left = until - this.#clock.now()
    if (left <= 0) return
    this.#cancelDeadline()
    this.#cancelDeadline = this.#clock.after(left, () => this.#lose(`not renewed within ${this.#options.renewMs / 1000} s`))
    this.#leadsUntil = until
    this.#won.resolve()
  }

  #lose(why: string): void {
    this.#tell(`no longer the leader: ${why}`)
    this.#end()
    this.#mine = undefined
    this.#giveUp.abort()
  }

  #end(): void {
    this.#isOver = true
    this.#leadsUntil = undefined
    this.#cancelDeadline()
    this.#endPause()
    this.#over.resolve()
  }

  async #giveBack(): Promise<void> {
    const mine = this.#mine ?? (await this.#read())
    if (mine === undefined) return
    const { holder, transitions } = leaseRecordOf(mine)
    if (holder !== this.#identity) return
    const now = this.#clock.epoch()
    await this.#client.replace(claimLease(mine, { holder: '', durationMs: 1000, transitions, acquired: now, renewed: now }), this.#call())
    this.#holder = undefined
  }

  /** An attempt that hangs must leave time for another. */
  #call(): { timeoutMs: number; signal: AbortSignal; urgent: true } {
    return { timeoutMs: this.#options.renewMs / 3, signal: this.#giveUp.signal, urgent: true }
  }

  /** Tells what is new. */
  #tell(text: string): void {
    if (text === this.#trouble) return
    this.#trouble = text
    this.#options.onTrouble(`lease ${this.#empty.metadata.namespace ?? ''}/${this.#empty.metadata.name}: ${text}`)
  }

  #pause(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const cancel = this.#clock.after(Math.max(0, ms), resolve)
      this.#endPause = () => {
        cancel()
        resolve()
      }
    })
  }
}
