// Sets of tests as bits, so that "every test that was to do has passed" is one comparison (postscreen.h
// PSC_STATE_FLAG_*).
import { type TestName, testNames } from './vocabulary.ts'

/** A set of tests: bit i is testNames[i]. */
export type TestSet = number

/** The bit of each test. */
export const bit: Readonly<Record<TestName, TestSet>> = { pregreet: 1, dnsbl: 2, pipelining: 4, nonSMTPCommand: 8, bareNewline: 16 }

/** Tests before the 220 greeting, and behind it. */
export const earlyTests: TestSet = bit.pregreet | bit.dnsbl
export const deepTests: TestSet = bit.pipelining | bit.nonSMTPCommand | bit.bareNewline

/** Position of each test in the allowlist record. */
export const indexOf: Readonly<Record<TestName, number>> = { pregreet: 0, dnsbl: 1, pipelining: 2, nonSMTPCommand: 3, bareNewline: 4 }

/** The names in a set, in postscreen's order. */
export function namesIn(set: TestSet): TestName[] {
  return testNames.filter((name) => (set & bit[name]) !== 0)
}
