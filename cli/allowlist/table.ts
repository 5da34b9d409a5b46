// Prints the temporary allowlist as a table: client, test, end of validity in local time, and the remaining time.
import { decodeRecord } from '../../gateway/core/allowlist-record.ts'
import { testNames } from '../../gateway/core/vocabulary.ts'
import type { AllowlistEntry } from '../../gateway/allowlist/allowlist-store.ts'

const clientWidth = 24
const testWidth = 16
const timeWidth = 21

const row = (client: string, test: string, until: string, left: string): string =>
  `${client.padEnd(clientWidth)} ${test.padEnd(testWidth)} ${until.padEnd(timeWidth)} ${left}`.trimEnd()

export const tableHead = row('CLIENT', 'TEST', 'VALID UNTIL', 'LEFT')

/**
 * One line for each test that the client has passed, or one line that says that no test was passed. `now` in epoch
 * seconds.
 */
export function tableRows([client, record]: AllowlistEntry, now: number): readonly string[] {
  const stamps = decodeRecord(record)
  const passed = testNames.flatMap((test, i) => {
    const stamp = stamps[i] ?? 0
    return stamp > 1 ? [row(client, test, localTime(stamp), timeLeft(stamp - now))] : []
  })
  return passed.length > 0 ? passed : [row(client, 'no test passed', '', '')]
}

/** `2026-11-27 21:00:00`, or the number of seconds for a time outside the calendar. */
export function localTime(epochSecond: number): string {
  const date = new Date(epochSecond * 1000)
  return Number.isNaN(date.getTime()) ? `@${epochSecond}` : date.toLocaleString('sv-SE')
}

const units = [
  ['d', 86_400],
  ['h', 3600],
  ['m', 60],
  ['s', 1],
] as const

/** The two largest units, such as `23h 59m`. A timestamp is valid to the end of its last second. */
export function timeLeft(seconds: number): string {
  if (seconds < 0) return 'expired'
  const first = units.findIndex(([, size]) => seconds >= size)
  if (first < 0) return '0s'
  let rest = seconds
  const parts = units.slice(first, first + 2).map(([unit, size]) => {
    const whole = Math.floor(rest / size)
    rest -= whole * size
    return whole > 0 ? `${whole}${unit}` : ''
  })
  return parts.filter((part) => part !== '').join(' ')
}
