// Prints sessions as they are decided, and what else is worth to know.
import type { Output } from '../output.ts'
import { formatted } from '../output.ts'
import { coloured, signOf, type Style, styleOf } from '../terminal/style.ts'
import { type Filter, isOpen, passes } from './filter.ts'
import type { LogLine } from './log-record.ts'
import { noticeLine, sessionData, sessionLine, sessionStory } from './log-text.ts'
import { groups } from './outcome.ts'
import { Sessions, type SessionStory } from './sessions.ts'

/** How many sessions of one second a terminal is shown. */
const mostASecond = 20
/** From this width on, lines have the gateway, the time taken, sender and recipient. */
const wideFrom = 140

export interface PrinterOptions {
  readonly output: Output
  readonly filter: Filter
  readonly isVerbose: boolean
  readonly isComplete: boolean
  readonly write?: (text: string) => void
  readonly style?: Style
  /** Whether sessions are left out when there are too many. */
  readonly isTerminal?: boolean
  /** Epoch milliseconds. */
  readonly now?: () => number
}

export class Printer {
  readonly #options: PrinterOptions
  readonly #style: Style
  readonly #write: (text: string) => void
  readonly #isTerminal: boolean
  readonly #now: () => number
  readonly #sessions = new Sessions((story) => this.#session(story))
  readonly #settling: NodeJS.Timeout
  #second = 0
  #shownInSecond = 0
  #leftOut = 0
  #counts = { sessions: 0, refused: 0, handedOff: 0 }

  constructor(options: PrinterOptions) {
    this.#options = options
    this.#style = options.style ?? styleOf(process.stdout)
    this.#write = options.write ?? ((text) => process.stdout.write(text))
    this.#isTerminal = options.isTerminal ?? process.stdout.isTTY
    this.#now = options.now ?? Date.now
    this.#settling = setInterval(() => this.tick(), 1000).unref()
  }

  take(gateway: string, line: LogLine): void {
    this.#sessions.take(gateway, line)
    if (line.session === undefined && isNotable(line)) this.#notice(gateway, line)
  }

  /** Called every second. */
  tick(): void {
    this.#sessions.settle(this.#now())
    this.#newSecond(Math.floor(this.#now() / 1000))
  }

  note(text: string): void {
    if (this.#isData) return
    this.#write(`${coloured(signOf('warn', this.#style), 'warn', this.#style)} ${text}.\n`)
  }

  /** @param isFollowing then there is no sum */
  finish(isFollowing: boolean): void {
    clearInterval(this.#settling)
    this.#sessions.finish()
    this.#newSecond(Number.POSITIVE_INFINITY)
    if (this.#isData || isFollowing) return
    const { sessions, refused, handedOff } = this.#counts
    this.#write(`${sessions} ${sessions === 1 ? 'session' : 'sessions'}: ${handedOff} handed off, ${refused} refused.\n`)
  }

  get #isData(): boolean {
    return this.#options.output === 'json' || this.#options.output === 'yaml'
  }

  #notice(gateway: string, line: LogLine): void {
    const { filter } = this.#options
    const isWanted =
      isOpen(filter) || (filter.networks.length === 0 && filter.outcomes === undefined && line.msg.toLowerCase().includes(filter.text))
    if (!this.#isData && isWanted) this.#write(`${noticeLine(gateway, line, this.#style)}\n`)
  }

  #session(story: SessionStory): void {
    const { filter, output, isVerbose } = this.#options
    if (!passes(filter, story)) return
    this.#counts.sessions++
    if (groups['refused']?.includes(story.outcome) === true && !story.isAudit) this.#counts.refused++
    if (groups['handedOff']?.includes(story.outcome) === true || story.isAudit) this.#counts.handedOff++
    if (output === 'json') this.#write(`${JSON.stringify(sessionData(story))}\n`)
    else if (output === 'yaml') this.#write(`---\n${formatted(sessionData(story), 'yaml')}`)
    else if (isVerbose)
      this.#write(
        sessionStory(story, this.#style)
          .map((line) => `${line}\n`)
          .join(''),
      )
    else this.#line(story)
  }

  #line(story: SessionStory): void {
    this.#newSecond(Math.floor(story.decidedAt / 1000))
    this.#shownInSecond++
    if (this.#isTerminal && !this.#options.isComplete && this.#shownInSecond > mostASecond) {
      this.#leftOut++
      return
    }
    const isWide = this.#options.output === 'wide' || (this.#style.width ?? 0) >= wideFrom
    this.#write(`${sessionLine(story, isWide, this.#style)}\n`)
  }

  /** Says how many sessions of the second before are not shown. */
  #newSecond(second: number): void {
    if (second <= this.#second) return
    this.#second = second
    this.#shownInSecond = 0
    if (this.#leftOut > 0) this.#write(`          (${this.#leftOut} more in this second; all with --all)\n`)
    this.#leftOut = 0
  }
}

/** Warnings, and policies that come into force; not what belongs to a client. */
const isNotable = ({ isWarning, event, msg, client }: LogLine): boolean =>
  client === '' && event !== 'DNSBL ANSWER' && (isWarning || /^policy .* is in force$/.test(msg))
