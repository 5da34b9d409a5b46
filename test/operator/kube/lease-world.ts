// Electors in virtual time, and the one Lease that they fight for, on a real socket. Each elector can be cut off, killed or put to sleep.

import assert from 'node:assert/strict'
import type { Clock } from '../../../runtime/clock.ts'
import { connectKube, type KubeClient } from '../../../operator/kube/kube-client.ts'
import { type Election, type ElectionClient, elect } from '../../../operator/kube/lease.ts'
import { isObject } from '../../../crds/is-object.ts'
import type { KubeObject } from '../../../operator/kube/object.ts'
import { type Arrival, ScriptedApiServer } from './scripted-api-server.ts'
import { VirtualClock } from './virtual-clock.ts'

/** What becomes of an elector's requests: no answer ever; a connection that breaks; an answer that is lost, though the server did it. */
export type Fault = 'stall' | 'cut' | 'lost answer'

/** The clock of one process: all run alike, but each writes the time differently, and a process can sleep or be dead. */
class ProcessClock implements Clock {
  readonly #world: VirtualClock
  readonly #aheadMs: number
  state: 'awake' | 'asleep' | 'dead' = 'awake'
  #missed: (() => void)[] = []

  constructor(world: VirtualClock, aheadMs: number) {
    this.#world = world
    this.#aheadMs = aheadMs
  }

  now(): number {
    return this.#world.now()
  }

  epoch(): number {
    return this.#world.epoch() + this.#aheadMs
  }

  after(ms: number, run: () => void): () => void {
    let isCancelled = false
    const fire = (): void => {
      if (this.state === 'asleep') this.#missed.push(fire)
      else if (!isCancelled && this.state === 'awake') run()
    }
    const cancel = this.#world.after(ms, fire)
    return () => {
      isCancelled = true
      cancel()
    }
  }

  wake(): void {
    this.state = 'awake'
    for (const fire of this.#missed.splice(0)) fire()
  }
}

export class Candidate {
  readonly identity: string
  readonly clock: ProcessClock
  readonly client: KubeClient
  readonly election: Election
  readonly troubles: string[] = []
  isLost = false
  fault: Fault | undefined
  /** Requests whose end it has not heard of. */
  inFlight = 0

  constructor(world: LeaseWorld, identity: string, aheadMs: number, formerSelf: string | undefined) {
    this.identity = identity
    this.clock = new ProcessClock(world.clock, aheadMs)
    this.client = connectKube({ kubeconfig: world.server.kubeconfig, userAgent: identity, clock: this.clock })
    const counted = this.#counted()
    this.election = elect({
      client: counted,
      namespace: 'postscreen-system',
      name: 'postscreen-operator',
      identity,
      formerSelf,
      onTrouble: (text) => this.troubles.push(text),
      clock: this.clock,
      random: () => world.random(),
    })
    void this.election.lost.then(() => {
      this.isLost = true
      return undefined
    })
  }

  get leads(): boolean {
    return this.clock.state === 'awake' && this.election.isLeading()
  }

  #counted(): ElectionClient {
    const count = async <T>(result: Promise<T>): Promise<T> => {
      this.inFlight++
      try {
        return await result
      } finally {
        this.inFlight--
      }
    }
    const { client } = this
    return {
      get: (resource, namespace, name, call) => count(client.get(resource, namespace, name, call)),
      create: (object, call) => count(client.create(object, call)),
      replace: (object, call) => count(client.replace(object, call)),
    }
  }
}

/** The Lease at the server: what optimistic locking needs, no more. */
export class LeaseWorld {
  readonly clock = new VirtualClock()
  readonly server: ScriptedApiServer
  readonly candidates: Candidate[] = []
  /** Every holder that the lease has had, in order. */
  readonly holders: string[] = []
  lease: KubeObject | undefined
  /** Called when a replacement of the lease arrives, before it is compared with what is there. */
  beforePut: () => void = () => undefined
  lot = 0
  readonly #stalled = new Set<Arrival>()
  #version = 0
  #writes = 0

  private constructor(server: ScriptedApiServer) {
    this.server = server
    server.answer = (arrival) => this.#receive(arrival)
  }

  static async run(use: (world: LeaseWorld) => Promise<void>): Promise<void> {
    const world = new LeaseWorld(await ScriptedApiServer.start())
    try {
      await use(world)
    } finally {
      for (const candidate of world.candidates) await world.kill(candidate)
      await world.server.close()
    }
  }

  get writes(): number {
    return this.#writes
  }

  random(): number {
    this.lot = (this.lot + 0.37) % 1
    return this.lot
  }

  /** Starts an elector whose clock is wrong by `aheadMs`. */
  async join(identity: string, aheadMs = 0, formerSelf?: string): Promise<Candidate> {
    const candidate = new Candidate(this, identity, aheadMs, formerSelf)
    this.candidates.push(candidate)
    await this.settle()
    return candidate
  }

  /** The process is gone from one moment to the next. */
  async kill(candidate: Candidate): Promise<void> {
    candidate.clock.state = 'dead'
    await candidate.client.close()
    await this.settle()
  }

  /** Another client writes the lease. */
  write(spec: object | undefined): void {
    this.lease =
      spec === undefined ? undefined : this.#stored({ apiVersion: 'coordination.k8s.io/v1', kind: 'Lease', metadata: { name: 'x' }, spec })
  }

  get leaders(): string[] {
    return this.candidates.filter((candidate) => candidate.leads).map(({ identity }) => identity)
  }

  get spec(): Readonly<Record<string, unknown>> {
    const spec = this.lease?.['spec']
    return isObject(spec) ? spec : {}
  }

  /** Lets time pass; at no moment may there be two leaders. */
  async pass(ms: number): Promise<void> {
    await this.clock.walk(ms, () => this.settle())
    await this.settle()
  }

  /** Waits until every request has been answered, or never will be. */
  async settle(): Promise<void> {
    const end = performance.now() + 60_000
    for (let quiet = 0; quiet < 4;) {
      assert.ok(performance.now() < end, 'requests do not end')
      await new Promise((resolve) => setImmediate(resolve))
      for (const arrival of this.#stalled) if (arrival.isAbandoned) this.#stalled.delete(arrival)
      const open = this.candidates.reduce((sum, { inFlight, clock }) => sum + (clock.state === 'dead' ? 0 : inFlight), 0)
      quiet = open === this.#stalled.size ? quiet + 1 : 0
      assert.ok(this.leaders.length <= 1, `two leaders: ${this.leaders.join(' and ')}`)
    }
  }

  #receive(arrival: Arrival): void {
    const fault = this.candidates.find(({ identity }) => identity === arrival.headers['user-agent'])?.fault
    if (fault === 'stall') {
      this.#stalled.add(arrival)
      return
    }
    if (fault !== 'cut') this.#serve(arrival, fault === 'lost answer')
    if (fault !== undefined) arrival.cut()
  }

  #serve(arrival: Arrival, isLost: boolean): void {
    const sent = arrival.body === '' ? undefined : (JSON.parse(arrival.body) as KubeObject)
    const answer = (status: number, content: unknown): void => {
      if (!isLost) arrival.json(status, content)
    }
    const refuse = (status: number, reason: string): void => answer(status, { kind: 'Status', code: status, reason })
    if (sent === undefined) {
      if (this.lease === undefined) return refuse(404, 'NotFound')
      return answer(200, this.lease)
    }
    if (arrival.method === 'POST') {
      if (this.lease !== undefined) return refuse(409, 'AlreadyExists')
      return answer(201, this.#store(sent))
    }
    this.beforePut()
    if (this.lease === undefined) refuse(404, 'NotFound')
    else if (sent.metadata.resourceVersion !== this.lease.metadata.resourceVersion) refuse(409, 'Conflict')
    else answer(200, this.#store(sent))
  }

  #store(sent: KubeObject): KubeObject {
    this.#writes++
    this.lease = this.#stored(sent)
    const holder = String(this.spec['holderIdentity'])
    if (this.holders.at(-1) !== holder) this.holders.push(holder)
    return this.lease
  }

  #stored(object: KubeObject): KubeObject {
    return { ...object, metadata: { ...object.metadata, resourceVersion: String(++this.#version) } }
  }
}
