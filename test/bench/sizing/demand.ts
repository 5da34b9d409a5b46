// The formula of the sizing page: what visits ask of pods, nodes and servers, which limit is reached first, and how many of each are needed.
import { connectionLimit } from '../../../gateway/smtp/capacity.ts'
import { type Costs, largeMessage, measuredLists, smallMessage } from './costs.ts'
import { type Kind, kinds, type Settings, type Visits } from './settings.ts'

/** What is limited, by what has the limit: a pod (or its node), or the servers that all pods use. */
export type PodLimit = 'cpu' | 'preQueue' | 'openFiles' | 'memory' | 'conntrack' | 'ports' | 'connectRate'
export type ServerLimit = 'dns' | 'valkey' | 'postfix'

/** A limit, the demand of all visits, and what one pod or one server has. Both in the same unit. */
export interface Use<Name extends string> {
  readonly name: Name
  readonly demand: number
  readonly capacity: number
  /** Pods or servers that the limit asks for, with a fraction; at 1, one of them is used up to the target. */
  readonly needed: number
}

/** Microseconds of a gateway's CPU for one visit of each kind, with lists, message and store of the setting. */
export function cpuOf(costs: Costs, { lists, messageBytes }: Visits, { sharedStore }: Settings): Readonly<Record<Kind, number>> {
  // A shared store is asked about every client.
  const lookup = sharedStore ? Math.max(0, costs.againSharedCpu - costs.againCpu) : 0
  const further = Math.max(0, costs.listCpu) * (lists - measuredLists)
  const relay = byteCpu(costs) * Math.max(0, messageBytes - smallMessage)
  return {
    pregreet: costs.pregreetCpu + lookup,
    listed: costs.listedCpu + further + lookup,
    first: (sharedStore ? costs.firstSharedCpu : costs.firstCpu) + further + relay,
    again: (sharedStore ? costs.againSharedCpu : costs.againCpu) + relay,
  }
}

/** Microseconds for each relayed byte. */
export const byteCpu = (costs: Costs): number => Math.max(0, costs.largeRelayCpu - costs.smallRelayCpu) / (largeMessage - smallMessage)

/** Seconds that a client of each kind is connected, and those of them that it is under test. */
export function secondsOf({
  greetWait,
  session,
  pregreet,
}: Visits): Readonly<Record<Kind, { readonly test: number; readonly all: number }>> {
  return {
    pregreet: { test: pregreet, all: pregreet },
    listed: { test: greetWait, all: greetWait },
    first: { test: greetWait, all: greetWait + session },
    again: { test: 0, all: session },
  }
}

/** How many workers with a core each are worth as many single ones: two share the work of accepting, so they are worth a little less. */
export function workersWorth({ oneWorker, twoWorkers }: Costs, workers: number): number {
  return workers === 1 ? 1 : workers * Math.min(1, twoWorkers / oneWorker / 2)
}

/** Visits per second by kind. */
export function ratesOf({ perMinute, shares }: Visits): Readonly<Record<Kind, number>> {
  const perSecond = perMinute / 60
  return {
    pregreet: perSecond * shares.pregreet,
    listed: perSecond * shares.listed,
    first: perSecond * shares.first,
    again: perSecond * shares.again,
  }
}

const sum = (of: (kind: Kind) => number): number => kinds.reduce((total, kind) => total + of(kind), 0)

/** What all visits together ask for. */
export interface Demand {
  /** Of gateways: seconds of CPU time per second. */
  readonly cores: number
  /** Connections under test, all client connections, and relayed sessions, at the same time. */
  readonly underTest: number
  readonly connections: number
  readonly relayed: number
  /** Relayed sessions that begin each second. */
  readonly relays: number
  /** DNS questions per second. */
  readonly questions: number
  /** Requests to the Valkey per second. */
  readonly storeRequests: number
  readonly storeCores: number
  readonly dnsCores: number
  /** Entries in the conntrack tables of all nodes. */
  readonly conntrack: number
  /** Local ports for connections to mail servers, closed ones included. */
  readonly ports: number
}

export function demandOf(costs: Costs, visits: Visits, settings: Settings): Demand {
  const [rates, cpu, seconds] = [ratesOf(visits), cpuOf(costs, visits, settings), secondsOf(visits)]
  const relays = rates.first + rates.again
  const questions = (rates.listed + rates.first) * visits.lists
  const store = settings.sharedStore ? { visits: sum((kind) => rates[kind]), first: rates.first } : { visits: 0, first: 0 }
  const closed = settings.conntrackClosed
  return {
    cores: sum((kind) => rates[kind] * cpu[kind]) / 1e6,
    underTest: sum((kind) => rates[kind] * seconds[kind].test),
    connections: sum((kind) => rates[kind] * seconds[kind].all),
    relayed: relays * visits.session,
    relays,
    questions,
    storeRequests: store.visits * costs.lookups + store.first * costs.writes,
    storeCores: (store.visits * costs.againStoreCpu + store.first * Math.max(0, costs.firstStoreCpu - costs.againStoreCpu)) / 1e6,
    dnsCores: (questions * costs.questionCpu) / 1e6,
    conntrack: sum((kind) => rates[kind] * (seconds[kind].all + closed)) + relays * (visits.session + closed),
    ports: relays * (visits.session + settings.portClosed),
  }
}

/** The limits of pods and their nodes. `backends` is the number of mail servers that the pods share their connections among. */
export function podUses(costs: Costs, visits: Visits, settings: Settings, backends: number): readonly Use<PodLimit>[] {
  const demand = demandOf(costs, visits, settings)
  const { workers, memory, openFiles, preQueue, podsPerNode, conntrack, ports, connectRate, target } = settings
  const limits: readonly (readonly [name: PodLimit, demand: number, capacity: number])[] = [
    ['cpu', demand.cores, workersWorth(costs, workers)],
    ['preQueue', demand.underTest, preQueue],
    ['openFiles', demand.connections, workers * connectionLimit(openFiles, 0).connections],
    ['memory', demand.underTest * costs.heldBytes + demand.relayed * costs.relayedBytes, memory - workers * costs.processBytes],
    ['conntrack', demand.conntrack, conntrack / podsPerNode],
    ['ports', demand.ports / backends, ports],
    ['connectRate', demand.relays / backends, connectRate],
  ]
  return limits.map(([name, wanted, capacity]) => ({ name, demand: wanted, capacity, needed: wanted / (capacity * target) }))
}

/** The limits of DNS servers, of the Valkey, and of mail servers; each server has one core, and a mail server its sessions. */
export function serverUses(costs: Costs, visits: Visits, settings: Settings): readonly Use<ServerLimit>[] {
  const { dnsCores, storeCores, relayed } = demandOf(costs, visits, settings)
  const limits: readonly (readonly [name: ServerLimit, demand: number, capacity: number])[] = [
    ['dns', dnsCores, 1],
    ['valkey', storeCores, 1],
    ['postfix', relayed, settings.backendSessions],
  ]
  return limits.map(([name, demand, capacity]) => ({ name, demand, capacity, needed: demand / (capacity * settings.target) }))
}

export interface Plan {
  readonly demand: Demand
  readonly pods: readonly Use<PodLimit>[]
  readonly servers: readonly Use<ServerLimit>[]
  /** Pods for the load. One more is needed so that one may fail. */
  readonly podCount: number
  readonly serverCounts: Readonly<Record<ServerLimit, number>>
  /** The limit of pods and nodes that is reached first. */
  readonly first: Use<PodLimit>
}

/** The use with the largest need. */
export function mostNeeded<Name extends string>(uses: readonly Use<Name>[]): Use<Name> {
  return uses.reduce((most, use) => (use.needed > most.needed ? use : most))
}

export function planFor(costs: Costs, visits: Visits, settings: Settings): Plan {
  const servers = serverUses(costs, visits, settings)
  const countOf = (name: ServerLimit): number => Math.ceil(servers.find((use) => use.name === name)?.needed ?? 0)
  const serverCounts = { dns: Math.max(1, countOf('dns')), valkey: countOf('valkey'), postfix: Math.max(1, countOf('postfix')) }
  const pods = podUses(costs, visits, settings, serverCounts.postfix)
  const first = mostNeeded(pods)
  return { demand: demandOf(costs, visits, settings), pods, servers, podCount: Math.max(1, Math.ceil(first.needed)), serverCounts, first }
}
