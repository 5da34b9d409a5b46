// Allowlist records with times relative to a scenario's start: `+1d;-90s;0;1;1` for `1700086400;1699999910;0;1;1`.

const units = [
  ['d', 86_400],
  ['h', 3600],
  ['m', 60],
  ['s', 1],
] as const

/** Stamps that are off by up to this many seconds are the same: presets are older than the scenario's start, and tests end later. */
const slack = 45

/** The record as stored, for a scenario that starts at `start` (epoch seconds). */
export function absoluteRecord(relative: string, start: number): string {
  return relative
    .split(';')
    .map((stamp) => String(stampAt(stamp, start) ?? stamp))
    .join(';')
}

/** The record as written in a scenario: times of this age to the minute, counted from `start`, everything else as it is. */
export function relativeRecord(absolute: string, start: number): string {
  return absolute
    .split(';')
    .map((stamp) => (Number(stamp) > 1e9 && Number(stamp) < 1e10 ? written(Number(stamp) - start) : stamp))
    .join(';')
}

/** Whether a stored record is what the scenario wants. */
export function sameRecord(want: string, absolute: string, start: number): boolean {
  const wanted = want.split(';')
  const stored = absolute.split(';')
  return wanted.length === stored.length && wanted.every((stamp, index) => near(stamp, stored[index] ?? '', start))
}

function near(want: string, stored: string, start: number): boolean {
  const wanted = stampAt(want, start)
  return wanted === undefined ? stored === want : Math.abs(Number(stored) - wanted) <= slack
}

/** A time relative to the start, or undefined for a stamp that is meant as it is. */
function stampAt(stamp: string, start: number): number | undefined {
  const match = /^([+-])(\d+)([dhms])$/.exec(stamp)
  if (match === null) return undefined
  const unit = units.find(([letter]) => letter === match[3])?.[1] ?? 1
  return start + (match[1] === '-' ? -1 : 1) * Number(match[2]) * unit
}

function written(seconds: number): string {
  const minutes = Math.round(seconds / 60) * 60
  const [letter, unit] = units.find(([, size]) => minutes % size === 0) ?? ['s', 1]
  return `${minutes < 0 ? '-' : '+'}${Math.abs(minutes) / unit}${letter}`
}
