// The parts of docs/performance.md that the bench writes, between markers. Text outside the markers is not changed.
import type { BenchCase } from './bench-case.ts'
import type { Curve } from './curve.ts'
import type { Machine } from './machine.ts'
import type { CaseResult, Results } from './results.ts'
import { judge, spreadOf, spreadText, type Verdict, valueText } from './verdict.ts'

export type Part = 'table' | 'details' | 'curves' | 'machine'

const begin = (part: Part): string => `<!-- bench: ${part} -->`
const end = (part: Part): string => `<!-- bench: end of ${part} -->`

/** Puts `text` between the markers of that part. Throws when the page has no such markers, or more than one pair. */
export function replacePart(page: string, part: Part, text: string): string {
  const [before, rest, ...more] = page.split(begin(part))
  const after = rest?.split(end(part))
  if (before === undefined || after === undefined || more.length > 0 || after.length !== 2)
    throw new Error(`the page must have ${begin(part)} and, behind it, ${end(part)}, once each`)
  return `${before}${begin(part)}\n\n${text.trimEnd()}\n\n${end(part)}${after[1]}`
}

/** Writes all parts again. */
export function renewPage(page: string, cases: readonly BenchCase[], curves: readonly Curve[], results: Results): string {
  const parts: readonly (readonly [Part, string])[] = [
    ['table', goalTable(cases, results)],
    ['details', details(cases, results)],
    ['curves', pictures(curves, results)],
    ['machine', machines(results)],
  ]
  return parts.reduce((text, [part, content]) => replacePart(text, part, content), page)
}

const row = (...cells: readonly string[]): string => `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |\n`

/** One row for each goal: the figure of the peer, that of the gateway, the value that is compared with the goal. */
export function goalTable(cases: readonly BenchCase[], { cases: measured }: Results): string {
  const rows = cases.flatMap((one) => {
    const result = measured[one.name]
    if (result === undefined) return [row(one.what, '–', 'not measured yet', '', one.goals.map(({ text }) => text).join('; '), '')]
    if (result.lacks !== undefined) return [row(one.what, '–', result.lacks, '', one.goals.map(({ text }) => text).join('; '), 'no')]
    return judge(one, result).map((verdict, index) => goalRow(one, verdict, index === 0))
  })
  return `${row('Case', 'Compared with', 'Gateway', 'Value for the goal', 'Goal', 'Met')}${row('---', '---', '---', '---', '---', '---')}${rows.join('')}`
}

function goalRow({ what, figures }: BenchCase, { goal, ours, peer, value, met }: Verdict, first: boolean): string {
  const kind = figures[goal.figure] ?? { label: goal.figure, unit: '', digits: 1 }
  const peerText = goal.beside === undefined ? '–' : `${goal.beside.peer}: ${peer === undefined ? 'none' : spreadText(peer, kind)}`
  const oursText = ours === undefined ? '–' : `${goal.of === 'gateway' ? '' : `${goal.of}: `}${kind.label} ${spreadText(ours, kind)}`
  const valueCell = value === undefined ? '–' : valueText(value, goal, kind)
  const metText = Number.isFinite(goal.value) ? (met ? 'yes' : '**no**') : ''
  return row(first ? what : '', peerText, oursText, valueCell, goal.text, metText)
}

/** A table for each case: all figures of all contenders. */
export function details(cases: readonly BenchCase[], { cases: measured }: Results): string {
  const known = cases.flatMap((one) => {
    const result = measured[one.name]
    return result === undefined || result.lacks !== undefined ? [] : [detail(one, result)]
  })
  return known.length === 0 ? 'Nothing has been measured yet.' : known.join('\n')
}

function detail({ name, what, figures }: BenchCase, result: CaseResult): string {
  const names = result.contenders.map((contender) => contender.name)
  const lines = Object.entries(figures).map(([key, kind]) => {
    const cells = names.map((contender) => {
      const spread = spreadOf(result, contender, key)
      return spread === undefined ? '–' : spreadText(spread, kind)
    })
    return row(kind.label, ...cells)
  })
  const rounds = Math.max(...result.contenders.map((contender) => contender.rounds.length))
  const head = `${row('', ...names)}${row('---', ...names.map(() => '---'))}`
  return `### ${name}\n\n${what}; ${rounds} rounds each, alternating; measured ${result.at}${ofCommit(result)}.\n\n${head}${lines.join('')}`
}

function pictures(curves: readonly Curve[], { curves: measured }: Results): string {
  const drawn = curves.filter(({ name }) => measured[name] !== undefined)
  if (drawn.length === 0) return 'Nothing has been measured yet.'
  return drawn.map(({ name, title }) => `![${title}](performance/${name}.svg)`).join('\n\n')
}

/** Which code was measured, if the results say so. */
const ofCommit = ({ commit }: CaseResult): string => (commit === undefined ? '' : `, commit ${commit}`)

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
