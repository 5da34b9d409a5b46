// What a gateway says of its sessions in the last hour, on its page /live/hour. A pod is not trusted: a page of another
// form gives nothing.
import { fieldsOf } from '../../crds/is-object.ts'
import { oneLine } from '../gateways/one-line.ts'

export const minuteMs = 60_000
/** The minute that is not over, and sixty before it. */
export const minutesKept = 61
const mostOutcomes = 64

export interface HourReport {
  readonly version: string
  /** The order of the counts in a row. */
  readonly outcomes: readonly string[]
  /** When the last row began, in epoch milliseconds. */
  readonly lastMinute: number
  /** The oldest first. */
  readonly minutes: readonly (readonly number[])[]
}

const isCount = (value: unknown): value is number => typeof value === 'number' && Number.isFinite(value) && value >= 0

/** @param page the JSON of `/live/hour`, of any form. @param now epoch milliseconds */
export function readHour(page: unknown, now: number): HourReport | undefined {
  const { version, outcomes, hour } = fieldsOf(page)
  const { lastMinute, minutes } = fieldsOf(hour)
  if (!Array.isArray(outcomes) || outcomes.length > mostOutcomes || !outcomes.every((name) => typeof name === 'string')) return undefined
  if (!isCount(lastMinute) || Math.abs(now - lastMinute) > 3_600_000) return undefined
  if (!Array.isArray(minutes) || minutes.length !== minutesKept) return undefined
  const rows = minutes as readonly unknown[]
  if (!rows.every((row): row is number[] => Array.isArray(row) && row.length === outcomes.length && row.every(isCount))) return undefined
  return { version: typeof version === 'string' ? oneLine(version) : '', outcomes: outcomes.map(oneLine), lastMinute, minutes: rows }
}

/** Adds up the rows of several gateways by the names of the outcomes; they may be of different versions. */
export function addHours(reports: readonly HourReport[], now: number): { readonly outcomes: string[]; readonly minutes: number[][] } {
  const outcomes = [...new Set(reports.flatMap((report) => report.outcomes))]
  const minutes = Array.from({ length: minutesKept }, () => outcomes.map(() => 0))
  const present = minuteOf(now)
  for (const { outcomes: names, lastMinute, minutes: rows } of reports) {
    const behind = Math.round((present - lastMinute) / minuteMs)
    const places = names.map((name) => outcomes.indexOf(name))
    for (const [i, row] of rows.entries()) {
      const sums = minutes[i - behind]
      if (sums !== undefined) for (const [k, count] of row.entries()) sums[places[k] ?? 0] = (sums[places[k] ?? 0] ?? 0) + count
    }
  }
  return { outcomes, minutes }
}

/** The beginning of the minute. */
export const minuteOf = (now: number): number => Math.floor(now / minuteMs) * minuteMs
