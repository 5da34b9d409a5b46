// Times in a policy: one whole number and one unit, such as 6s, 5m, 12h, 30d or 2w. Their value has a type of its own,
// so that it is never taken for milliseconds, which are numbers with names that end in Ms.

declare const inSeconds: unique symbol

/** A whole number of seconds. Becomes milliseconds only by `milliseconds`. */
export type Seconds = number & { readonly [inSeconds]: true }

/** A time that the program itself contains. */
export const seconds = (count: number): Seconds => count as Seconds

export const milliseconds = (time: Seconds): number => time * 1000

export const shorter = (a: Seconds, b: Seconds): Seconds => (a < b ? a : b)

/** Seconds in each unit; Postfix has the same five (conv_time). */
export const unitSeconds = { s: 1, m: 60, h: 3600, d: 86_400, w: 604_800 } as const
export type TimeUnit = keyof typeof unitSeconds
export const timeUnits = ['s', 'm', 'h', 'd', 'w'] as const satisfies readonly TimeUnit[]

/** The most digits before the unit. Seven digits of weeks are still exact as milliseconds in a double. */
const digits = 7
export const durationMaxLength = digits + 1

/** Patterns for RE2 and JavaScript: the first for times that may be 0s, the second for times from 1s. */
export const durationPattern = `^(0|[1-9][0-9]{0,${digits - 1}})[smhdw]$`
export const positiveDurationPattern = `^[1-9][0-9]{0,${digits - 1}}[smhdw]$`

const written = new RegExp(durationPattern)

/**
 * The seconds of a written time; undefined if the text is not a time. Unlike in Postfix, nothing may follow the unit:
 * there, `1h30m` silently means 1h.
 */
export function parseDuration(text: string): Seconds | undefined {
  if (!written.test(text)) return undefined
  const unit = timeUnits.find((one) => text.endsWith(one))
  return unit === undefined ? undefined : seconds(Number(text.slice(0, -1)) * unitSeconds[unit])
}

/** A CEL expression for the seconds of a written time. It fails for any other text, so test celIsTime first. */
export const celSeconds = (time: string): string =>
  `int(${time}.substring(0, ${time}.size() - 1)) * {'s': 1, 'm': 60, 'h': 3600, 'd': 86400, 'w': 604800}[${time}.substring(${time}.size() - 1)]`

/** A CEL expression for whether a text is a written time. */
export const celIsTime = (text: string, pattern = durationPattern): string => `${text}.matches('${pattern}')`

/**
 * The shortest text for a whole number of seconds: 86400 is `1d`. Weeks are used only if days would be longer, so 7d
 * stays 7d.
 * Throws a RangeError for a number that cannot be written (negative, a fraction, too large). That is a bug in the
 * program.
 */
export function formatDuration(time: number): string {
  if (!Number.isSafeInteger(time) || time < 0) throw new RangeError(`not a duration: ${time}`)
  if (time === 0) return '0s'
  for (const unit of ['d', 'h', 'm', 's', 'w'] as const) {
    const text = `${time / unitSeconds[unit]}${unit}`
    if (written.test(text)) return text
  }
  throw new RangeError(`not a duration: ${time}`)
}
