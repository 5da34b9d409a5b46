// How fast DNS lists and mail servers have answered in the last five minutes, each by its name, and how often a list
// had an entry.
import { addCounts, bucketOf, quantile, scaleSize } from './log-scale.ts'

/** What one process has counted; added up over the workers before it is shown. */
export interface AnswerCounts {
  readonly name: string
  /** In the last whole minute. */
  readonly lastMinute: number
  /** In the window: all answers, those with an entry of the policy, and questions without an answer. */
  readonly answers: number
  readonly listed: number
  readonly failed: number
  /** On the scale of log-scale.ts, without the zeros at its end. */
  readonly durations: readonly number[]
}

/** What is shown. Durations in milliseconds; undefined without answers. */
export interface AnswerFigures extends Omit<AnswerCounts, 'durations'> {
  readonly medianMs: number | undefined
  readonly slowMs: number | undefined
}

const minuteMs = 60_000
/** The minute that is not over, and five before it. */
const slots = 6
/** Names of earlier policies are kept until there are more than this. */
const mostNames = 200

interface Slot {
  minute: number
  answers: number
  listed: number
  failed: number
  readonly durations: Uint32Array
}

export class AnswerWindows {
  readonly #windows = new Map<string, Slot[]>()

  /** @param now epoch milliseconds, as everywhere here */
  answered(name: string, is: 'answers' | 'listed' | 'failed', now: number): void {
    const slot = this.#slot(name, now)
    if (is === 'failed') slot.failed++
    else {
      slot.answers++
      if (is === 'listed') slot.listed++
    }
  }

  took(name: string, ms: number, now: number): void {
    const { durations } = this.#slot(name, now)
    const bucket = bucketOf(ms)
    durations[bucket] = (durations[bucket] ?? 0) + 1
  }

  read(now: number): readonly AnswerCounts[] {
    const minute = Math.floor(now / minuteMs)
    return [...this.#windows].map(([name, all]) => {
      const recent = all.filter((slot) => slot.minute > minute - slots && slot.minute <= minute)
      const sum = (of: (slot: Slot) => number): number => recent.reduce((total, slot) => total + of(slot), 0)
      const durations: number[] = []
      for (const slot of recent) addCounts(durations, slot.durations)
      return {
        name,
        lastMinute: recent.find((slot) => slot.minute === minute - 1)?.answers ?? 0,
        answers: sum(({ answers }) => answers),
        listed: sum(({ listed }) => listed),
        failed: sum(({ failed }) => failed),
        durations: durations.slice(0, durations.findLastIndex((count) => count > 0) + 1),
      }
    })
  }

  #slot(name: string, now: number): Slot {
    const minute = Math.floor(now / minuteMs)
    let all = this.#windows.get(name)
    if (all === undefined) {
      all = Array.from({ length: slots }, () => ({ minute: -1, answers: 0, listed: 0, failed: 0, durations: new Uint32Array(scaleSize) }))
      const [eldest] = this.#windows.keys()
      if (this.#windows.size >= mostNames && eldest !== undefined) this.#windows.delete(eldest)
      this.#windows.set(name, all)
    }
    // There are as many as slots.
    const slot = all[minute % slots] as Slot
    if (slot.minute !== minute) {
      slot.minute = minute
      slot.answers = slot.listed = slot.failed = 0
      slot.durations.fill(0)
    }
    return slot
  }
}

/** The counts of several processes as the figures of one gateway. */
export function addAnswers(parts: readonly (readonly AnswerCounts[])[]): readonly AnswerFigures[] {
  const byName = Map.groupBy(parts.flat(), ({ name }) => name)
  return [...byName].map(([name, counts]) => {
    const sum = (of: (one: AnswerCounts) => number): number => counts.reduce((total, one) => total + of(one), 0)
    const durations: number[] = []
    for (const one of counts) addCounts(durations, one.durations)
    return {
      name,
      lastMinute: sum(({ lastMinute }) => lastMinute),
      answers: sum(({ answers }) => answers),
      listed: sum(({ listed }) => listed),
      failed: sum(({ failed }) => failed),
      medianMs: quantile(durations, 0.5),
      slowMs: quantile(durations, 0.95),
    }
  })
}
