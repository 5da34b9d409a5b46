// What a session that is played again shares with the other sessions of its gateway.
import type { Screening } from '../../gateway/core/clients.ts'
import type { Rules } from '../../gateway/core/rules.ts'
import type { Session } from '../../gateway/core/session.ts'
import type { Why } from './doubt.ts'
import type { Due } from './due-queue.ts'
import type { Facts, Memory } from './facts.ts'
import type { LoggedSession } from './logged-session.ts'
import type { RememberedClients } from './remembered-clients.ts'

/** What happens at a time. */
export interface Task extends Due {
  /** Does what is due. @returns whether more may follow */
  goOn(): boolean
}

/** A session, as the others see it. */
export interface PlayedSession extends Task {
  /**
   * Whether what it shares with the client's other sessions may be wrong, or it may have ended by now.
   * @param now epoch milliseconds
   */
  isDoubtful(now: number): boolean
  /** The relay has ended in the log, which is ahead. @returns whether the session was waiting for that alone */
  relayEnded(): boolean
}

/** Sessions of a client that may still be open: at a mail server, or under screening. */
export interface Lingering {
  relayed: number
  screened: number
}

export interface SharedWorld {
  readonly rules: Rules
  readonly clients: RememberedClients
  /** The key of the client in the simulated allowlist. @param key in the core */
  keyOf(session: LoggedSession, key: string): string
  memoryOf(facts: Facts): Memory
  /** Whether an SPF record whose networks are not known may permit the client. */
  mayBePermitted(address: string): boolean
  /** @param process its name, with the machine */
  screeningOf(process: string): Screening
  /** What the session depends on that other sessions of the client leave in doubt, before its connect. */
  doubtFromOthers(session: Session, key: string, now: number): Why | undefined
  /** A session is under screening. */
  arrive(session: Session, played: PlayedSession): void
  leave(session: Session, played: PlayedSession): void
  /** A session has ended at the earliest moment, and may have lasted until then (epoch milliseconds). */
  linger(session: Session, as: keyof Lingering, until: number): void
  /** The log has handed off this session as well, and will say when its relay has ended. */
  awaits(session: LoggedSession): boolean
  awaitRelayEnd(session: LoggedSession, played: PlayedSession): void
}
