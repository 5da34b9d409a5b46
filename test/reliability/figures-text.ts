// Tallies as lines for people.
import { quantile } from '../laboratory/figures.ts'
import type { Tally } from '../laboratory/arrivals.ts'

const ms = (values: readonly number[], q: number): string =>
  values.length === 0 ? '-' : quantile(values, q).toFixed(values.length > 0 ? 1 : 0)

/** One line for each kind: how many came, went well, and what became of the others. */
export function tallyLines(tallies: ReadonlyMap<string, Tally>): readonly string[] {
  return [...tallies].flatMap(([what, { came, well, wrong, firstWordMs, visitMs }]) => [
    `  ${what.padEnd(30)} ${String(came).padStart(7)} came, ${String(well).padStart(7)} as they should; ` +
      `first word p50 ${ms(firstWordMs, 0.5)} p99 ${ms(firstWordMs, 0.99)} ms, visit p50 ${ms(visitMs, 0.5)} p99 ${ms(visitMs, 0.99)} ms`,
    ...[...wrong].map(([how, count]) => `      ${count} × ${how}`),
  ])
}

/** What went wrong with clients of these kinds: `kind: how` with counts. Nothing, one hopes. */
export function wrongOf(
  tallies: ReadonlyMap<string, Tally>,
  kinds: readonly { readonly what: string }[],
): Readonly<Record<string, number>> {
  const all = kinds.flatMap(({ what }) => [...(tallies.get(what)?.wrong ?? [])].map(([how, count]) => [`${what}: ${how}`, count] as const))
  return Object.fromEntries(all)
}
