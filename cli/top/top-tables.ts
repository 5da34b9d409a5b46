// The tables on the screen of `postscreen top`.
import { ageOf } from '../../operator/overview/attention.ts'
import { coloured, signOf, type Style, type Tone } from '../terminal/style.ts'
import { type Cell, type Column, tableLines } from '../terminal/table.ts'
import type { TopView, Used } from './combined.ts'
import { byGroup, groups, shortNames, totalOf } from './outcome-groups.ts'

/** By what DNS lists are sorted; `policy`: in the order of the policy. */
export const sorts = ['policy', 'answers', 'listed', 'median'] as const
export type Sort = (typeof sorts)[number]

const rowsShown = { narrow: 4, wide: 8 }
const numberOf = (count: number): string => count.toLocaleString('en-US')
const percent = (part: number, whole: number): string => (whole > 0 ? `${Math.round((100 * part) / whole)} %` : '-')
const took = (ms: number | undefined): string =>
  ms === undefined ? '-' : ms < 1000 ? `${Math.max(1, Math.round(ms))} ms` : `${(ms / 1000).toFixed(1)} s`

function signed(tone: Tone, word: string, style: Style): Cell {
  return { text: `${signOf(tone, style)} ${word}`, tone }
}

function cut(text: string, width: number, { hasUtf8 }: Style): string {
  return text.length > width ? `${text.slice(0, width - 1)}${hasUtf8 ? '…' : '.'}` : text
}

/** The columns have the width of the tables beside them. */
const unlimited = (style: Style): Style => ({ ...style, width: undefined })

interface GroupRow {
  readonly name: string
  readonly tone: Tone
  readonly lastMinute: number
  readonly hour: number
}

/** The outcomes, from the top of the plot to its bottom. */
export function outcomes({ minutes }: TopView, isWide: boolean, style: Style): readonly string[] {
  const all = minutes.map(byGroup)
  const whole = all.at(-2) ?? []
  const hour = groups.map((_, at) => all.reduce((sum, minute) => sum + (minute[at] ?? 0), 0))
  const sum = totalOf(hour)
  const rows = groups.map(({ name, tone }, at): GroupRow => ({ name, tone, lastMinute: whole[at] ?? 0, hour: hour[at] ?? 0 })).toReversed()
  const share: Column<GroupRow> = { head: isWide ? 'SHARE' : 'HOUR', isRight: true, of: (row) => percent(row.hour, sum) }
  const columns: readonly Column<GroupRow>[] = [
    { head: 'OUTCOME', of: ({ name, tone }) => ({ text: name, tone }) },
    { head: ' /MIN', isRight: true, of: ({ lastMinute }) => numberOf(lastMinute) },
    ...(isWide ? [{ head: '  HOUR', isRight: true, of: (row: GroupRow) => numberOf(row.hour) }] : []),
    share,
  ]
  return tableLines(columns, rows, unlimited(style))
}

const phaseNames: readonly (readonly [phase: string, name: string])[] = [
  ['header', 'waits for PROXY header'],
  ['recall', 'looked up in allowlist'],
  ['early', 'in the greet wait'],
  ['smtp', 'talks to the gateway'],
  ['replay', 'repeated to mail server'],
  ['handoff', 'waits for mail server'],
  ['relay', 'with a mail server'],
  ['closing', 'reads its last reply'],
]
const barWidth = 8
const barEighths = ['', '▏', '▎', '▍', '▌', '▋', '▊', '▉', '█'] as const

/** How many clients are in each phase now. */
export function phases({ phases: counts }: TopView, style: Style): readonly string[] {
  const most = Math.max(1, ...Object.values(counts))
  const all = totalOf(Object.values(counts))
  const columns: readonly Column<readonly [phase: string, name: string]>[] = [
    { head: 'HERE NOW', of: ([, name]) => name },
    { head: numberOf(all).padStart(4), isRight: true, of: ([phase]) => numberOf(counts[phase] ?? 0) },
    { head: '', of: ([phase]) => bar((counts[phase] ?? 0) / most, style) },
  ]
  return tableLines(columns, phaseNames, unlimited(style))
}

function bar(share: number, { hasUtf8 }: Style): string {
  const eighths = share > 0 ? Math.max(1, Math.round(share * barWidth * 8)) : 0
  if (!hasUtf8) return '#'.repeat(Math.ceil(eighths / 8))
  return `${'█'.repeat(Math.floor(eighths / 8))}${barEighths[eighths % 8] ?? ''}`
}

type List = TopView['lists'][number]

const orders: Readonly<Record<Sort, ((list: List) => number) | undefined>> = {
  policy: undefined,
  answers: ({ lastMinute }) => lastMinute,
  listed: ({ listed, answers }) => (answers > 0 ? listed / answers : -1),
  median: ({ medianMs }) => medianMs ?? -1,
}

/** The rows that have room, and how many more there are. */
function withMore<Row>(rows: readonly Row[], isWide: boolean, linesOf: (shown: readonly Row[]) => readonly string[]): readonly string[] {
  const most = isWide ? rowsShown.wide : rowsShown.narrow
  const more = rows.length - most
  return more > 1 ? [...linesOf(rows.slice(0, most - 1)), `and ${more + 1} more`] : linesOf(rows.slice(0, most + more))
}

export function lists(view: TopView, { isWide, sort }: { readonly isWide: boolean; readonly sort: Sort }, style: Style): readonly string[] {
  if (view.lists.length === 0) return ['DNS LIST', 'none in this policy: the test is off']
  const order = orders[sort]
  // Those with a fault are always seen.
  const sorted = (order === undefined ? view.lists : view.lists.toSorted((a, b) => order(b) - order(a))).toSorted(
    (a, b) => Number(b.fault !== undefined) - Number(a.fault !== undefined),
  )
  const width = isWide ? 24 : 18
  const columns: readonly Column<List>[] = [
    { head: 'DNS LIST'.padEnd(width), of: ({ name }) => cut(name, width, style) },
    { head: 'STATE'.padEnd(11), of: (list) => listState(list, style) },
    { head: '/MIN', isRight: true, of: ({ lastMinute }) => numberOf(lastMinute) },
    ...(isWide ? [{ head: 'LISTED', isRight: true, of: ({ listed, answers }: List) => percent(listed, answers) }] : []),
    { head: 'MEDIAN', isRight: true, of: ({ medianMs }) => took(medianMs) },
    ...(isWide ? [{ head: '  95 %', isRight: true, of: ({ slowMs }: List) => took(slowMs) }] : []),
  ]
  return withMore(sorted, isWide, (rows) => tableLines(columns, rows, unlimited(style)))
}

function listState({ fault, answers }: List, style: Style): Cell {
  if (fault !== undefined) return signed('warn', fault.sentence.includes(' is faulty ') ? 'faulty' : 'fails', style)
  return answers > 0 ? signed('ok', 'answers', style) : signed('none', 'not asked', style)
}

type Server = TopView['mailServers'][number]

export function mailServers({ mailServers: all }: TopView, isWide: boolean, style: Style): readonly string[] {
  if (all.length === 0) return ['MAIL SERVER', 'no address is known yet']
  const width = isWide ? 18 : 15
  const columns: readonly Column<Server>[] = [
    { head: 'MAIL SERVER'.padEnd(width), of: ({ name }) => cut(name, width, style) },
    { head: 'STATE'.padEnd(8), of: (server) => serverState(server, isWide, style) },
    { head: isWide ? 'SESS.' : 'SESS', isRight: true, of: ({ sessions }) => numberOf(sessions) },
    ...(isWide ? [{ head: 'GREETS', isRight: true, of: ({ medianMs }: Server) => took(medianMs) }] : []),
  ]
  // Those with a fault are always seen.
  const sorted = all.toSorted((a, b) => Number(a.state === 'working') - Number(b.state === 'working'))
  return withMore(sorted, isWide, (rows) => tableLines(columns, rows, unlimited(style)))
}

function serverState({ state }: Server, isWide: boolean, style: Style): Cell {
  if (state === 'working') return signed('ok', 'works', style)
  if (state === 'unknown') return signed('none', 'unknown', style)
  return signed('bad', cut(state === 'failing' ? 'fails' : state, isWide ? 13 : 6, style), style)
}

const usedText = ({ now, of }: Used): string => `${numberOf(now)}${of > 0 ? ` of ${numberOf(of)}` : ''}`

/** How much of each limit is used. */
export function limits({ limits: { underTest, wait, oneAddress } }: TopView, isWide: boolean, style: Style): readonly string[] {
  const rows: readonly (readonly [name: string, used: Used])[] = [
    [isWide ? 'clients under test' : 'under test', underTest],
    [isWide ? 'clean, that wait' : 'wait', wait],
    ...(isWide ? [['from one address', oneAddress] as const] : []),
  ]
  const width = isWide ? 18 : 15
  const lines = rows.map(([name, used]) => {
    const isFull = used.of > 0 && used.now / used.of > 0.9
    return `${name.padEnd(width)}  ${coloured(usedText(used).padStart(isWide ? 13 : 0), isFull ? 'warn' : undefined, style)}`
  })
  return isWide ? ['LIMIT', ...lines] : lines
}

const networksShown = 4

export function networks(view: TopView, style: Style): readonly string[] {
  const title = 'MOST REFUSED NETWORKS TODAY'
  if (view.networks.length === 0) return [title, 'no client was refused today']
  const columns: readonly Column<TopView['networks'][number]>[] = [
    { head: title, of: ({ network }) => network },
    { head: '', isRight: true, of: ({ sessions }) => numberOf(sessions) },
    { head: '', of: ({ mostly }) => `mostly ${shortNames[mostly] ?? mostly}` },
  ]
  return tableLines(columns, view.networks.slice(0, networksShown), unlimited(style))
}

export function policyLines({ policies, reconnects }: TopView, now: number): readonly string[] {
  const policy = policies.at(-1)
  if (policy === undefined) return ['POLICY', 'none yet']
  const { generation, loadedAt, hash, greetWaitMs, lists: names, threshold } = policy
  const tests = names.length === 0 ? 'no DNS lists' : `lists from rank ${threshold}`
  const { told, came, medianMs } = reconnects
  const half = medianMs === undefined ? '' : `, half within ${ageOf(medianMs)}`
  return [
    'POLICY',
    `generation ${generation ?? '-'} for ${ageOf(now - loadedAt)}, ${hash.slice(0, 12)}`,
    `greet wait ${took(greetWaitMs)}, ${tests}`,
    told === 0 ? 'no client was told to come back today' : `clients told to come back: ${percent(came, told)} did${half}`,
  ]
}
