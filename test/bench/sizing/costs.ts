// The measured costs on which the sizing page is based, and where each comes from.
import { slope } from '../../laboratory/figures.ts'
import type { CurveResult, Results } from '../results.ts'
import { spreadOf } from '../verdict.ts'

/** Costs of one visit, one connection or one process. CPU times are microseconds, memory is bytes. */
export interface Costs {
  readonly pregreetCpu: number
  readonly listedCpu: number
  readonly firstCpu: number
  readonly againCpu: number
  /** With a Valkey. */
  readonly firstSharedCpu: number
  readonly againSharedCpu: number
  /** For each DNS list beyond `measuredLists`. */
  readonly listCpu: number
  /** For a message of `smallMessage` and of `largeMessage` bytes. */
  readonly smallRelayCpu: number
  readonly largeRelayCpu: number
  readonly heldBytes: number
  readonly relayedBytes: number
  /** Of a gateway without clients, and of one that has been under load. */
  readonly idleBytes: number
  readonly processBytes: number
  readonly questionCpu: number
  /** For each visit. */
  readonly lookups: number
  readonly writes: number
  /** CPU of the Valkey for one first visit (a lookup and a write), and for one of a remembered client (a lookup). */
  readonly firstStoreCpu: number
  readonly againStoreCpu: number
  /** Sessions per second of CPU time of the busiest thread. */
  readonly oneWorker: number
  readonly twoWorkers: number
}

/** Of the cases that measure visits. */
export const measuredLists = 3
export const smallMessage = 4096
export const largeMessage = 1 << 20

export interface CostSource {
  readonly label: string
  readonly unit: string
  readonly digits: number
  /** The name of a case, or of a curve with `growth-` in front. */
  readonly row: string
  readonly contender: string
  /** Not used for a curve, of which the slope counts. */
  readonly figure: string
  /** The unit of the figure in the units of `Costs`. */
  readonly factor?: number
}

const gateway = 'gateway'
const shared = 'gateway, Valkey'

export const costSources: Readonly<Record<keyof Costs, CostSource>> = {
  pregreetCpu: {
    label: 'CPU: a bot that speaks before the greeting',
    unit: 'µs',
    digits: 0,
    row: 'pregreet',
    contender: gateway,
    figure: 'cpu',
  },
  listedCpu: { label: 'CPU: a listed client, 3 lists', unit: 'µs', digits: 0, row: 'dnsbl', contender: gateway, figure: 'cpu' },
  firstCpu: { label: 'CPU: a first visit, 3 lists, 4 KiB', unit: 'µs', digits: 0, row: 'visits', contender: gateway, figure: 'first-cpu' },
  againCpu: { label: 'CPU: a remembered client, 4 KiB', unit: 'µs', digits: 0, row: 'visits', contender: gateway, figure: 'again-cpu' },
  firstSharedCpu: {
    label: 'CPU: a first visit with a Valkey',
    unit: 'µs',
    digits: 0,
    row: 'visits',
    contender: shared,
    figure: 'first-cpu',
  },
  againSharedCpu: {
    label: 'CPU: a remembered client with a Valkey',
    unit: 'µs',
    digits: 0,
    row: 'visits',
    contender: shared,
    figure: 'again-cpu',
  },
  listCpu: { label: 'CPU: each further DNS list', unit: 'µs', digits: 0, row: 'growth-sites', contender: gateway, figure: '' },
  smallRelayCpu: { label: 'CPU: a relayed session, 4 KiB', unit: 'µs', digits: 0, row: 'relay', contender: gateway, figure: 'small-cpu' },
  largeRelayCpu: { label: 'CPU: a relayed session, 1 MiB', unit: 'µs', digits: 0, row: 'relay', contender: gateway, figure: 'large-cpu' },
  heldBytes: { label: 'memory: a connection under test', unit: 'B', digits: 0, row: 'hold', contender: gateway, figure: 'bytes' },
  relayedBytes: { label: 'memory: a relayed session', unit: 'B', digits: 0, row: 'hold-relayed', contender: gateway, figure: 'bytes' },
  idleBytes: {
    label: 'memory: a gateway without clients',
    unit: 'MB',
    digits: 0,
    row: 'idle',
    contender: gateway,
    figure: 'resident',
    factor: 1e6,
  },
  processBytes: {
    label: 'memory: a gateway that has been under load',
    unit: 'MB',
    digits: 0,
    row: 'dnsbl',
    contender: gateway,
    figure: 'resident',
    factor: 1e6,
  },
  questionCpu: {
    label: 'DNS server: CPU per question (rbldnsd)',
    unit: 'µs',
    digits: 1,
    row: 'visits',
    contender: gateway,
    figure: 'first-question-cpu',
  },
  lookups: { label: 'Valkey: lookups per visit', unit: '', digits: 2, row: 'visits', contender: shared, figure: 'again-lookups' },
  writes: { label: 'Valkey: writes per first visit', unit: '', digits: 2, row: 'visits', contender: shared, figure: 'first-writes' },
  firstStoreCpu: {
    label: 'Valkey: CPU per first visit',
    unit: 'µs',
    digits: 1,
    row: 'visits',
    contender: shared,
    figure: 'first-store-cpu',
  },
  againStoreCpu: {
    label: 'Valkey: CPU per visit of a remembered client',
    unit: 'µs',
    digits: 1,
    row: 'visits',
    contender: shared,
    figure: 'again-store-cpu',
  },
  oneWorker: { label: 'capacity of one worker', unit: '/s', digits: 0, row: 'workers', contender: 'one worker', figure: 'capacity' },
  twoWorkers: { label: 'capacity of two workers', unit: '/s', digits: 0, row: 'workers', contender: 'two workers', figure: 'capacity' },
}

/** The slope of the curve: the cost of one step more. */
function slopeOf({ points }: CurveResult, series: string): number {
  return slope(points.filter((point) => point.series === series).flatMap(({ x, values }) => values.map((y) => ({ x, y }))))
}

/** In the unit of the source; undefined if it was not measured. */
export function measuredCost({ curves, cases }: Results, { row, contender, figure }: CostSource): number | undefined {
  if (row.startsWith('growth-')) {
    const curve = curves[row.slice('growth-'.length)]
    return curve === undefined ? undefined : slopeOf(curve, contender)
  }
  const result = cases[row]
  return result === undefined ? undefined : spreadOf(result, contender, figure)?.median
}

/** All costs, or the names of the rows that must be measured first. */
export function costsOf(results: Results): Costs | { readonly missing: readonly string[] } {
  const entries = Object.entries(costSources).map(([name, source]) => {
    const value = measuredCost(results, source)
    return { name, row: source.row, value: value === undefined ? undefined : value * (source.factor ?? 1) }
  })
  const missing = [...new Set(entries.flatMap(({ row, value }) => (value === undefined ? [row] : [])))]
  if (missing.length > 0) return { missing }
  return Object.fromEntries(entries.map(({ name, value }) => [name, value])) as unknown as Costs
}
