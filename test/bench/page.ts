// The parts of docs/performance.md that the bench writes, between markers. Text outside the markers is not changed.
import type { Age } from './age.ts'
import { type BenchCase, fewestRounds } from './bench-case.ts'
import type { Curve } from './curve.ts'
import type { Machine } from './machine.ts'
import type { CaseResult, CurveResult, Results } from './results.ts'
import { judge, rangeText, spreadOf, spreadText, type Verdict, valueText } from './verdict.ts'

/** What surrounds the results: all rows in their order, and how old each is. */
export interface PageParts {
  readonly cases: readonly BenchCase[]
  readonly curves: readonly Curve[]
  readonly results: Results
  /** By the name of the row; a row that is not in it counts as current. */
  readonly ages: ReadonlyMap<string, Age>
}

const begin = (part: string): string => `<!-- bench: ${part} -->`
const end = (part: string): string => `<!-- bench: end of ${part} -->`

/** Puts `text` between the markers of that part. Throws when the page has no such markers, or more than one pair. */
export function replacePart(page: string, part: string, text: string): string {
  const [before, rest, ...more] = page.split(begin(part))
  const after = rest?.split(end(part))
  if (before === undefined || after === undefined || more.length > 0 || after.length !== 2)
    throw new Error(`the page must have ${begin(part)} and, behind it, ${end(part)}, once each`)
  return `${before}${begin(part)}\n\n${text.trimEnd()}\n\n${end(part)}${after[1]}`
}

/** Writes all parts again. */
export function renewPage(page: string, parts: PageParts): string {
  const texts: readonly (readonly [part: string, text: string])[] = [
    ['table', goalTable(parts)],
    ['details', details(parts)],
    ['curves', pictures(parts)],
    ['machine', machines(parts.results)],
  ]
  return texts.reduce((text, [part, content]) => replacePart(text, part, content), page)
}

const ageTexts: Readonly<Record<Age, string>> = {
  current: '',
  older: 'the code has changed since',
  uncommitted: 'with changes that are in no commit',
  unknown: 'the commit is not in the history',
}

/** A page without what git says of the age of its rows: that changes with every commit. */
export const withoutAges = (page: string): string =>
  Object.values(ageTexts).reduce((text, mark) => (mark === '' ? text : text.replaceAll(`, **${mark}**`, '')), page)

/** Day and commit of a row, and what speaks against its figures. */
export function provenance({ at, commit }: Pick<CaseResult, 'at' | 'commit'>, age: Age = 'current', rounds = fewestRounds): string {
  const doubts = [ageTexts[age], rounds < fewestRounds ? `${rounds} rounds instead of ${fewestRounds}` : ''].filter((doubt) => doubt !== '')
  const parts = [at.slice(0, 10), commit ?? 'no commit', ...doubts.map((doubt) => `**${doubt}**`)]
  return parts.join(', ')
}

/** Rounds of the contender that has most. */
export const roundsOf = ({ contenders }: CaseResult): number => Math.max(0, ...contenders.map(({ rounds }) => rounds.length))

const row = (...cells: readonly string[]): string => `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |\n`

/** One row for each goal: the figure of the peer, that of the gateway, the value that is compared with the goal. */
export function goalTable({ cases, results: { cases: measured }, ages }: Omit<PageParts, 'curves'>): string {
  const rows = cases.flatMap((one) => {
    const result = measured[one.name]
    if (result === undefined) return [row(one.what, '–', 'not measured yet', '', goalTexts(one), '', '')]
    if (result.lacks !== undefined) return [row(one.what, '–', result.lacks, '', goalTexts(one), 'no', provenance(result))]
    const measuredText = provenance(result, ages.get(one.name), roundsOf(result))
    return judge(one, result).map((verdict, index) => goalRow(one, verdict, index === 0 ? measuredText : undefined))
  })
  const heads = ['Case', 'Compared with', 'Gateway', 'Value for the goal', 'Goal', 'Met', 'Measured']
  return `${row(...heads)}${row(...heads.map(() => '---'))}${rows.join('')}`
}

const goalTexts = ({ goals }: BenchCase): string => goals.map(({ text }) => text).join('; ')

/** @param measured when and what was measured; undefined in the rows after the first of a case */
function goalRow({ what, figures }: BenchCase, verdict: Verdict, measured: string | undefined): string {
  const { goal, ours, peer, value, met } = verdict
  const kind = figures[goal.figure] ?? { label: goal.figure, unit: '', digits: 1 }
  const peerText = goal.beside === undefined ? '–' : `${goal.beside.peer}: ${peer === undefined ? 'none' : spreadText(peer, kind)}`
  const oursText = ours === undefined ? '–' : `${goal.of === 'gateway' ? '' : `${goal.of}: `}${kind.label} ${spreadText(ours, kind)}`
  const valueCell = value === undefined ? '–' : `${valueText(value, goal, kind)}${rangeText(verdict, kind)}`
  const metText = Number.isFinite(goal.value) ? (met ? 'yes' : '**no**') : ''
  return row(measured === undefined ? '' : what, peerText, oursText, valueCell, goal.text, metText, measured ?? '')
}

/** A table for each case: all figures of all contenders. */
export function details({ cases, results: { cases: measured }, ages }: Omit<PageParts, 'curves'>): string {
  const known = cases.flatMap((one) => {
    const result = measured[one.name]
    return result === undefined || result.lacks !== undefined ? [] : [detail(one, result, ages.get(one.name))]
  })
  return known.length === 0 ? 'Nothing has been measured yet.' : known.join('\n')
}

function detail({ name, what, figures }: BenchCase, result: CaseResult, age: Age | undefined): string {
  const names = result.contenders.map((contender) => contender.name)
  const lines = Object.entries(figures).map(([key, kind]) => {
    const cells = names.map((contender) => {
      const spread = spreadOf(result, contender, key)
      return spread === undefined ? '–' : spreadText(spread, kind)
    })
    return row(kind.label, ...cells)
  })
  const rounds = roundsOf(result)
  const head = `${row('', ...names)}${row('---', ...names.map(() => '---'))}`
  const measured = provenance(result, age, rounds)
  return `### ${name}\n\n${what}; ${rounds} rounds each, alternating. Measured: ${measured}.\n\n${head}${lines.join('')}`
}

function pictures({ curves, results: { curves: measured }, ages }: Omit<PageParts, 'cases'>): string {
  const picture = ({ name, title }: Curve, result: CurveResult): string =>
    `![${title}](performance/${name}.svg)\n\nMeasured: ${provenance(result, ages.get(`growth-${name}`))}.`
  const drawn = curves.flatMap((curve) => {
    const result = measured[curve.name]
    return result === undefined ? [] : [picture(curve, result)]
  })
  return drawn.length === 0 ? 'Nothing has been measured yet.' : drawn.join('\n\n')
}

/** Cases that were measured on one machine are named together. */
function machines({ cases, curves }: Results): string {
  const names = new Map<string, string[]>()
  const all = [...Object.entries(cases), ...Object.entries(curves).map(([name, result]) => [`growth-${name}`, result] as const)]
  for (const [name, { machine }] of all) {
    const text = machineText(machine)
    names.set(text, [...(names.get(text) ?? []), name])
  }
  if (names.size === 0) return 'Nothing has been measured yet.'
  const busy = all
    .filter(([, { machine }]) => machine.busy > 0.1)
    .map(([name, { machine }]) => `${name} (${Math.round(machine.busy * 100)} %)`)
  const lines = [...names].map(([text, of]) => `- ${text}${names.size === 1 ? '' : `: ${of.join(', ')}`}`)
  if (busy.length > 0) lines.push(`- Measured while other programs used more than a tenth of the machine: ${busy.join(', ')}`)
  return lines.join('\n')
}

export function machineText({ cpu, cores, memoryGB, kernel, versions }: Machine): string {
  const programs = Object.entries(versions).map(([name, version]) => `${name} ${version}`)
  return `${cpu}, ${cores} cores, ${memoryGB} GB; ${[kernel, ...programs].join(', ')}`
}
