// Records what the queries of the dashboard give on a normal day and in an attack: `node test/boards/dashboard-record.ts` puts the
// days of pictured-days.ts into a real Prometheus, asks it, and writes dashboard-record.json for the picture.
import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { shownPanels } from './dashboard.ts'
import { queryOf } from './panel-query.ts'
import { day, hour, picturedDays } from './pictured-days.ts'
import { Prometheus } from './prometheus.ts'

const file = fileURLToPath(new URL('dashboard-record.json', import.meta.url))

/** Panels with one number, and panels over time. */
export const picturedStats = ['Connections compared with a day ago', 'Handed off compared with a day ago', 'Current sessions', 'Refused']
export const picturedPlots = ['Sessions by outcome', 'Failed tests', 'Sessions by phase']

export interface Record {
  readonly stats: Readonly<{ [title: string]: number }>
  /** By title: a line for each series, one value every ten minutes from midnight. */
  readonly plots: Readonly<{ [title: string]: readonly { readonly name: string; readonly values: readonly number[] }[] }>
}

export interface DashboardRecord {
  /** The queries that were asked, by title. */
  readonly queries: Readonly<{ [title: string]: string }>
  readonly normal: Record
  readonly attack: Record
}

export const stepMinutes = 10
/** When the numbers are read, in minutes after midnight. */
export const numbersAt = 11.5 * hour

const queryOfPanel = (title: string): string => {
  const target = shownPanels.find((panel) => panel.title === title)?.targets?.[0]
  if (target === undefined) throw new Error(`no panel ${title}`)
  return queryOf(target.expr).replaceAll('[2m]', '[20m]')
}

export const picturedQueries = (): DashboardRecord['queries'] =>
  Object.fromEntries([...picturedStats, ...picturedPlots].map((title) => [title, queryOfPanel(title)]))

export const readRecord = (): DashboardRecord => JSON.parse(readFileSync(file, 'utf8')) as DashboardRecord

/** Midnight of the first day, in seconds. */
const start = Date.UTC(2026, 9, 12) / 1000

/** The series in the format that promtool reads. */
function openMetrics(): string {
  const families = Map.groupBy(Object.entries(picturedDays()), ([series]) => series.slice(0, series.indexOf('{')))
  const texts = [...families].map(([metric, all]) => {
    const lines = all.flatMap(([series, line]) =>
      Array.from({ length: (3 * day) / 2 }, (_, at) => `${series} ${line(2 * at) ?? 0} ${start + 120 * at}`),
    )
    return `# TYPE ${metric} gauge\n${lines.join('\n')}\n`
  })
  return `${texts.join('')}# EOF\n`
}

async function recordOf(prometheus: Prometheus, midnight: number): Promise<Record> {
  const stats: { [title: string]: number } = {}
  for (const title of picturedStats) {
    const [sample] = await prometheus.query(queryOfPanel(title), midnight + numbersAt * 60)
    stats[title] = Number((sample?.value ?? Number.NaN).toPrecision(3))
  }
  const plots: { [title: string]: { name: string; values: number[] }[] } = {}
  for (const title of picturedPlots) {
    const range = { start: midnight, end: midnight + day * 60, step: stepMinutes * 60 }
    const lines = await prometheus.queryRange(queryOfPanel(title), range)
    plots[title] = lines.map(({ metric, values }) => ({
      name: Object.values(metric).toSorted().join(' '),
      values: values.map((value) => Number(value.toPrecision(3))),
    }))
  }
  return { stats, plots }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const folder = mkdtempSync(join(tmpdir(), 'dashboard-record-'))
  writeFileSync(join(folder, 'days'), openMetrics())
  execFileSync('promtool', ['tsdb', 'create-blocks-from', 'openmetrics', join(folder, 'days'), join(folder, 'data')], { stdio: 'ignore' })
  const prometheus = await Prometheus.start([], '', join(folder, 'data'))
  try {
    const [normal, attacked] = [await recordOf(prometheus, start + day * 60), await recordOf(prometheus, start + 2 * day * 60)]
    writeFileSync(file, `${JSON.stringify({ queries: picturedQueries(), normal, attack: attacked })}\n`)
  } finally {
    await prometheus.stop()
    rmSync(folder, { recursive: true, force: true })
  }
}
