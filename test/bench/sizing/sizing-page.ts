// The parts of docs/sizing.md that are calculated from the measured costs, between markers like those of docs/performance.md.
import { machineText, type PageParts, provenance, replacePart, roundsOf } from '../page.ts'
import type { Results } from '../results.ts'
import { grouped } from '../verdict.ts'
import { type Costs, costsOf, type CostSource, costSources, measuredCost } from './costs.ts'
import { exampleText, podTable, usesTable, valuesTable } from './plan-text.ts'
import { isSimulationOf, largest } from './run-simulation.ts'
import { defaults, examples, type Settings, usualVisits } from './settings.ts'
import { simulationText } from './simulation-text.ts'
import { table } from './table.ts'

/** Writes all parts again. */
export function renewSizing(page: string, parts: PageParts): string {
  const costs = costsOf(parts.results)
  const calculated = 'missing' in costs ? missingTexts(costs.missing) : calculatedTexts(costs, parts.results)
  const texts = { costs: costTable(parts), inputs: inputTable(), ...calculated }
  return Object.entries(texts).reduce((text, [part, content]) => replacePart(text, part, content), page)
}

function missingTexts(missing: readonly string[]): Readonly<Record<string, string>> {
  const text = `Not measured yet: \`npm run bench -- ${missing.join(' ')}\`.`
  return { pod: text, examples: text, limits: text, simulation: text, values: text }
}

function calculatedTexts(costs: Costs, { simulation }: Results): Readonly<Record<string, string>> {
  const withDefaults: Settings = { ...defaults, sharedStore: true }
  return {
    pod: podTable(costs),
    examples: examples.map((example) => exampleText(costs, example)).join('\n\n'),
    limits: usesTable(costs, largest.visits, [
      { name: 'with the defaults', settings: withDefaults },
      { name: 'with the values of the example', settings: largest.settings },
    ]),
    simulation:
      simulation !== undefined && isSimulationOf(simulation, costs)
        ? simulationText(simulation.runs)
        : 'The costs have changed since the last simulation: `npm run bench -- sizing`.',
    values: valuesTable(costs),
  }
}

/** Every cost with the row that it comes from. */
function costTable({ results, ages }: PageParts): string {
  const rows = Object.values(costSources).map((source) => {
    const value = measuredCost(results, source)
    const text = value === undefined ? 'not measured yet' : `${grouped(value, source.digits)}${source.unit === '' ? '' : ` ${source.unit}`}`
    return [source.label, text, `\`${source.row}\``, measuredText(source, results, ages)]
  })
  return `${table(['Cost', 'Median', 'Case', 'Measured'], rows)}\n\n${machinesText(results)}`
}

function measuredText({ row }: CostSource, { cases, curves }: Results, ages: PageParts['ages']): string {
  const result = cases[row]
  if (result !== undefined) return provenance(result, ages.get(row), roundsOf(result))
  const curve = curves[row.replace('growth-', '')]
  return curve === undefined ? '' : provenance(curve, ages.get(row))
}

/** The machines of the rows that are used. */
function machinesText({ cases, curves }: Results): string {
  const rows = [...new Set(Object.values(costSources).map(({ row }) => row))]
  const byMachine = new Map<string, string[]>()
  for (const row of rows) {
    const result = cases[row] ?? curves[row.replace('growth-', '')]
    if (result === undefined) continue
    const busy = result.machine.busy > 0.1 ? ', **while other programs used the machine**' : ''
    const text = `${machineText(result.machine)}${busy}`
    byMachine.set(text, [...(byMachine.get(text) ?? []), row])
  }
  return [...byMachine].map(([text, of]) => `- ${of.join(', ')}: ${text}`).join('\n')
}

const percent = (share: number): string => `${grouped(share * 100, 0)} %`

/** The inputs that are not measured, with their defaults. */
function inputTable(): string {
  const { shares, messageBytes, lists, greetWait, session, pregreet, peak } = usualVisits
  const rows: readonly (readonly [string, string, string])[] = [
    ['share of bots that speak before the greeting', percent(shares.pregreet), 'an assumption: count `PREGREET` in your log'],
    ['share of listed clients', percent(shares.listed), 'an assumption: count `DNSBL`'],
    ['share of first visits that pass', percent(shares.first), 'an assumption: count `PASS NEW`'],
    ['share of remembered clients', percent(shares.again), 'an assumption: count `PASS OLD`'],
    ['size of a message', `${grouped(messageBytes / 1024, 0)} KiB`, 'an assumption'],
    ['DNS lists', String(lists), '`dnsbl.sites` of the policy'],
    ['greet wait', `${greetWait} s`, 'default of `greet.wait`'],
    ['duration of a relayed session', `${session} s`, 'an assumption'],
    ['time until a bot speaks', `${pregreet} s`, 'an assumption'],
    ['busiest seconds, compared with the average', `${peak}×`, 'an assumption'],
    [
      'share of each limit that is planned for',
      percent(defaults.target),
      'the rest is for the busiest seconds; also the default of `autoscaling.targetCPUUtilization`',
    ],
    ['connections under test in a pod', grouped(defaults.preQueue, 0), 'default of `limits.preQueue`'],
    ['open files of a process', grouped(defaults.openFiles, 0), 'hard limit of systemd, which container runtimes inherit'],
    ['conntrack entries of a node', grouped(defaults.conntrack, 0), 'kube-proxy: `conntrack-min`; 32,768 for each core from the fifth'],
    ['time that the entry of a closed connection stays', `${defaults.conntrackClosed} s`, 'Linux: `nf_conntrack_tcp_timeout_time_wait`'],
    ['local ports for connections to one mail server', grouped(defaults.ports, 0), 'Linux: `ip_local_port_range`, 32768 to 60999'],
    ['time until the port of a closed connection is free', `${defaults.portClosed} s`, 'Linux: TIME_WAIT'],
    ['new connections per second from a pod to one mail server', grouped(defaults.connectRate, 0), 'default of `backend.connectRate`'],
    ['sessions at the same time in one Postfix', grouped(defaults.backendSessions, 0), 'Postfix: `default_process_limit`'],
  ]
  return table(['Input', 'Value', 'Source'], rows)
}
