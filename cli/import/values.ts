// Converts texts of Postfix parameters to values: times, numbers, yes and no, actions. Each function returns the value,
// or what is wrong and what is allowed.
import { type TimeUnit, unitSeconds } from '../../crds/values/duration.ts'

export type Parsed<T> = { readonly value: T } | { readonly why: string }

const largestInt = 2 ** 31 - 1

/**
 * The digits that strtol reads at the start of a text, and the rest of the text. Without digits, the number is 0 and
 * the rest is the whole text.
 */
function leadingNumber(text: string): { readonly number: bigint; readonly rest: string } {
  const digits = /^[ \t\n\v\f\r]*([+-]?)([0-9]+)/.exec(text)
  if (digits === null) return { number: 0n, rest: text }
  const number = BigInt(digits[2] ?? '0')
  return { number: digits[1] === '-' ? -number : number, rest: text.slice(digits[0].length) }
}

const isUnit = (letter: string): letter is TimeUnit => Object.hasOwn(unitSeconds, letter)

export interface Time {
  /** Whole seconds. */
  readonly seconds: number
  /** The text after the number and its unit; Postfix ignores it. */
  readonly ignored: string
}

/**
 * A time as conv_time(3) reads it: a number and one letter. The rest is ignored, so `1h30m` is 1h and `5mh` is 5
 * minutes. Without a letter, the number has the unit of the parameter's default.
 */
export function parseTime(text: string, bareUnit: TimeUnit): Parsed<Time> {
  const { number, rest } = leadingNumber(text)
  const unit = rest === '' ? bareUnit : rest.charAt(0)
  const why = `bad time value or unit: ${text}; expected a whole number and one of s, m, h, d, w, such as 30s or 1h`
  if (text === '' || number < 0n || number > BigInt(largestInt) || !isUnit(unit)) return { why }
  const largest = unit === 's' ? largestInt + 1 : Math.floor(largestInt / unitSeconds[unit])
  if (Number(number) >= largest) return { why: `bad time value or unit: ${text}; the value is too large` }
  return { value: { seconds: Number(number) * unitSeconds[unit], ignored: rest.slice(1) } }
}

/** A whole number as the mail_conf_int(3) functions read it: 32 bits, with no text after the digits. */
export function parseInteger(text: string): Parsed<number> {
  const { number, rest } = leadingNumber(text)
  const fits = number <= BigInt(largestInt) && number >= -BigInt(largestInt) - 1n
  return text !== '' && rest === '' && fits
    ? { value: Number(number) }
    : { why: `bad numerical configuration: ${text}; expected a whole number` }
}

/**
 * A whole number of the mail_conf_long(3) functions: 64 bits. Numbers that a double cannot represent exactly are
 * refused.
 */
export function parseLong(text: string): Parsed<number> {
  const { number, rest } = leadingNumber(text)
  const fits = number <= BigInt(Number.MAX_SAFE_INTEGER) && number >= -BigInt(Number.MAX_SAFE_INTEGER)
  return text !== '' && rest === '' && fits
    ? { value: Number(number) }
    : { why: `bad numerical configuration: ${text}; expected a whole number` }
}

export function parseBoolean(text: string): Parsed<boolean> {
  const word = text.toLowerCase()
  return word === 'yes' || word === 'no' ? { value: word === 'yes' } : { why: `bad boolean configuration: ${text}; expected yes or no` }
}

const actions: Readonly<Record<string, 'Ignore' | 'Enforce' | 'Drop'>> = {
  ignore: 'Ignore',
  continue: 'Ignore',
  enforce: 'Enforce',
  drop: 'Drop',
}

/** In upper or lower case; `continue` is an old word for ignore (postscreen.c, post_jail_init). */
export function parseAction(text: string): Parsed<'Ignore' | 'Enforce' | 'Drop'> {
  const word = text.toLowerCase()
  const value = Object.hasOwn(actions, word) ? actions[word] : undefined
  return value === undefined ? { why: `bad value: ${text}; expected ignore, enforce or drop` } : { value }
}
