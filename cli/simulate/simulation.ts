// Plays the sessions of a log under a policy, or two, and counts what changes.
import type { Rules } from '../../gateway/core/rules.ts'
import { factsOf } from './facts.ts'
import type { LogItem } from './log-item.ts'
import type { Seen } from './notes.ts'
import type { LoggedSession } from './logged-session.ts'
import type { Replayed } from './replayed-session.ts'
import { SessionReader } from './session-reader.ts'
import { World, type WorldSettings } from './world.ts'

/** Told of each session, in the order in which their verdicts are settled. */
export type OnSession = (session: LoggedSession, before: Replayed | undefined, after: Replayed) => void

export interface SimulationSettings {
  readonly policy: WorldSettings
  /** The policy that wrote the log. Without it, what became of a session is taken from the log. */
  readonly old: WorldSettings | undefined
}

export class Simulation {
  readonly #reader: SessionReader
  readonly #world: World
  readonly #oldWorld: World | undefined
  readonly #oldRules: Rules | undefined
  readonly #onSession: OnSession
  #withoutTests = 0

  constructor({ policy, old }: SimulationSettings, onSession: OnSession) {
    this.#world = new World(policy)
    this.#oldWorld = old === undefined ? undefined : new World(old)
    this.#oldRules = old?.rules
    this.#onSession = onSession
    this.#reader = new SessionReader({
      onSession: (session) => this.#play(session),
      onRelayEnd: (session) => {
        this.#world.relayEnded(session)
        this.#oldWorld?.relayEnded(session)
      },
    })
  }

  /** Items must come in the order of their times, but for some seconds. */
  take(item: LogItem): void {
    this.#reader.take(item)
  }

  /** The log is over: every session gets its verdict. */
  finish(): void {
    this.#reader.finish()
    this.#world.finish()
    this.#oldWorld?.finish()
  }

  /** For notes about the result. */
  get seen(): Seen {
    return { forgotten: this.#world.clients.forgotten, withoutTests: this.#withoutTests }
  }

  #play(session: LoggedSession): void {
    if (!session.isOurs) this.#withoutTests++
    const facts = factsOf(session, { old: this.#oldRules, hasAnswered: (domain) => this.#reader.listsSeen.has(domain) })
    let after: Replayed | undefined
    let before: Replayed | undefined
    const settle = (): void => {
      if (after !== undefined && (before !== undefined || this.#oldWorld === undefined))
        this.#onSession(session, before ?? session.verdict(), after)
    }
    this.#oldWorld?.begin(session, facts, (result) => {
      before = result
      settle()
    })
    this.#world.begin(session, facts, (result) => {
      after = result
      settle()
    })
  }
}
