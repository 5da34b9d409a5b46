// The outcomes of sessions in the groups in which they are shown, as on the live page (runtime/page/outcomes.js).
import { type Outcome, outcomes } from '../log/outcome.ts'
import type { Tone } from '../terminal/style.ts'

export interface OutcomeGroup {
  readonly id: string
  readonly name: string
  /** Its colour in the plot. */
  readonly tone: Tone
  readonly isRefusal: boolean
  readonly of: readonly Outcome[]
}

/** From the bottom of the plot to its top. */
export const groups: readonly OutcomeGroup[] = [
  { id: 'known', name: 'Known, handed off', tone: 'in', isRefusal: false, of: ['known'] },
  { id: 'new', name: 'New, handed off', tone: 'in', isRefusal: false, of: ['new'] },
  { id: 'back', name: 'Asked to come back', tone: 'back', isRefusal: false, of: ['comeBack'] },
  { id: 'none', name: 'Clean, no mail server', tone: 'bad', isRefusal: false, of: ['noBackend'] },
  { id: 'hang', name: 'Hung up', tone: 'mute', isRefusal: false, of: ['hangup'] },
  { id: 'pre', name: 'Spoke too early', tone: 'warn', isRefusal: true, of: ['pregreet'] },
  { id: 'list', name: 'On DNS lists', tone: 'warn', isRefusal: true, of: ['dnsbl'] },
  {
    ...{ id: 'other', name: 'Other refusals', tone: 'warn', isRefusal: true },
    of: ['accessList', 'banned', 'limits', 'deepTests', 'backendRefused', 'shutdown'],
  },
]

/** The counts by group. @param row counts in the order of the outcomes */
export const byGroup = (row: readonly number[]): readonly number[] =>
  groups.map(({ of }) => of.reduce((sum, outcome) => sum + (row[outcomes.indexOf(outcome)] ?? 0), 0))

export const totalOf = (counts: readonly number[]): number => counts.reduce((sum, one) => sum + one, 0)

/** How many were refused. @param counts by group */
export const refusedOf = (counts: readonly number[]): number =>
  counts.reduce((sum, one, at) => (groups[at]?.isRefusal === true ? sum + one : sum), 0)

/** Of refused networks. */
export const shortNames: Readonly<Record<string, string>> = {
  pregreet: 'too early',
  dnsbl: 'DNS lists',
  deepTests: 'deep tests',
  accessList: 'access list',
  banned: 'bans',
  limits: 'limits',
}
