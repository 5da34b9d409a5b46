// When a network is banned, and for how long: pure functions, with the time as an argument.
import type { BanRules } from './ban.ts'

/**
 * The failures of a network that count, with one more.
 * @param failures epoch milliseconds, in order
 * @param at when the new one happened
 * @returns those within the window before the latest one, not more than `after`
 */
export function withFailure(failures: readonly number[], at: number, { after, withinMs }: BanRules): readonly number[] {
  const all = [...failures, at].toSorted((a, b) => a - b)
  const latest = all.at(-1) ?? at
  return all.filter((time) => time > latest - withinMs).slice(-after)
}

/** Whether these failures, as `withFailure` gives them, are enough for a ban. */
export const isBanDue = (failures: readonly number[], { after }: BanRules): boolean => failures.length >= after

/** How long a ban lasts, in milliseconds. @param nth 1 for the first ban of a network */
export function banLength(nth: number, { forMs, growth, maxMs }: BanRules): number {
  return Math.min(maxMs, forMs * growth ** (nth - 1))
}
