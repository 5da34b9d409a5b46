// Leader election with a Lease, by the rules of client-go (tools/leaderelection): only one of the running operators
// acts.
//
// Why not a library: @kubernetes/client-node has no leader election. Here, only times of our own clock are compared,
// leadership ends before the lease does, and `isLeading` is checked before each write (leader-client.ts). The tests run
// electors with wrong clocks and lost answers.

import { type Clock, systemClock } from '../../runtime/clock.ts'
import type { KubeClient } from './kube-client.ts'
import { describeError, isConflict, isNotFound } from './kube-error.ts'
import { claimLease, leaseRecordOf } from './lease-record.ts'
import type { KubeObject } from './object.ts'
import { resources } from './resource.ts'

/** The three requests of an election. */
export type ElectionClient = Pick<KubeClient, 'get' | 'create' | 'replace'>

export interface ElectionOptions {
  readonly client: ElectionClient
  readonly namespace: string
  readonly name: string
  /** Different for each process, also for two that run in the same pod one after the other. */
  readonly identity: string
  /**
   * The beginning of the identity of every process of this pod. Only one of these runs at a time, so a lease of an
   * earlier one is taken over at once.
   */
  readonly formerSelf?: string | undefined
  /** How long others wait after the last renewal that they observed. Default 15 s. */
  readonly leaseMs?: number
  /** How long this process leads after the last renewal that it sent. Must be shorter. Default 10 s. */
  readonly renewMs?: number
  /** The time between two attempts, to acquire or to renew. Default 2 s. */
  readonly retryMs?: number
  /** Receives one line for the log. It must not throw. */
  readonly onTrouble?: (text: string) => void
  readonly clock?: Clock
  readonly random?: () => number
}

export interface Election {
  /** Resolves when this process leads; it may stay pending. */
  readonly leading: Promise<void>
  /** Resolves when this process no longer leads or may no longer lead. After that, it must not act. */
  readonly lost: Promise<void>
  /** Whether this process leads at this moment, by its clock. Must be checked before each action. */
  isLeading(): boolean
  /**
   * Releases the lease, so that the next leader need not wait until it expires. `lost` resolves before that. All work
   * must have ended.
   */
  release(): Promise<void>
}

/** Takes part in the election from now on. */
export function elect(options: ElectionOptions): Election {
  return new Elector(options)
}

/** How often the release is tried again if the lease was written in between. */
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
  /** The end of our leadership, by our clock; undefined: this process does not lead. */
  #leadsUntil: number | undefined
  #isOver = false
  /** The lease as this process last wrote it, so that the next renewal need not read it. */
  #mine: KubeObject | undefined
  /** The lease may name this process even if no answer confirmed it. */
  #hasWritten = false
  /**
   * What was last observed of the lease, and since when it has not changed. Only times of our own clock are compared.
   */
  #observed: { readonly fingerprint: string; readonly since: number } | undefined
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

  async release(): Promise<void> {
    const wasOver = this.#isOver
    this.#end()
    // An attempt in progress may still succeed; it has its own time limit.
    await this.#running
    if (wasOver || !this.#hasWritten) return
    for (let left = releaseAttempts; left > 0; left--) {
      try {
        return await this.#giveBack()
      } catch (error) {
        // The lease was written in between. This says nothing about its holder: an answer to us was lost, or another
        // program added an annotation.
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

  /** Acquires or renews the lease if this is possible. */
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
    const { fingerprint } = leaseRecordOf(lease)
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

  /**
   * The kubelet starts a container again only after its process has ended, so no process with that identity acts any
   * more.
   */
  #isFormerSelf(holder: string): boolean {
    return this.#formerSelf !== undefined && holder.startsWith(this.#formerSelf)
  }

  /** Writes this process into the lease, but only if there was no other write since it was read. */
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
    this.#trouble = ''
    if (!this.#isOver) this.#lead(sentAt + this.#options.renewMs)
  }

  /** Counted from the time when the renewal was sent: others may have observed it then, but not earlier. */
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
  }

  /** A hanging attempt must leave enough time for another one. */
  #call(): { timeoutMs: number; signal: AbortSignal; urgent: true } {
    return { timeoutMs: this.#options.renewMs / 3, signal: this.#giveUp.signal, urgent: true }
  }

  /** Reports a change of the leader. */
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
