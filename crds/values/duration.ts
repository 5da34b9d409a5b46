// Times as people write them in a policy: one whole number and one unit, such as 6s, 5m, 12h, 30d or 2w.

/** Seconds in each unit; Postfix has the same five (conv_time). */
export const unitSeconds = { s: 1, m: 60, h: 3600, d: 86_400, w: 604_800 } as const
export type TimeUnit = keyof typeof unitSeconds
export const timeUnits = ['s', 'm', 'h', 'd', 'w'] as const satisfies readonly TimeUnit[]

/** The longest number before the unit. Seven digits of weeks are still exact as milliseconds in a double. */
const digits = 7
export const durationMaxLength = digits + 1

/** RE2 and JavaScript alike; the first for times that may be 0s, the second for times from 1s. */
export const durationPattern = `^(0|[1-9][0-9]{0,${digits - 1}})[smhdw]$`
export const positiveDurationPattern = `^[1-9][0-9]{0,${digits - 1}}[smhdw]$`

const written = new RegExp(durationPattern)

/** Seconds of a written time, or undefined when the text is no time. Unlike Postfix, nothing may follow the unit: there `1h30m` silently means 1h. */
export function parseDuration(text: string): number | undefined {
  if (!written.test(text)) return undefined
  const unit = timeUnits.find((one) => text.endsWith(one))
  return unit === undefined ? undefined : Number(text.slice(0, -1)) * unitSeconds[unit]
}

/** A CEL expression for the seconds of a written time. Anything else is an error: ask celIsTime first. */
export const celSeconds = (time: string): string =>
  `int(${time}.substring(0, ${time}.size() - 1)) * {'s': 1, 'm': 60, 'h': 3600, 'd': 86400, 'w': 604800}[${time}.substring(${time}.size() - 1)]`

/** A CEL expression for whether a text is a written time. */
export const celIsTime = (text: string, pattern = durationPattern): string => `${text}.matches('${pattern}')`

/**
 * The shortest way to write a whole number of seconds: 86400 is `1d`. Weeks are used only where days are not shorter, so that 7d stays 7d.
 * Throws a RangeError for a number that cannot be written (negative, a fraction, too large): that is a mistake in the program.
 */
export function formatDuration(seconds: number): string {
  if (!Number.isSafeInteger(seconds) || seconds < 0) throw new RangeError(`no duration: ${seconds}`)
  if (seconds === 0) return '0s'
  for (const unit of ['d', 'h', 'm', 's', 'w'] as const) {
    const text = `${seconds / unitSeconds[unit]}${unit}`
    if (written.test(text)) return text
  }
  throw new RangeError(`no duration: ${seconds}`)
}
