// Puts the lines of a log together to sessions, and reports these in the order of their connects, when they are
// complete.
import type { LoggedAnswer } from '../../gateway/core/vocabulary.ts'
import type { LogItem } from './log-item.ts'
import { LoggedSession } from './logged-session.ts'

/** A session without an end is reported after this time, as far as it is known. */
const longestOpenMs = 600_000
/** postscreen logs nothing about a client that it has handed off; DISCONNECT would follow at once. */
const afterPassMs = 2000
/** Sessions that wait; beyond it, the oldest is reported. */
const mostWaiting = 50_000
/** How often sessions without an end are looked for. */
const everySweepMs = 10_000
/** Relays whose end is still to come; beyond it, the oldest is forgotten. */
const mostRelays = 100_000

export interface Sessions {
  /** The next session, complete as far as the log has it. */
  readonly onSession: (session: LoggedSession) => void
  /** The end of a relay of a session that has been reported. */
  readonly onRelayEnd: (session: LoggedSession) => void
}

export class SessionReader {
  readonly #sessions: Sessions
  /** By origin and id: those that the log may still say something about. */
  readonly #open = new Map<string, LoggedSession>()
  /** By origin and address, for lines about an address: the latest session. */
  readonly #byAddress = new Map<string, LoggedSession>()
  /** In the order of their connects; those before `#first` have been reported. */
  #waiting: (LoggedSession | undefined)[] = []
  #first = 0
  #sweptAt = 0
  /** Lists that have listed a client. */
  readonly listsSeen = new Set<string>()

  constructor(sessions: Sessions) {
    this.#sessions = sessions
  }

  take(item: LogItem): void {
    if (item.is === 'listed') this.#listed(item)
    else if (item.is === 'relay') this.#relay(item)
    else this.#session(item)
    this.#report(item.time)
  }

  /** The log is over. */
  finish(): void {
    this.#report(Number.POSITIVE_INFINITY)
  }

  #session({ time, origin, session: id, record }: LogItem & { is: 'session' }): void {
    const key = `${origin} ${id}`
    let session = this.#open.get(key)
    if (record.event === 'CONNECT' && record.server !== undefined) {
      session = new LoggedSession(origin, processOf(id), time, record.client, record.server)
      this.#open.set(key, session)
      this.#byAddress.set(`${origin} ${record.client.address}`, session)
      this.#waiting.push(session)
    }
    if (session === undefined) return
    session.take(record, time)
    if (record.event === 'DISCONNECT') this.#close(key, session)
  }

  #relay({ time, origin, session: id, event }: LogItem & { is: 'relay' }): void {
    const key = `${origin} ${id}`
    const session = this.#open.get(key)
    if (session === undefined) return
    if (event === 'HANDED OFF') session.handedOffAt = Math.max(0, time - session.time)
    else {
      session.relayEndedAt = Math.max(0, time - session.time)
      this.#close(key, session)
      if (session.isReported) this.#sessions.onRelayEnd(session)
    }
  }

  #listed({ time, origin, client, domain, addresses, ttl }: LogItem & { is: 'listed' }): void {
    if (this.listsSeen.size < mostListsSeen) this.listsSeen.add(domain)
    const session = this.#byAddress.get(`${origin} ${client}`)
    if (session === undefined) return
    const answer: LoggedAnswer = { domain, addresses, ttl, ms: Math.max(1, time - session.time) }
    session.takeListing(answer)
  }

  #close(key: string, session: LoggedSession): void {
    this.#open.delete(key)
    const address = `${session.origin} ${session.client.address}`
    if (this.#byAddress.get(address) === session) this.#byAddress.delete(address)
  }

  /** @param now the time of the log */
  #report(now: number): void {
    for (;;) {
      const session = this.#waiting[this.#first]
      if (session === undefined) break
      const isCrowded = this.#waiting.length - this.#first > mostWaiting
      const { pass, time } = session
      const isPassed = pass !== undefined && session.tests === undefined && now - time - pass.at > afterPassMs
      if (!session.isTold && !isPassed && !isCrowded && now - time <= longestOpenMs) break
      this.#waiting[this.#first++] = undefined
      if (now === Number.POSITIVE_INFINITY && !session.isTold) session.isOpen = true
      session.isReported = true
      this.#sessions.onSession(session)
    }
    if (this.#first > 10_000) {
      this.#waiting = this.#waiting.slice(this.#first)
      this.#first = 0
    }
    if (now - this.#sweptAt > everySweepMs || this.#open.size > mostRelays) this.#forgetOld(now)
  }

  /** A log without ends of relays must not fill the memory. */
  #forgetOld(now: number): void {
    this.#sweptAt = now
    for (const [key, session] of this.#open) {
      const isOld = this.#open.size > mostRelays || (now - session.time > longestOpenMs && session.handedOffAt === undefined)
      if (!isOld || !session.isReported) break
      this.#close(key, session)
    }
  }
}

const mostListsSeen = 10_000

/** The ids of one process begin with the same text: see Reception. A client of a syslog line has none. */
function processOf(id: string): string {
  return id.includes(':') ? '' : id.slice(0, 8)
}
