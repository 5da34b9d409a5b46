// One session as a log tells it.
import type { Endpoint } from '../../crds/values/endpoint.ts'
import { bit, deepTests } from '../../gateway/core/tests.ts'
import type { LoggedAnswer, TestName } from '../../gateway/core/vocabulary.ts'
import type { SessionEvent } from './log-item.ts'
import { OutcomeOfEvents, type Verdict } from './outcome.ts'

/** What the client did behind the greeting, as far as the log has it. */
export type Move = {
  /** Milliseconds after the connect. */
  readonly at: number
} & (
  | { readonly is: 'recipient' | 'bareNewline' | 'pipelining' }
  | { readonly is: 'nonSMTPCommand'; readonly command: string; readonly args: string }
)

/** A client that is refused can send very many recipients. */
const mostMoves = 50

export class LoggedSession {
  readonly origin: string
  readonly client: Endpoint
  readonly server: Endpoint
  /** Epoch milliseconds of its connect. */
  readonly time: number
  /** The process of a gateway, which has counters of its own; empty for a line of syslog. */
  readonly process: string
  readonly outcome = new OutcomeOfEvents()
  permitted = false
  denied = false
  refusedAtConnect = false
  /** The record of its tests, which only our JSON log has; `at` is milliseconds after the connect, as are others. */
  tests: { readonly at: number; readonly tests: readonly TestName[]; readonly next: string } | undefined
  remembered: string | undefined
  answers: readonly LoggedAnswer[] | undefined
  /** Listings from lines of their own; only they are known of a log without the record of tests. */
  listed: LoggedAnswer[] | undefined
  pass: { readonly at: number; readonly tests: readonly TestName[] | undefined } | undefined
  talkedAt: number | undefined
  /** The end of the tests before the greeting, where a line says so. */
  settledAt: number | undefined
  leftAt: number | undefined
  moves: Move[] = []
  /** A limit of commands ended it, or a test behind the greeting with action Drop. */
  cutShort = false
  audited = false
  /** It passed its tests, and no mail server took it. */
  backendFailed = false
  hungUpAfterGreeting = false
  disconnectedAt: number | undefined
  handedOffAt: number | undefined
  relayEndedAt: number | undefined
  /** It has been played again. */
  isReported = false
  /** Its end was not in the log then. */
  isOpen = false

  constructor(origin: string, process: string, time: number, client: Endpoint, server: Endpoint) {
    this.origin = origin
    this.process = process
    this.time = time
    this.client = client
    this.server = server
  }

  /** Takes one event. @param time epoch milliseconds */
  take(record: SessionEvent, time: number): void {
    const at = Math.max(0, time - this.time)
    this.outcome.take(record)
    switch (record.event) {
      case 'ALLOWLISTED':
        this.permitted = true
        break
      case 'DENYLISTED':
        this.denied = true
        break
      case 'CONNECTION REFUSED':
        this.refusedAtConnect = true
        break
      case 'TESTS':
        this.tests = { at, tests: record.tests ?? [], next: record.next ?? 'end' }
        this.remembered = record.remembered
        this.answers = record.answers
        break
      case 'PASS NEW':
      case 'PASS OLD':
        this.pass = { at, tests: record.tests }
        this.remembered ??= record.remembered
        break
      case 'PREGREET':
        this.talkedAt ??= this.#stageTime(at, record)
        break
      case 'DNSBL':
        this.settledAt = at
        break
      case 'HANGUP':
        if (record.stage?.includes('before') === true) this.leftAt = this.#stageTime(at, record)
        else this.hungUpAfterGreeting = true
        break
      case 'SAME SESSION FAILED':
        this.backendFailed = true
        break
      case 'AUDIT':
        this.audited = true
        break
      case 'DISCONNECT':
        this.disconnectedAt = at
        break
      default:
        this.#takeMove(record, at)
    }
  }

  /** The time of the log where it has milliseconds; that of syslog has seconds, and the text of the line is better. */
  #stageTime(at: number, { afterMs }: SessionEvent): number {
    return afterMs !== undefined && Math.abs(afterMs - at) > mostRounding(afterMs) ? afterMs : at
  }

  #takeMove({ event, action, command = '', args = '' }: SessionEvent, at: number): void {
    if (event.startsWith('COMMAND ') && event.endsWith(' LIMIT')) this.cutShort = true
    if (this.moves.length >= mostMoves) return
    if (event === 'RCPT REJECTED') this.moves.push({ at, is: 'recipient' })
    else if (action === 'Drop') this.cutShort = true
    if (event === 'BARE NEWLINE') this.moves.push({ at, is: 'bareNewline' })
    else if (event === 'COMMAND PIPELINING') this.moves.push({ at, is: 'pipelining' })
    else if (event === 'NON-SMTP COMMAND') this.moves.push({ at, is: 'nonSMTPCommand', command, args })
  }

  /** A list that answers after the tests before the greeting has no effect. */
  takeListing(answer: LoggedAnswer): void {
    if (this.pass !== undefined || this.settledAt !== undefined) return
    this.listed ??= []
    if (this.listed.length < mostListings) this.listed.push(answer)
  }

  /** From our JSON log, which says of every session how it ended. */
  get isOurs(): boolean {
    return this.process !== ''
  }

  /** Whether the log will not say more that a simulation needs; the end of a relay may still come. */
  get isTold(): boolean {
    if (this.disconnectedAt !== undefined || this.relayEndedAt !== undefined) return true
    // In Audit mode the deep tests look on behind the hand-off.
    return this.handedOffAt !== undefined && this.tests?.tests.some((name) => (bit[name] & deepTests) !== 0) !== true
  }

  /** What became of it. Undefined when the log does not say. */
  verdict(): Verdict | undefined {
    const { disconnectedAt, handedOffAt, pass, permitted, tests } = this
    // Without a backend the session may go on, but that is not the verdict of the tests.
    this.outcome.handedOff = this.backendFailed || tests?.next === 'handoff' || disconnectedAt === undefined
    const ended = disconnectedAt !== undefined || handedOffAt !== undefined
    if (ended || pass !== undefined || permitted || tests?.next === 'handoff') return this.outcome.verdict()
    // A failure that is ignored has no further line in syslog, nor has a client that a parallel session has admitted.
    return this.isOpen || this.isOurs ? undefined : this.outcome.verdict()
  }
}

const mostListings = 1000

/** Two significant digits, or whole seconds from ten on; and sockets are read a moment later. */
const mostRounding = (ms: number): number => (ms < 1000 ? 60 : ms < 10_000 ? 110 : 600)
