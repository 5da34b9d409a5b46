// What the live page shows beside the status and the metrics: the last hour and the day, by outcome. It is counted from
// the same calls as the metrics, whether the page is open or not.
import type { Outcome } from '../../core/outcome-names.ts'
import type { LogRecord } from '../../core/vocabulary.ts'
import { type AnswerCounts, AnswerWindows } from './answer-windows.ts'
import { type HourAndDay, MinuteCounts } from './minute-counts.ts'
import { type RefusedNetwork, RefusedNetworks } from './refused-networks.ts'

/** Something that changes what the numbers mean. `at`: epoch milliseconds. */
export interface Mark {
  readonly at: number
  readonly is: 'policy' | 'stress' | 'not ready'
  readonly text: string
}

/** What one process has counted, as plain data. */
export interface CountedNumbers {
  readonly hour: HourAndDay
  readonly lists: readonly AnswerCounts[]
  readonly mailServers: readonly AnswerCounts[]
  readonly networks: readonly RefusedNetwork[]
  readonly marks: readonly Mark[]
  /** Epoch milliseconds. */
  readonly stressSince: number | null
}

/** Outcomes of clients that were refused. */
const refusals: ReadonlySet<Outcome> = new Set<Outcome>(['pregreet', 'dnsbl', 'deepTests', 'accessList', 'banned', 'limits'])
const mostMarks = 20
const hourMs = 3_600_000

export class LiveNumbers {
  readonly #now: () => number
  readonly #hour: MinuteCounts
  readonly #lists = new AnswerWindows()
  readonly #mailServers = new AnswerWindows()
  readonly #networks = new RefusedNetworks()
  #marks: readonly Mark[] = []
  #stressSince: number | undefined

  /** @param now epoch milliseconds */
  constructor(now: () => number = Date.now) {
    this.#now = now
    this.#hour = new MinuteCounts(now())
  }

  decided(outcome: Outcome, address: string): void {
    const now = this.#now()
    this.#hour.count(outcome, now)
    if (refusals.has(outcome)) this.#networks.count(address, outcome, now)
  }

  event(record: LogRecord): void {
    if (record.event !== 'STRESS') return
    this.#stressSince = record.change === 'entering' ? this.#now() : undefined
    if (record.change === 'entering') this.mark('stress', 'stress')
  }

  /** @param list its public name */
  listAnswered(list: string, is: 'answers' | 'listed' | 'failed'): void {
    this.#lists.answered(list, is, this.#now())
  }

  listTook(list: string, seconds: number): void {
    this.#lists.took(list, seconds * 1000, this.#now())
  }

  /** @param server ADDR:PORT */
  mailServerGreeted(server: string, seconds: number): void {
    const now = this.#now()
    this.#mailServers.answered(server, 'answers', now)
    this.#mailServers.took(server, seconds * 1000, now)
  }

  mark(is: Mark['is'], text: string): void {
    this.#marks = [...this.#marks, { at: this.#now(), is, text }].slice(-mostMarks)
  }

  read(): CountedNumbers {
    const now = this.#now()
    return {
      hour: this.#hour.read(now),
      lists: this.#lists.read(now),
      mailServers: this.#mailServers.read(now),
      networks: this.#networks.worst(now),
      marks: this.#marks.filter(({ at }) => at > now - hourMs),
      stressSince: this.#stressSince ?? null,
    }
  }
}
