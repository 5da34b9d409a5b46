// `npm run bench -- [NAME…]`: compares the gateway with its peers and writes docs/performance.md and docs/sizing.md. Needs root on Linux, and a machine without other work.
import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { agesOf, changesSince } from './age.ts'
import type { BenchCase, Setting } from './bench-case.ts'
import { measuredCommit } from './commit.ts'
import type { Curve } from './curve.ts'
import { busyWarning, lookAtMachine } from './machine.ts'
import { measureCase, measureCurve } from './measure.ts'
import { missing, type Need } from './needs.ts'
import { machineText } from './page.ts'
import { cases, curves, separate } from './registry.ts'
import { type CaseResult, readResults, type Results, resultsFile, withCase, withCurve, writeResults } from './results.ts'
import { withSimulation } from './sizing/run-simulation.ts'
import { judge, spreadText, valueText } from './verdict.ts'
import { writePages } from './write-pages.ts'

const minutes = (all: readonly { readonly minutes: number }[]): number => all.reduce((sum, one) => sum + one.minutes, 0)

const usage = `Usage: npm run bench -- [NAME…] [OPTION]…

Compares the gateway with a real postscreen and HAProxy, and writes docs/performance.md and docs/sizing.md. Without a name: all cases, ${minutes(cases)} minutes.

${cases.map(({ name, what, minutes: takes }) => `  ${name.padEnd(16)} ${what} (${takes} min)`).join('\n')}

  growth           how costs grow: all of the following (${minutes(curves)} min)
${curves.map(({ name, title, minutes: takes }) => `  ${`growth-${name}`.padEnd(16)} ${title} (${takes} min)`).join('\n')}

  page, sizing     measure nothing, write docs/performance.md and docs/sizing.md from the stored results; sizing is simulated again
                   if costs have changed
  ${separate.join(', ')}: print their own figures and have their own arguments (docs/load-tests.md)

  --rounds N       number of rounds, instead of that of each case
  --scale SHARE    share of the load, to check that it works; does not change the page
  --log FORMAT     json (the default) or postfix; postfix does not change the page
  --keep           does not change the page
`

/** The request on the command line. */
interface Order {
  readonly cases: readonly BenchCase[]
  readonly curves: readonly Curve[]
  readonly setting: Setting
  readonly rounds: number | undefined
  readonly keep: boolean
}

function readOrder(args: string[]): Order | { readonly wrong: string } {
  const { positionals, values } = parseArgs({
    args,
    allowPositionals: true,
    options: {
      rounds: { type: 'string' },
      scale: { type: 'string', default: '1' },
      log: { type: 'string', default: 'json' },
      keep: { type: 'boolean', default: false },
      help: { type: 'boolean', short: 'h' },
    },
  })
  if (values.help === true) return { wrong: '' }
  const [scale, rounds] = [Number(values.scale), values.rounds === undefined ? undefined : Number(values.rounds)]
  if (!(scale > 0 && scale <= 1)) return { wrong: '--scale must be above 0 and at most 1' }
  if (rounds !== undefined && !(Number.isInteger(rounds) && rounds > 0)) return { wrong: '--rounds must be a whole number above 0' }
  if (values.log !== 'json' && values.log !== 'postfix') return { wrong: '--log must be json or postfix' }
  const known = new Set(['growth', 'page', 'sizing', ...cases.map(({ name }) => name), ...curves.map(({ name }) => `growth-${name}`)])
  const unknown = positionals.find((name) => !known.has(name))
  if (unknown !== undefined) return { wrong: `unknown case: ${unknown}` }
  const named = (name: string): boolean => positionals.includes(name)
  return {
    cases: positionals.length === 0 ? cases : cases.filter(({ name }) => named(name)),
    curves: curves.filter(({ name }) => named('growth') || named(`growth-${name}`)),
    setting: { scale, logFormat: values.log },
    rounds,
    keep: values.keep || scale !== 1 || values.log !== 'json',
  }
}

/** What is missing for the requested cases, each once. A flag that the gateway lacks does not stop the others. */
function missingFor({ cases: chosen, curves: drawn, setting }: Order): readonly string[] {
  const all = [...chosen, ...drawn].flatMap(({ name, needs }) =>
    needs.filter(isMachines).map((need) => ({ name, why: missing(ofScale(need, setting)) })),
  )
  const reasons = new Map<string, string[]>()
  for (const { name, why } of all) if (why !== undefined) reasons.set(why, [...(reasons.get(why) ?? []), name])
  return [...reasons].map(([why, names]) => `${names.join(', ')}: ${why}`)
}

const isMachines = (need: Need): boolean => typeof need === 'string' || 'files' in need
function ofScale(need: Need, { scale }: Setting): Need {
  return typeof need === 'object' && 'files' in need ? { files: Math.ceil(need.files * scale) } : need
}

async function runCase(one: BenchCase, { setting, rounds }: Order): Promise<CaseResult> {
  const machine = await lookAtMachine()
  const at = new Date().toISOString().slice(0, 16)
  const commit = measuredCommit()
  const lacks = one.needs.map((need) => missing(ofScale(need, setting))).find((why) => why !== undefined)
  console.log(`\n${one.name}: ${one.what} (load ${machine.load.toFixed(1)}, ${Math.round(machine.busy * 100)} % busy before)`)
  const warning = busyWarning(machine)
  if (warning !== undefined) console.log(`  warning: ${warning}`)
  if (lacks !== undefined) return { at, commit, machine, lacks, contenders: [] }
  const contenders = await measureCase(one, setting, rounds ?? one.rounds, (text) => console.log(`  ${text}`))
  return { at, commit, machine, contenders }
}

function report(one: BenchCase, result: CaseResult): void {
  if (result.lacks !== undefined) console.log(`  left out: ${result.lacks}`)
  else for (const verdict of judge(one, result)) console.log(`  ${verdictText(one, verdict)}`)
}

function verdictText({ figures }: BenchCase, { goal, ours, peer, value, met }: ReturnType<typeof judge>[number]): string {
  const kind = figures[goal.figure] ?? { label: goal.figure, unit: '', digits: 1 }
  const text = (who: string, spread: typeof ours): string => `${who} ${spread === undefined ? 'has none' : spreadText(spread, kind)}`
  const beside =
    goal.beside === undefined ? '' : `, ${text(goal.beside.peer, peer)}: ${value === undefined ? '–' : valueText(value, goal, kind)}`
  return `${met ? 'met' : 'NOT MET'}: ${goal.text} (${kind.label}: ${text(goal.of, ours)}${beside})`
}

function keep(results: Results): void {
  writeResults(resultsFile, results)
  writePages(results)
}

async function run(order: Order): Promise<number> {
  const needed = missingFor(order)
  if (needed.length > 0) {
    console.error(`The measurement cannot start. Missing:\n${needed.map((line) => `  ${line}\n`).join('')}`)
    return 2
  }
  console.log(machineText(await lookAtMachine()))
  for (const one of order.cases) {
    const result = await runCase(one, order)
    report(one, result)
    // At once, so that results are not lost when a later case fails.
    if (!order.keep) keep(withCase(readResults(resultsFile), one.name, result))
  }
  for (const curve of order.curves) {
    const machine = await lookAtMachine()
    console.log(`\ngrowth-${curve.name}: ${curve.title}`)
    const warning = busyWarning(machine)
    if (warning !== undefined) console.log(`  warning: ${warning}`)
    const points = await measureCurve(curve, order.setting, order.rounds ?? curve.rounds, (text) => console.log(`  ${text}`))
    const at = new Date().toISOString().slice(0, 16)
    if (!order.keep) keep(withCurve(readResults(resultsFile), curve.name, { at, commit: measuredCommit(), machine, points }))
  }
  if (order.keep) return 0
  console.log('\nSimulates the largest example of docs/sizing.md, if costs have changed, and writes the pages')
  keep(withSimulation(readResults(resultsFile)))
  reportOlder(readResults(resultsFile))
  return 0
}

/** Names the rows whose code has changed since they were measured, with the last change. */
function reportOlder(results: Results): void {
  const ages = agesOf(cases, curves, results)
  const rows = [
    ...cases.map(({ name, measures }) => ({ name, measures, result: results.cases[name] })),
    ...curves.map(({ name, measures }) => ({ name: `growth-${name}`, measures, result: results.curves[name] })),
  ]
  for (const { name, measures, result } of rows) {
    if (ages.get(name) !== 'older') continue
    const [last, ...others] = changesSince(result?.commit ?? '', measures)
    console.log(`older than the code: ${name} (${result?.commit}); ${others.length + 1} commits since, the last one is ${last}`)
  }
}

/** Runs a bench that prints its own figures, with the arguments after its name. */
function runSeparate(name: string, args: readonly string[]): number {
  const file = fileURLToPath(new URL(`${name}.ts`, import.meta.url))
  return spawnSync(process.execPath, [file, ...args], { stdio: 'inherit' }).status ?? 1
}

const [first = '', ...others] = process.argv.slice(2)
if ((separate as readonly string[]).includes(first)) process.exit(runSeparate(first, others))
const order = readOrder(process.argv.slice(2))
if ('wrong' in order) {
  console.error(`${order.wrong === '' ? '' : `bench: ${order.wrong}\n\n`}${usage}`)
  process.exit(order.wrong === '' ? 0 : 2)
}
// Connections of clients may still be open.
process.exit(await run(order))
