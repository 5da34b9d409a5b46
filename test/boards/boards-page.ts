// docs/boards.md: each query of the dashboard and each alert, with what a real Prometheus gave.
import { readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { crowdInWords } from './expected.ts'
import type { Sample } from './prometheus.ts'

const file = fileURLToPath(new URL('../../docs/boards.md', import.meta.url))

export interface PanelRow {
  readonly panel: string
  readonly query: string
  readonly seen: string
}

export interface AlertRow {
  readonly alert: string
  readonly expr: string
  /** Without its fault. */
  readonly normal: string
  readonly fault: string
}

const cell = (text: string): string => text.replaceAll('|', '\\|').replaceAll(/\s+/g, ' ')
const code = (text: string): string => `\`${text.replaceAll(/\s+/g, ' ').trim()}\``

/** A value in at most three digits behind the zeros. */
const short = (value: number): string => (Number.isInteger(value) ? String(value) : String(Number(value.toPrecision(2))))

const nameOf = (metric: Readonly<Record<string, string>>): string =>
  Object.keys(metric)
    .toSorted()
    .map((label) => metric[label])
    .join(' ')

/** The series by the values of their labels. */
export const valuesOf = (samples: readonly Sample[]): Readonly<Record<string, number>> =>
  Object.fromEntries(samples.map(({ metric, value }) => [nameOf(metric), value]))

/** Such as `new 2, old 2`: at most six series that are not 0. */
export function seenText(samples: readonly Sample[]): string {
  if (samples.length === 0) return 'no series'
  const all = Object.entries(valuesOf(samples)).toSorted(([a], [b]) => (a < b ? -1 : 1))
  const shown = all.filter(([, value]) => value !== 0)
  if (shown.length === 0) return '0'
  const texts = shown.slice(0, 6).map(([name, value]) => `${name} ${short(value)}`.trim())
  return texts.join(', ') + (shown.length > 6 ? ` and ${shown.length - 6} more` : '')
}

export const panelLine = ({ panel, query }: Omit<PanelRow, 'seen'>): string => `| ${cell(panel)} | ${cell(code(query))} | `
export const alertLine = ({ alert, expr }: Pick<AlertRow, 'alert' | 'expr'>): string =>
  `| [${alert}](alerts/${alert}.md) | ${cell(code(expr))} | `

function pageText(panels: readonly PanelRow[], alerts: readonly AlertRow[]): string {
  return `# What each panel and alert shows

This page lists every query of the dashboard and every alert with the value that a real Prometheus gave for it. A test writes it
(\`UPDATE=1 npm test -- test/boards/boards.live.test.ts\`): it starts two gateways, one of them with two workers, an operator, and a Prometheus that scrapes
them every second, and lets a crowd come whose numbers are known.

The crowd: ${crowdInWords}

## A normal day and an attack

Three panels and four numbers of the dashboard, as Prometheus gives them for a site that is made up. On the left a normal day, on the right a day with three
hours in which twelve times as many zombies come. What is refused (orange, red) rises; what is handed off (green) stays as it was, so the tests work.

![The dashboard on a normal day and in an attack](images/dashboard.svg)

## Panels

For \`rate\` and \`increase\` the table has the counters themselves, so that they can be compared with the crowd; the test also makes sure that the query itself
gives the same series. Series that are 0 are left out.

| Panel | Query | Value seen |
| --- | --- | --- |
${panels.map((row) => `${panelLine(row)}${cell(row.seen)} |`).join('\n')}

## Alerts

Five alerts are brought about for real (\`live\`), with seconds instead of minutes. The faults of the others, and near misses of all of them, are played to
\`promtool test rules\`: the table has the first fault for which each fires.

| Alert | Query | After the crowd | At its fault |
| --- | --- | --- | --- |
${alerts.map((row) => `${alertLine(row)}${cell(row.normal)} | ${cell(row.fault)} |`).join('\n')}
`
}

export const boardsPage = (): string => readFileSync(file, 'utf8')

export const writeBoardsPage = (panels: readonly PanelRow[], alerts: readonly AlertRow[]): void =>
  writeFileSync(file, pageText(panels, alerts))
