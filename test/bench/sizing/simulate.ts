// A simulation of a whole installation: visits arrive at random, and wait for gateways, DNS servers, Valkey and mail servers, each with the measured costs.
import type { Costs } from './costs.ts'
import { connectionLimit } from '../../../gateway/smtp/capacity.ts'
import { cpuOf, demandOf, type Plan, ratesOf, secondsOf, workersWorth } from './demand.ts'
import { Calendar, Cores, Waits } from './queue.ts'
import { Random } from './random.ts'
import type { SimulationResult, StageResult } from './simulation-result.ts'
import { type Kind, kinds, type Settings, type Visits } from './settings.ts'

export interface SimulationOptions {
  readonly costs: Costs
  readonly visits: Visits
  readonly settings: Settings
  readonly pods: number
  readonly servers: Plan['serverCounts']
  readonly seed: number
  /** Measured time, in cycles of `cycle` seconds. */
  readonly cycles?: number
}

/** The busiest seconds, and how often they come: five of twenty. In the others, the rate is lower, so that the average is the given rate. */
const cycle = 20
const busySeconds = 5
/** Until connections under test and sessions are as many as in the long run. */
const warmUp = 15
/** Answers of lists over the network, in seconds. Most come from the cache of the DNS server. */
const dnsDelay = 0.02
const valkeyDelay = 0.0005

interface Counts {
  underTest: number
  open: number
  relayed: number
}

/** The parts of a simulation, and its time. */
class Installation {
  readonly options: SimulationOptions
  readonly random: Random
  readonly calendar: Calendar
  readonly gateways: Cores
  readonly dns: Cores
  readonly valkey: Cores
  readonly waits = { gateway: new Waits(), dns: new Waits(), valkey: new Waits(), postfix: new Waits() }
  readonly pods: Counts[]
  readonly fullest = { preQueue: 0, openFiles: 0, conntrack: 0, ports: 0 }
  readonly end: number
  readonly #cpu: Readonly<Record<Kind, number>>
  readonly #seconds: ReturnType<typeof secondsOf>
  readonly #slots: number
  readonly #waiting: (() => void)[] = []
  readonly #speed: number
  #sessions = 0
  /** When the last session ended: the next one that waits begins then. */
  #freeAt = 0
  #sessionSeconds = 0
  arrived = 0
  refused = 0

  constructor(options: SimulationOptions) {
    const { costs, visits, settings, pods, servers, seed, cycles = 1 } = options
    this.options = options
    this.end = warmUp + cycles * cycle
    this.random = new Random(seed)
    this.calendar = new Calendar(this.end)
    this.gateways = new Cores(pods * settings.workers)
    this.dns = new Cores(servers.dns)
    this.valkey = new Cores(servers.valkey)
    this.pods = Array.from({ length: pods }, () => ({ underTest: 0, open: 0, relayed: 0 }))
    this.#cpu = cpuOf(costs, visits, settings)
    this.#seconds = secondsOf(visits)
    this.#slots = servers.postfix * settings.backendSessions
    this.#speed = workersWorth(costs, settings.workers) / settings.workers
  }

  /** The share of the sessions of all mail servers that was used on average. */
  sessionShare(): number {
    return this.#sessionSeconds / (this.end * this.#slots)
  }

  #note(stage: keyof Installation['waits'], now: number, wait: number): void {
    if (now >= warmUp) this.waits[stage].add(wait)
  }

  /** Work for a gateway's core; the visit goes on afterwards. */
  #work(core: number, now: number, micros: number): number {
    const work = micros / 1e6 / this.#speed
    const wait = this.gateways.give(core, now, work)
    this.#note('gateway', now, wait)
    return now + wait + work
  }

  /** One question for each list, each to one of the servers. @returns when the last answer is here */
  #ask(now: number): number {
    const { lists } = this.options.visits
    let last = now
    for (let list = 0; list < lists; list++) {
      const work = this.options.costs.questionCpu / 1e6
      const wait = this.dns.give(this.random.below(this.dns.count), now, work)
      this.#note('dns', now, wait)
      last = Math.max(last, now + wait + work + dnsDelay)
    }
    return last
  }

  /** @returns when the answer is here */
  #lookUp(now: number, micros: number): number {
    if (this.valkey.count === 0) return now
    const wait = this.valkey.give(this.random.below(this.valkey.count), now, micros / 1e6)
    this.#note('valkey', now, wait)
    return now + wait + micros / 1e6 + valkeyDelay
  }

  /** A session with a mail server, as soon as one has room. `done` is called at its end. */
  #deliver(now: number, done: (time: number) => void): void {
    const begin = (time: number): void => {
      this.#sessions++
      this.#note('postfix', time, time - now)
      const lasts = this.random.exponential(this.options.visits.session)
      this.#sessionSeconds += Math.min(lasts, this.end - time)
      this.calendar.at(time + lasts, () => {
        this.#sessions--
        this.#freeAt = time + lasts
        done(time + lasts)
        const next = this.#sessions < this.#slots ? this.#waiting.shift() : undefined
        next?.()
      })
    }
    if (this.#sessions < this.#slots) begin(now)
    else this.#waiting.push(() => begin(this.#freeAt))
  }

  /** Whether the pod takes one more client; notes how full it is. */
  #admits(pod: Counts): boolean {
    const { preQueue, openFiles, workers } = this.options.settings
    const tests = pod.underTest / preQueue
    const files = pod.open / (workers * connectionLimit(openFiles, 0).connections)
    this.fullest.preQueue = Math.max(this.fullest.preQueue, tests)
    this.fullest.openFiles = Math.max(this.fullest.openFiles, files)
    return tests < 1 && files < 1
  }

  /** A client from its first packet to its last. */
  visit(kind: Kind, now: number): void {
    const nth = this.random.below(this.gateways.count)
    const pod = this.pods[nth % this.pods.length] as Counts
    this.arrived++
    if (!this.#admits(pod)) {
      this.refused++
      return
    }
    pod.open++
    const { costs } = this.options
    const known = this.#lookUp(now, costs.againStoreCpu)
    this.calendar.at(known, () => this.#screen(kind, nth, pod, known))
  }

  #screen(kind: Kind, nth: number, pod: Counts, now: number): void {
    const cpu = this.#cpu[kind]
    if (kind === 'again') return this.#relay(nth, pod, now, cpu)
    pod.underTest++
    const leaveTest = (): void => void pod.underTest--
    const ready = this.#work(nth, now, cpu / 2)
    if (kind === 'pregreet') {
      return this.calendar.at(ready + this.#seconds.pregreet.all, () => {
        leaveTest()
        const done = this.#work(nth, ready + this.#seconds.pregreet.all, cpu / 2)
        this.calendar.at(done, () => pod.open--)
      })
    }
    this.calendar.at(ready, () => {
      const passes = Math.max(this.#ask(ready), now + this.#seconds[kind].test)
      this.calendar.at(passes, () => {
        leaveTest()
        if (kind === 'first') return this.#firstPass(nth, pod, passes, cpu / 2)
        const done = this.#work(nth, passes, cpu / 2)
        this.calendar.at(done, () => pod.open--)
      })
    })
  }

  #firstPass(nth: number, pod: Counts, now: number, cpu: number): void {
    this.#remember(now)
    this.#relay(nth, pod, now, cpu)
  }

  #remember(now: number): void {
    const { costs } = this.options
    this.#lookUp(now, Math.max(0, costs.firstStoreCpu - costs.againStoreCpu))
  }

  #relay(nth: number, pod: Counts, now: number, cpu: number): void {
    const ready = this.#work(nth, now, cpu)
    this.calendar.at(ready, () => {
      pod.relayed++
      this.#deliver(ready, () => {
        pod.relayed--
        pod.open--
      })
    })
  }
}

/** The rate at a time, as a multiple of the average. */
function rateAt(time: number, peak: number): number {
  return time % cycle < busySeconds ? peak : (cycle - busySeconds * peak) / (cycle - busySeconds)
}

/** Schedules all arrivals, one after another. */
function letArrive(installation: Installation): void {
  const { visits } = installation.options
  const rates = ratesOf(visits)
  const perSecond = visits.perMinute / 60
  const arrive = (now: number): void => {
    let draw = installation.random.next() * perSecond
    const kind = kinds.find((one) => (draw -= rates[one]) < 0) ?? 'again'
    installation.visit(kind, now)
    const next = now + installation.random.exponential(1 / (perSecond * rateAt(now, visits.peak)))
    if (next < installation.end) installation.calendar.at(next, () => arrive(next))
  }
  arrive(0)
}

/**
 * Conntrack entries and ports change slowly, because those of closed connections stay for one or two minutes: they are counted as in the long run, with
 * the visits that this simulation has let in.
 */
function slowLimits({ options, refused, arrived }: Installation): { readonly conntrack: number; readonly ports: number } {
  const { costs, visits, settings, pods, servers } = options
  const admitted = 1 - refused / Math.max(1, arrived)
  const demand = demandOf(costs, visits, settings)
  return {
    conntrack: (admitted * demand.conntrack * settings.podsPerNode) / pods / settings.conntrack,
    ports: (admitted * demand.ports) / pods / servers.postfix / settings.ports,
  }
}

/** Runs the simulation. The same options give the same result. */
export function simulate(options: SimulationOptions): SimulationResult {
  const installation = new Installation(options)
  letArrive(installation)
  installation.calendar.run()
  const { gateways, dns, valkey, waits, end } = installation
  const stage = (name: StageResult['stage'], servers: number, utilisation: number): StageResult => {
    const [p50 = 0, p99 = 0] = waits[name].quantiles(0.5, 0.99).map((seconds) => seconds * 1000)
    return { stage: name, servers, utilisation, p50, p99 }
  }
  const shareOf = (cores: Cores): number => (cores.count === 0 ? 0 : cores.busy / (end * cores.count))
  const slow = slowLimits(installation)
  const overflow = Math.max(0, 1 - 1 / slow.conntrack, 1 - 1 / slow.ports)
  return {
    pods: options.pods,
    arrived: installation.arrived,
    stages: [
      stage('gateway', gateways.count, shareOf(gateways)),
      stage('dns', dns.count, shareOf(dns)),
      stage('valkey', valkey.count, shareOf(valkey)),
      stage('postfix', options.servers.postfix, installation.sessionShare()),
    ],
    fullest: { ...installation.fullest, ...slow },
    refused: Math.max(installation.refused / Math.max(1, installation.arrived), overflow),
    longestWait: waits.gateway.quantiles(1)[0] ?? 0,
  }
}

/** No client is refused, and 99 of 100 wait at most this long at each stage. A lookup in the shared store may take as long by default. */
export const longestWaitMs = 50

export const suffices = ({ refused, stages }: SimulationResult): boolean => refused === 0 && stages.every(({ p99 }) => p99 <= longestWaitMs)
