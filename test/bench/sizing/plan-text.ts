// What the sizing page says of pods, examples and limits, calculated by the formula.
import { connectionLimit } from '../../../gateway/smtp/capacity.ts'
import { grouped } from '../verdict.ts'
import type { Costs } from './costs.ts'
import {
  byteCpu,
  cpuOf,
  mostNeeded,
  type Plan,
  planFor,
  type PodLimit,
  podUses,
  ratesOf,
  secondsOf,
  type ServerLimit,
  workersWorth,
} from './demand.ts'
import { defaults, type Example, examples, type Kind, kinds, type Settings, usualVisits, type Visits } from './settings.ts'
import { table } from './table.ts'

const kindNames: Readonly<Record<Kind, string>> = {
  pregreet: 'bots that speak early',
  listed: 'listed clients',
  first: 'first visits that pass',
  again: 'remembered clients',
}

const limitNames: Readonly<Record<PodLimit | ServerLimit, string>> = {
  cpu: 'CPU',
  preQueue: '`limits.preQueue`',
  openFiles: 'open files',
  memory: 'memory',
  conntrack: 'conntrack entries of the node',
  ports: 'local ports towards Postfix',
  connectRate: '`backend.connectRate`',
  dns: 'DNS servers',
  valkey: 'Valkey',
  postfix: 'sessions of Postfix',
}

const mebi = 1 << 20
const digitsOf = (value: number): number => (value < 10 ? 2 : value < 100 ? 1 : 0)
const short = (value: number): string => grouped(value, digitsOf(value))

/** Pods of several sizes. */
const podSizes = [
  { cores: 1, memory: 512 * mebi },
  { cores: 2, memory: 1024 * mebi },
  { cores: 4, memory: 2048 * mebi },
] as const

/** Node and mail servers have room: what is left are CPU, memory and the limits of the policy. */
const roomyNode = { conntrack: Number.POSITIVE_INFINITY, ports: Number.POSITIVE_INFINITY, connectRate: Number.POSITIVE_INFINITY }

/** For each pod size, how many visits of each kind alone it carries, and the limit that is reached first; without the limits of the node, and with them. */
export function podTable(costs: Costs): string {
  const cells = (settings: Settings): readonly string[] =>
    kinds.map((kind) => {
      const visits = { ...usualVisits, perMinute: 60, shares: { pregreet: 0, listed: 0, first: 0, again: 0, [kind]: 1 } }
      const first = mostNeeded(podUses(costs, visits, settings, settings.workers))
      return `${grouped(1 / first.needed, 0)}/s (${limitNames[first.name]})`
    })
  const rows = podSizes.map(({ cores, memory }) => {
    const name = `${cores} ${cores === 1 ? 'core' : 'cores'}, ${memory / mebi}Mi`
    return [name, ...cells({ ...defaults, ...roomyNode, workers: cores, memory })]
  })
  const onNode = ['any of them, on a node with the default limits', ...cells({ ...defaults, workers: 4, memory: 2048 * mebi })]
  return `${table(['Pod', ...kinds.map((kind) => kindNames[kind])], [...rows, onNode])}\n\n${relayText(costs)}`
}

/** Bytes alone: how much one core relays. */
function relayText(costs: Costs): string {
  const perMiB = Math.max(1, byteCpu(costs) * mebi)
  const rate = (defaults.target * 1e6) / perMiB
  return `Relayed bytes alone: ${grouped(perMiB, 0)} µs for each MiB, so ${grouped(rate, 0)} MiB/s for each core if ${defaults.target * 100} % of it are planned for. A gateway without clients uses ${grouped(costs.idleBytes / 1e6, 0)} MB, and ${grouped(costs.processBytes / 1e6, 0)} MB after load, plus the memory of its connections.`
}

/** The worked example: each line of the formula with its numbers. */
export function exampleText(costs: Costs, { name, visits, settings }: Example): string {
  const plan = planFor(costs, visits, settings)
  const lines = [
    ...cpuLines(costs, visits, settings, plan),
    ...connectionLines(visits, settings, plan),
    ...serverLines(costs, visits, settings, plan),
  ]
  const ending = `**${counted(plan.podCount, 'pod', 'pods')} for the load, and one more so that one may fail: ${plan.podCount + 1}.** The limit that is reached first: ${limitNames[plan.first.name]}.`
  return `### ${name} connections a minute\n\n${lines.map((text) => `- ${text}`).join('\n')}\n\n${ending}`
}

const pods = (needed: number): string => `${grouped(needed, 2)} pods`
const counted = (count: number, one: string, many: string): string => `${count} ${count === 1 ? one : many}`
const coresText = (cores: number): string => `${grouped(cores, cores < 0.1 ? 4 : 2)} cores`

function neededOf(plan: Plan, name: PodLimit): number {
  return plan.pods.find((use) => use.name === name)?.needed ?? 0
}

function cpuLines(costs: Costs, visits: Visits, settings: Settings, plan: Plan): readonly string[] {
  const [rates, cpu] = [ratesOf(visits), cpuOf(costs, visits, settings)]
  const terms = kinds.map((kind) => `${short(rates[kind])} × ${grouped(cpu[kind], 0)} µs`).join(' + ')
  return [
    `visits per second: ${kinds.map((kind) => `${short(rates[kind])} ${kindNames[kind]}`).join(', ')}`,
    `CPU: ${terms} = ${coresText(plan.demand.cores)}; ÷ (${grouped(workersWorth(costs, settings.workers), 2)} × ${settings.target}) = ${pods(neededOf(plan, 'cpu'))}`,
  ]
}

function connectionLines(visits: Visits, settings: Settings, plan: Plan): readonly string[] {
  const [rates, seconds, { demand, serverCounts }] = [ratesOf(visits), secondsOf(visits), plan]
  const test = kinds.filter((kind) => seconds[kind].test > 0).map((kind) => `${short(rates[kind])} × ${seconds[kind].test} s`)
  const files = settings.workers * connectionLimit(settings.openFiles, 0).connections
  return [
    `under test: ${test.join(' + ')} = ${short(demand.underTest)} connections; ÷ (${grouped(settings.preQueue, 0)} × ${settings.target}) = ${pods(neededOf(plan, 'preQueue'))}`,
    `open connections: ${short(demand.connections)}; ÷ (${grouped(files, 0)} × ${settings.target}) = ${pods(neededOf(plan, 'openFiles'))}`,
    `memory of connections: ${pods(neededOf(plan, 'memory'))}`,
    `conntrack: ${grouped(demand.conntrack, 0)} entries; ÷ (${grouped(settings.conntrack, 0)} × ${settings.target}) = ${pods(neededOf(plan, 'conntrack'))}, one on each node`,
    `local ports: ${short(demand.relays)} relayed sessions per second × (${visits.session} + ${settings.portClosed} s) ÷ ${counted(serverCounts.postfix, 'mail server', 'mail servers')}; ÷ (${grouped(settings.ports, 0)} × ${settings.target}) = ${pods(neededOf(plan, 'ports'))}`,
  ]
}

function serverLines(costs: Costs, visits: Visits, settings: Settings, { demand, serverCounts }: Plan): readonly string[] {
  const { target, backendSessions, sharedStore } = settings
  const store = `Valkey: ${short(demand.storeRequests)} requests per second, ${coresText(demand.storeCores)}; ÷ ${target}: ${counted(serverCounts.valkey, 'primary', 'primaries')}`
  return [
    `DNS: ${short(demand.questions)} questions per second (${visits.lists} for each listed client and each first visit) × ${grouped(costs.questionCpu, 1)} µs = ${coresText(demand.dnsCores)}; ÷ ${target}: ${counted(serverCounts.dns, 'DNS server', 'DNS servers')}, and another one so that one may fail`,
    ...(sharedStore ? [store] : []),
    `Postfix: ${short(demand.relayed)} sessions at the same time; ÷ (${backendSessions} × ${target}): ${counted(serverCounts.postfix, 'mail server', 'mail servers')}`,
  ]
}

/** How many pods each limit asks for, under several settings. */
export function usesTable(
  costs: Costs,
  visits: Visits,
  columns: readonly { readonly name: string; readonly settings: Settings }[],
): string {
  const plans = columns.map(({ settings }) => planFor(costs, visits, settings))
  const [one] = plans
  const rows = (one?.pods ?? []).map(({ name }) => [
    limitNames[name],
    ...plans.map((plan) => (plan.first.name === name ? `**${grouped(neededOf(plan, name), 1)}**` : grouped(neededOf(plan, name), 1))),
  ])
  const counts = ['pods for the load', ...plans.map(({ podCount }) => String(podCount))]
  return table(['Pods that the limit asks for', ...columns.map(({ name }) => name)], [...rows, counts])
}

const whole = (cores: number): string => `${Math.max(100, Math.ceil((cores * 1000) / 100) * 100)}m`

/** Fields of the policy, and settings of nodes and servers, for each example. */
export function valuesTable(costs: Costs): string {
  const plans = examples.map(({ visits, settings }) => ({ visits, settings, plan: planFor(costs, visits, settings) }))
  const row = (label: string, of: (one: (typeof plans)[number]) => string): readonly string[] => [label, ...plans.map(of)]
  const least = ({ plan }: (typeof plans)[number]): number => plan.podCount + 1
  const rows = [
    row('`gateway.autoscaling.minReplicas`, or `gateway.replicas`', (one) => String(least(one))),
    row('`gateway.autoscaling.maxReplicas`', (one) => String(Math.max(4, Math.ceil(least(one) * 1.5)))),
    row('`gateway.autoscaling.targetActiveSessions`', ({ settings }) => grouped(settings.preQueue * settings.target, 0)),
    row('`gateway.workers`', ({ settings }) => String(settings.workers)),
    row('`gateway.resources.requests.cpu`', ({ plan, settings }) =>
      whole(Math.min(settings.workers, plan.demand.cores / plan.podCount / settings.target)),
    ),
    row('`gateway.resources.limits.memory`', ({ settings }) => `${settings.memory / mebi}Mi`),
    row('`limits.preQueue`', ({ settings }) => grouped(settings.preQueue, 0)),
    row('`limits.connections`', () => '0 (the limit of open files)'),
    row('`allowlist.store`', ({ settings }) => (settings.sharedStore ? '`Valkey`' : '`Local`')),
    row('mail servers in `backend`', ({ plan }) => String(plan.serverCounts.postfix)),
    row('`default_process_limit` of Postfix', ({ settings }) => grouped(settings.backendSessions, 0)),
    row('DNS servers', ({ plan }) => String(plan.serverCounts.dns + 1)),
    row('open files of a container', ({ plan }) => `at least ${grouped(filesOf(plan), 0)}`),
    row('`net.netfilter.nf_conntrack_max` of a node', ({ settings }) => grouped(settings.conntrack, 0)),
  ]
  return table(['Setting', ...examples.map(({ name }) => `${name} a minute`)], rows)
}

/** Twice the connections of a pod with room for peaks, and 256 for the process itself; no less than what systemd gives a login. */
const filesOf = ({ demand, podCount }: Plan): number =>
  Math.max(4096, Math.ceil(((demand.connections / podCount / defaults.target) * 2 + 256) / 1024) * 1024)
