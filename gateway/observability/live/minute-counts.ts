// How many sessions had which outcome in each minute of the last hour, and since midnight (UTC): a ring of numbers, so
// that a session costs two additions.
import { type Outcome, outcomes } from '../../core/outcome-names.ts'

/** The minute that is not over, and sixty before it. */
export const minutesKept = 61
export const minuteMs = 60_000
const dayMs = 86_400_000

const width = outcomes.length
const placeOf = Object.fromEntries(outcomes.map((outcome, i) => [outcome, i])) as Readonly<Record<Outcome, number>>

/** Counts in the order of `outcomes`. Times are epoch milliseconds. */
export interface HourAndDay {
  /** When the last row began; the row before it began a minute earlier. */
  readonly lastMinute: number
  /** The oldest first. */
  readonly minutes: readonly (readonly number[])[]
  readonly today: readonly number[]
  /** Midnight, or the start of the process if that was later. */
  readonly since: number
}

export class MinuteCounts {
  readonly #ring = new Uint32Array(minutesKept * width)
  readonly #today = new Float64Array(width)
  #minute: number
  #day: number
  #since: number

  /** @param now epoch milliseconds, as everywhere here */
  constructor(now: number) {
    this.#minute = Math.floor(now / minuteMs)
    this.#day = Math.floor(now / dayMs)
    this.#since = now
  }

  count(outcome: Outcome, now: number): void {
    this.#goTo(now)
    const place = placeOf[outcome]
    const at = (this.#minute % minutesKept) * width + place
    this.#ring[at] = (this.#ring[at] ?? 0) + 1
    this.#today[place] = (this.#today[place] ?? 0) + 1
  }

  read(now: number): HourAndDay {
    this.#goTo(now)
    const minutes = Array.from({ length: minutesKept }, (_, i) => {
      const at = ((this.#minute + 1 + i) % minutesKept) * width
      return [...this.#ring.subarray(at, at + width)]
    })
    return { lastMinute: this.#minute * minuteMs, minutes, today: [...this.#today], since: this.#since }
  }

  /** Clears the minutes that have begun since. A clock that was set back counts in the same minute. */
  #goTo(now: number): void {
    const minute = Math.floor(now / minuteMs)
    if (minute <= this.#minute) return
    const skipped = Math.min(minute - this.#minute, minutesKept)
    for (let i = 1; i <= skipped; i++) {
      const at = ((minute - skipped + i) % minutesKept) * width
      this.#ring.fill(0, at, at + width)
    }
    this.#minute = minute
    const day = Math.floor(now / dayMs)
    if (day === this.#day) return
    this.#day = day
    this.#since = day * dayMs
    this.#today.fill(0)
  }
}

/** The counts of several processes as those of one gateway. */
export function addHours(parts: readonly HourAndDay[]): HourAndDay | undefined {
  const [first] = parts
  if (first === undefined) return undefined
  const lastMinute = Math.max(...parts.map((part) => part.lastMinute))
  const minutes = Array.from({ length: minutesKept }, (_, i) => {
    const row = outcomes.map(() => 0)
    for (const part of parts) {
      // A process that was asked at the end of a minute has its rows one place later.
      const counts = part.minutes[i + (lastMinute - part.lastMinute) / minuteMs]
      counts?.forEach((count, place) => (row[place] = (row[place] ?? 0) + count))
    }
    return row
  })
  const today = outcomes.map((_, place) => parts.reduce((sum, part) => sum + (part.today[place] ?? 0), 0))
  return { lastMinute, minutes, today, since: Math.max(...parts.map(({ since }) => since)) }
}
