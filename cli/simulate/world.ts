// A gateway, or several, under one policy, whose clients come from a log and whose time is that of the log.
import { newScreening, type Screening } from '../../gateway/core/clients.ts'
import type { Rules } from '../../gateway/core/rules.ts'
import type { Session } from '../../gateway/core/session.ts'
import type { Why } from './doubt.ts'
import { DueQueue } from './due-queue.ts'
import type { Facts, Memory } from './facts.ts'
import type { LoggedSession } from './logged-session.ts'
import { RememberedClients } from './remembered-clients.ts'
import { ReplayedSession, type Replayed } from './replayed-session.ts'
import type { Lingering, PlayedSession, SharedWorld, Task } from './shared-world.ts'

export interface WorldSettings {
  readonly rules: Rules
  /** Whether each gateway has an allowlist of its own. */
  readonly isLocal: boolean
  /** Several processes write to one allowlist. */
  readonly isWrittenByOthers: boolean
  /** The allowlist has other keys than the policy that wrote the log: it begins empty. */
  readonly hasOtherKeys: boolean
  /** The index of the first entry of the access list that permits networks of an SPF record that are not known. */
  readonly unknownSender?: number | undefined
}

/** Processes beyond this number share counters. */
const mostProcesses = 10_000

export class World implements SharedWorld {
  readonly rules: Rules
  readonly clients: RememberedClients
  readonly #settings: WorldSettings
  readonly #queue = new DueQueue<Task>()
  readonly #screenings = new Map<string, Screening>()
  /** By client: sessions that the core has seen end, and that may still have been open. */
  readonly #lingering = new Map<string, Lingering>()
  /** By client: sessions under screening. */
  readonly #peers = new Map<string, PlayedSession[]>()
  /** Sessions that are relayed, and whose end is still to come in the log. */
  readonly #relayed = new Map<LoggedSession, PlayedSession>()

  constructor(settings: WorldSettings) {
    this.#settings = settings
    this.rules = settings.rules
    this.clients = new RememberedClients(settings.isWrittenByOthers)
  }

  /** Begins a session, in the order of their connects. `tell` is called once, at the latest by `finish`. */
  begin(session: LoggedSession, facts: Facts, tell: (result: Replayed) => void): void {
    this.runUntil(session.time)
    const replayed = new ReplayedSession(this, session, facts, tell)
    replayed.begin()
    if (replayed.due > 0 && replayed.due < Number.POSITIVE_INFINITY) this.#queue.push(replayed)
  }

  /** Lets time pass. @param time epoch milliseconds */
  runUntil(time: number): void {
    const queue = this.#queue
    for (let first = queue.first; first !== undefined && first.due <= time; first = queue.first) {
      if (first.goOn()) queue.delayFirst()
      else queue.pop()
    }
  }

  finish(): void {
    this.runUntil(Number.MAX_SAFE_INTEGER)
  }

  keyOf({ origin }: LoggedSession, key: string): string {
    return this.#settings.isLocal && origin !== '' ? `${origin} ${key}` : key
  }

  memoryOf({ memory }: Facts): Memory {
    return this.#settings.hasOtherKeys ? { record: undefined, doubtful: 0, loose: 0 } : memory
  }

  mayBePermitted(address: string): boolean {
    const { unknownSender } = this.#settings
    if (unknownSender === undefined) return false
    const entry = this.rules.access.find(address)?.entry
    return entry === undefined || entry >= unknownSender
  }

  screeningOf(process: string): Screening {
    const known = this.#screenings.get(process)
    if (known !== undefined) return known
    if (this.#screenings.size >= mostProcesses) return this.screeningOf('')
    const screening = newScreening()
    this.#screenings.set(process, screening)
    return screening
  }

  doubtFromOthers({ screening, rules }: Session, key: string, now: number): Why | undefined {
    const limit = rules.limits.connectionsPerClient
    const { relayed, screened } = this.#lingering.get(key) ?? nothing
    const state = screening.clients.get(key)
    const open = 1 + (state?.concurrency ?? 0) + (screening.relays.get(key) ?? 0)
    const peers = this.#peers.get(key) ?? none
    const doubtful = peers.reduce((count, peer) => count + (peer.isDoubtful(now) ? 1 : 0), 0)
    if (limit > 0 && open - doubtful <= limit && open + relayed + screened > limit) return { is: 'connections' }
    if (limit > 0 && open > limit) return undefined
    // Sessions at the same time share what they have passed so far.
    if (screened > 0) return { is: 'allowlist' }
    const isShared = (state?.stamps[0] ?? -1) >= 0
    return isShared && doubtful > 0 ? { is: 'allowlist' } : undefined
  }

  arrive({ clientState }: Session, replayed: PlayedSession): void {
    if (clientState === undefined) return
    const peers = this.#peers.get(clientState.key)
    if (peers === undefined) this.#peers.set(clientState.key, [replayed])
    else peers.push(replayed)
  }

  leave({ clientState }: Session, replayed: PlayedSession): void {
    const peers = clientState === undefined ? undefined : this.#peers.get(clientState.key)
    const place = peers?.indexOf(replayed) ?? -1
    if (clientState === undefined || peers === undefined || place < 0) return
    if (peers.length === 1) this.#peers.delete(clientState.key)
    else peers.splice(place, 1)
  }

  /** What waits for the end is small: there may be very many. */
  linger({ clientState }: Session, as: keyof Lingering, until: number): void {
    if (clientState === undefined) return
    const { key } = clientState
    const known = this.#lingering.get(key)
    if (known === undefined) this.#lingering.set(key, { ...nothing, [as]: 1 })
    else known[as]++
    this.#queue.push({ due: until, goOn: () => this.#endOfLinger(key, as) })
  }

  #endOfLinger(key: string, as: keyof Lingering): false {
    const known = this.#lingering.get(key)
    if (known !== undefined) known[as]--
    if (known !== undefined && known.relayed + known.screened === 0) this.#lingering.delete(key)
    return false
  }

  awaits(session: LoggedSession): boolean {
    return session.handedOffAt !== undefined && session.relayEndedAt === undefined && this.#relayed.size < mostRelayed
  }

  awaitRelayEnd(logged: LoggedSession, replayed: PlayedSession): void {
    if (this.awaits(logged)) this.#relayed.set(logged, replayed)
  }

  /** The log has the end of a relay now. */
  relayEnded(session: LoggedSession): void {
    const replayed = this.#relayed.get(session)
    this.#relayed.delete(session)
    if (replayed?.relayEnded() === true) this.#queue.push(replayed)
  }
}

const mostRelayed = 100_000

const nothing: Lingering = { relayed: 0, screened: 0 }
const none: readonly PlayedSession[] = []
