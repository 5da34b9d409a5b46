// The result of a simulation for people.
import { visibleText } from '../../crds/values/visible-text.ts'
import type { Outcome } from './outcome.ts'
import { outcomes } from './outcome.ts'
import type { Change, Minute, Result } from './tally.ts'

/** Notes are about the whole simulation. @returns lines, without control characters */
export function reportText(result: Result, notes: readonly string[], isCompared: boolean): string {
  const known = result.unchanged + result.changed
  const unknown = result.sessions - known
  const lines = [
    `${result.sessions} sessions from ${time(result.firstAt)} to ${time(result.lastAt)}`,
    `${result.changed} change (${share(result.changed, result.sessions)}), ${result.unchanged} do not, ${unknown} cannot be known (${share(unknown, result.sessions)})`,
    '',
    ...table(result, isCompared),
    ...changes(
      'Clients that reach a mail server now and would not',
      result.changes.filter(({ from }) => from === 'handed off'),
    ),
    ...changes(
      'Other changes',
      result.changes.filter(({ from }) => from !== 'handed off'),
    ),
    ...unknownLines(result),
    ...rate(result.minutes),
    ...(notes.length === 0 ? [] : ['', ...notes.map((note) => `Note: ${note}`)]),
  ]
  return lines.map((line) => `${visibleText(line)}\n`).join('')
}

const share = (count: number, all: number): string =>
  `${all === 0 ? 0 : ((count / all) * 100).toFixed(count > 0 && count / all < 0.001 ? 4 : 1)} %`

const time = (at: number | undefined): string => (at === undefined ? '-' : `${new Date(at).toISOString().slice(0, 19)}Z`)

function table({ before, after }: Result, isCompared: boolean): string[] {
  const row = (name: string, a: string, b: string): string => `${name.padEnd(12)}${a.padStart(12)}${b.padStart(12)}`
  const count = (of: Readonly<Record<Outcome, number>>, outcome: Outcome): string => String(of[outcome])
  return [
    row('Of the known', isCompared ? 'old policy' : 'in the log', 'new policy'),
    ...outcomes.map((outcome) => row(outcome, count(before, outcome), count(after, outcome))),
  ]
}

function changes(title: string, some: readonly Change[]): string[] {
  if (some.length === 0) return []
  return ['', `${title}:`, ...some.flatMap(changeLines)]
}

function changeLines({ from, to, by, sessions, addresses, examples }: Change): string[] {
  const reason = by === undefined ? '' : ` (${by})`
  const many = addresses === undefined ? 'many' : String(addresses)
  return [
    `  ${from} -> ${to}${reason}: ${sessions} sessions of ${many} ${many === '1' ? 'address' : 'addresses'}`,
    ...examples.map(({ address, sessions: own }) => `      ${address}  ${own}`),
  ]
}

function unknownLines({ unknown }: Result): string[] {
  if (unknown.length === 0) return []
  return ['', 'Cannot be known from this log:', ...unknown.map(({ why, sessions }) => `  ${sessions}  ${why}`)]
}

/** Bursts: the minute with the most refusals beside the usual one. */
function rate(minutes: readonly Minute[]): string[] {
  const peak = (of: (minute: Minute) => number): Minute | undefined =>
    minutes.reduce<Minute | undefined>((most, minute) => (most === undefined || of(minute) > of(most) ? minute : most), undefined)
  const busiest = peak(({ sessions }) => sessions)
  const worst = peak(({ refusedAfter }) => refusedAfter)
  if (busiest === undefined || worst === undefined) return []
  const mean = minutes.reduce((sum, { sessions }) => sum + sessions, 0) / minutes.length
  return [
    '',
    `Per minute: ${mean.toFixed(1)} sessions in those that have any; most at ${time(busiest.at)}: ${busiest.sessions}`,
    `Most refusals under the new policy at ${time(worst.at)}: ${worst.refusedAfter} (before: ${worst.refusedBefore})`,
  ]
}
