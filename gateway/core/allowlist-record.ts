// The record of the temporary allowlist, text to stamps and back: `a;b;c;d;e`. Postfix writes the same, so caches can
// be moved both ways.

/**
 * One number for each test, in the order of testNames: the epoch second until which its pass is valid (inclusive),
 * 0 for an enabled test that was never passed (NEW), 1 for a test that was disabled when the record was written
 * (DISABLED).
 */
export type Stamps = [number, number, number, number, number]

/** See Stamps. */
export const disabledStamp = 1
export const newStamp = 0
const semicolon = 0x3b

// strtoul(3) on a 64-bit machine: more than this is ERANGE; from 2^63 on the value is negative as a time_t.
const largest = 2n ** 64n - 1n
const mostDigits = 20
const safeDigits = 15

/**
 * A record's stamps. Never fails: a field that is missing or not a number reads as DISABLED, so the test is done again,
 * but the client does not count as new. A sixth field, which Postfix 2.8 to 2.10 wrote, is ignored. Each field is read
 * as psc_parse_tests reads it: blanks before a number are skipped, an empty field is 0, and after junk the parser
 * continues where the number ended, not behind the next semicolon.
 * Negative numbers read as DISABLED. As a time_t they are long past, which has the same effect.
 */
export function decodeRecord(text: string): Stamps {
  const stamps: Stamps = [disabledStamp, disabledStamp, disabledStamp, disabledStamp, disabledStamp]
  let start = 0
  for (let i = 0; i < stamps.length && start < text.length; i++) {
    const digits = digitsStart(text, start)
    const behind = digitsEnd(text, digits)
    const end = behind === digits ? start : behind
    const separated = end < text.length && text.charCodeAt(end) === semicolon
    if (separated || end === text.length)
      stamps[i] = stampOf(text.slice(digits, behind), text.charCodeAt(digits - 1) === 0x2d && digits > start)
    start = separated ? end + 1 : end
  }
  return stamps
}

/** Where the digits begin, behind blanks and one sign, as strtoul skips them. */
function digitsStart(text: string, start: number): number {
  let i = start
  while (isSpace(text.charCodeAt(i))) i++
  const sign = text.charCodeAt(i)
  return sign === 0x2b || sign === 0x2d ? i + 1 : i
}

/** isspace(3) in the C locale. */
function isSpace(c: number): boolean {
  return c === 0x20 || (c >= 0x09 && c <= 0x0d)
}

function digitsEnd(text: string, start: number): number {
  let i = start
  while (text.charCodeAt(i) >= 0x30 && text.charCodeAt(i) <= 0x39) i++
  return i
}

function stampOf(digits: string, negative: boolean): number {
  if (!negative && digits.length <= safeDigits) return Number(digits)
  const significant = digits.replace(/^0+/, '')
  if (significant.length > mostDigits) return disabledStamp
  const magnitude = BigInt(significant)
  if (magnitude > largest) return disabledStamp
  const time = BigInt.asIntN(64, negative ? -magnitude : magnitude)
  return time < 0n ? disabledStamp : Math.min(Number(time), Number.MAX_SAFE_INTEGER)
}

/**
 * The text of a record. `enabled` is in the order of testNames. A disabled test that was never passed is written as
 * DISABLED, so that the client does not count as new when the test is enabled later (psc_print_tests). A stamp that is
 * not a time, such as -1, is written as DISABLED too.
 */
export function encodeRecord(stamps: Readonly<Stamps>, enabled: readonly boolean[]): string {
  return stamps
    .map((stamp, i) => {
      if (stamp === newStamp) return enabled[i] === true ? newStamp : disabledStamp
      return Number.isSafeInteger(stamp) && stamp > 0 ? stamp : disabledStamp
    })
    .join(';')
}

/** Whether a test is due again. A stamp holds to the end of its second (psc_todo_tests). */
export const isDue = (stamp: number, second: number): boolean => second > stamp
