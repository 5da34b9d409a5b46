// The limits of --fail-on: `refused>0.1%`, `lost>0`.
import type { Result } from './tally.ts'

/** What can be limited, and how many sessions that is. */
const counts: Readonly<Record<string, (result: Result) => number>> = {
  lost: ({ lost }) => lost,
  refused: (result) => becoming(result, 'refused'),
  deferred: (result) => becoming(result, 'deferred'),
  'handed-off': (result) => becoming(result, 'handed off'),
  changed: ({ changed }) => changed,
  unknown: ({ unknown }) => unknown.reduce((total, { sessions }) => total + sessions, 0),
}

const becoming = ({ changes }: Result, outcome: string): number =>
  changes.filter(({ to }) => to === outcome).reduce((total, { sessions }) => total + sessions, 0)

export interface Limit {
  readonly text: string
  readonly what: string
  readonly most: number
  readonly isShare: boolean
}

const form = /^([a-z-]+)\s*>\s*(\d{1,12}(?:\.\d{1,6})?)(%?)$/

/** Reads one or more limits, separated by commas. */
export function readLimits(text: string): { readonly limits: readonly Limit[] } | { readonly why: string } {
  const limits: Limit[] = []
  for (const part of text.split(',').map((one) => one.trim())) {
    const [, what = '', number = '', percent] = form.exec(part) ?? []
    const isShare = percent === '%'
    if (!Object.hasOwn(counts, what))
      return { why: `${JSON.stringify(part)} must be NAME>NUMBER or NAME>NUMBER%, such as refused>0.1%, with the name ${names}` }
    if (isShare && Number(number) > 100) return { why: `${JSON.stringify(part)} must have at most 100%` }
    limits.push({ text: part, what, most: Number(number), isShare })
  }
  return { limits }
}

const names = `${Object.keys(counts).slice(0, -1).join(', ')} or ${Object.keys(counts).at(-1)}`

/** The limits that the result exceeds, with what it has. */
export function exceeded(limits: readonly Limit[], result: Result): string[] {
  return limits.flatMap(({ text, what, most, isShare }) => {
    const count = counts[what]?.(result) ?? 0
    const share = result.sessions === 0 ? 0 : (count / result.sessions) * 100
    const isOver = (isShare ? share : count) > most
    return isOver ? [`${text}: ${count} of ${result.sessions} sessions (${share.toFixed(3)} %)`] : []
  })
}
