// One call of `step`: the session, the moment, and the effects so far.
import { appendFooter, type FooterMacros } from './reply-footer.ts'
import { note } from './outcome.ts'
import { isRefusal, oneLine, type Reply, soften, wire } from './replies.ts'
import type { Session } from './session.ts'
import type { Effect, LogRecord, TimerName } from './vocabulary.ts'
import type { ReplyFooter } from '../../crds/values/reply-footer.ts'

type DistributiveOmit<T, K extends PropertyKey> = T extends unknown ? Omit<T, K> : never

/** What the parts of the machine work on during one event. */
export class Turn {
  readonly session: Session
  /** Epoch milliseconds. */
  readonly now: number
  readonly out: Effect[] = []

  constructor(session: Session, now: number) {
    this.session = session
    this.now = now
  }

  /** The epoch second, as stamps count. */
  get second(): number {
    return Math.floor(this.now / 1000)
  }

  /** Adds one log record of this session. */
  log(record: DistributiveOmit<LogRecord, 'client'>): void {
    note(this.session, record)
    this.out.push({ do: 'log', record: { client: this.session.client, ...record } as LogRecord })
  }

  /** Starts or restarts a timer. */
  arm(timer: TimerName, ms: number): void {
    this.out.push({ do: 'arm', timer, ms })
  }

  /** The reply under the policy's soft_bounce. */
  softened(reply: Reply): Reply {
    return this.session.rules.smtp.softBounce ? soften(reply) : reply
  }

  /** Sends a reply: softened, and with its footer if it refuses something (psc_send_reply). */
  send(reply: Reply): void {
    const softened = this.softened(reply)
    const footer = isRefusal(reply) ? this.#footerOf(reply) : undefined
    const isPlain = footer === undefined || footer.lines.length === 0
    this.out.push({ do: 'send', text: wire(isPlain ? softened : appendFooter(softened, footer, this.#macros())) })
  }

  /** The policy names the replies that have a footer of their own by their text before soft_bounce. */
  #footerOf(reply: Reply): ReplyFooter {
    const { footer, footerFor } = this.session.rules.smtp
    return footerFor.size === 0 ? footer : (footerFor.get(oneLine(reply)) ?? footer)
  }

  #macros(): FooterMacros {
    const { client, rules } = this.session
    return {
      client_address: client.address,
      client_port: String(client.port),
      localtime: rules.localTime(this.now),
      server_name: rules.hostname,
    }
  }
}
