// The primary process of a gateway with several workers: starts and restarts them, passes on messages between them, and
// has the admin server for all. It accepts no clients. The workers listen on the same addresses, and the kernel
// distributes the clients (SO_REUSEPORT); node:cluster would accept every connection here and pass it on.
import { backOffDelay } from '../../../runtime/back-off.ts'
import type { BanMessage } from '../../bans/ban-sharing.ts'
import type { AdminServer } from '../../../runtime/admin-server.ts'
import { serveAdmin } from '../../observability/admin.ts'
import type { Endpoint } from '../../../crds/values/endpoint.ts'
import type { Log, LogFormat, LogLevel } from '../../observability/log.ts'
import type { Gateway } from '../gateway.ts'
import type { GatewayOptions } from '../options.ts'
import { version } from '../../../runtime/version.ts'
import { WorkerProcess } from './worker-process.ts'
import { bansOfWorkers, changeBansOfWorkers } from './workers-bans.ts'
import { LivePages, type LiveSource } from '../../observability/live/live-pages.ts'
import { findSessionOfWorkers, liveReportsOfWorkers, searchSessionsOfWorkers } from './workers-live.ts'
import { explainWithWorkers } from './workers-explain.ts'
import { WorkersMetrics } from './workers-metrics.ts'
import { notReadyOf, type PrimaryReport, type WorkerReport, workersStatusPage } from './workers-status.ts'

export interface PrimaryOptions extends Omit<GatewayOptions, 'worker'> {
  readonly workers: number
  readonly logFormat: LogFormat
  readonly logLevel: LogLevel
  /** Receives the workers' log lines. */
  readonly lines: (text: string) => void
}

/** The pause before a worker that ended is started again, doubled each time until one has run for a minute. */
const pauses = { firstMs: 200, longestMs: 30_000 }
const steadyMs = 60_000
/** A worker that does not answer for this long is stuck and is killed, as a kubelet kills a gateway of one process. */
const silentMs = 60_000
const lookMs = 10_000
/**
 * How long a worker may take after its drain time, for last replies and its stores. Less than the 15 s after which a
 * pod is killed.
 */
const closingMs = 12_000

/** One of the workers: its number, and the process that has that number now. */
interface WorkerSlot {
  readonly number: number
  process: WorkerProcess | undefined
  listening: readonly Endpoint[]
  restarts: number
  /** Ends in a row, each soon after the start. */
  failures: number
  /** Why it cannot continue, in its own words. */
  why: string | undefined
  timer: NodeJS.Timeout | undefined
}

/**
 * Starts a gateway of several processes. Resolves and rejects like startGateway.
 * The first worker starts alone: it finds out whether the policy, the ports and the data directory can be used.
 */
export async function startWorkers(options: PrimaryOptions): Promise<Gateway> {
  const primary = new Primary(options)
  try {
    await primary.open()
    return primary
  } catch (error) {
    await primary.drain(0)
    throw error
  }
}

class Primary implements Gateway {
  readonly #options: PrimaryOptions
  readonly #log: Log
  readonly #slots: readonly WorkerSlot[]
  readonly #metrics = new WorkersMetrics(() => this.#slots.filter(({ listening }) => listening.length > 0).length)
  readonly #failure = Promise.withResolvers<never>()
  readonly #firstListens = Promise.withResolvers<void>()
  /** Where workers listen; if a free port was requested, with the port that the first worker got. */
  #listen: readonly Endpoint[] | undefined
  #hasListened = false
  #adminServer: AdminServer | undefined
  #watch: NodeJS.Timeout | undefined
  /** The worker that probes the backends and tests the DNS lists. */
  #prober: WorkerSlot | undefined
  #draining = false
  #drainingSince: number | null = null
  readonly #live: LivePages

  constructor(options: PrimaryOptions) {
    this.#options = options
    this.#log = options.log
    this.#listen = options.listen
    this.#slots = Array.from({ length: options.workers }, (_, index) => newSlot(index + 1))
    this.#live = new LivePages(this.#liveSource())
    // It is optional to wait for it.
    this.#failure.promise.catch(() => undefined)
  }

  get listening(): readonly Endpoint[] {
    return this.#slots.find(({ listening }) => listening.length > 0)?.listening ?? []
  }

  get admin(): string | undefined {
    return this.#adminServer?.address
  }

  get failed(): Promise<never> {
    return this.#failure.promise
  }

  async open(): Promise<void> {
    await this.#openAdmin()
    // A second signal ends this process at once, and must end the workers too.
    process.once('exit', () => this.#killAll())
    const [first] = this.#slots
    if (first !== undefined) this.#start(first)
    this.#watch = setInterval(() => this.#killSilentWorkers(), lookMs).unref()
    if (this.#options.awaitPolicy !== true) await Promise.race([this.#firstListens.promise, this.#failure.promise])
  }

  reload(): void {
    for (const { process: worker } of this.#slots) worker?.reload()
  }

  async drain(timeoutMs: number, delayMs = 0): Promise<void> {
    this.#draining = true
    this.#drainingSince ??= Date.now()
    clearInterval(this.#watch)
    const ends = this.#slots.map(async ({ process: worker, timer }) => {
      clearTimeout(timer)
      worker?.drain(timeoutMs, delayMs)
      await worker?.ended
    })
    const late = setTimeout(() => this.#killAll(), delayMs + timeoutMs + closingMs)
    await Promise.all(ends)
    clearTimeout(late)
    this.#live.close()
    this.#adminServer?.close()
  }

  async #openAdmin(): Promise<void> {
    const { admin } = this.#options
    if (admin === undefined) return
    this.#adminServer = await serveAdmin(admin, {
      notReady: async () => notReadyOf(this.#report(), await this.#reports()),
      status: async () => workersStatusPage(this.#report(), await this.#reports()),
      metrics: () => this.#metricsPage(),
      explain: (query) => explainWithWorkers(this.#slots, query),
      bans: () => bansOfWorkers(this.#slots),
      changeBans: (change) => changeBansOfWorkers(this.#slots, change),
      live: this.#live,
    })
    this.#log.info(`admin server on ${this.#adminServer.address}`)
  }

  #liveSource(): LiveSource {
    const drainingSince = (): number | null => this.#drainingSince
    return {
      status: async () => workersStatusPage(this.#report(), await this.#reports()),
      notReady: async () => notReadyOf(this.#report(), await this.#reports()),
      get drainingSince() {
        return drainingSince()
      },
      reports: (after) => liveReportsOfWorkers(this.#slots, after),
      bans: () => bansOfWorkers(this.#slots),
      search: (query) => searchSessionsOfWorkers(this.#slots, query),
      find: (session) => findSessionOfWorkers(this.#slots, session),
    }
  }

  #start(slot: WorkerSlot): void {
    const { workers, log: _log, admin: _admin, lines, listen: _listen, ...shared } = this.#options
    const options = {
      ...shared,
      ...(this.#listen !== undefined && { listen: this.#listen }),
      // A worker that is restarted while the policy file is invalid waits until it is valid; the others continue with
      // the last good one.
      awaitPolicy: this.#options.awaitPolicy === true || this.#hasListened,
      worker: { number: slot.number, of: workers },
      prober: this.#prober === undefined,
    }
    slot.why = undefined
    const worker = new WorkerProcess(options, {
      listening: (endpoints) => this.#listens(slot, endpoints),
      failed: (why) => (slot.why = why),
      backends: (message) => this.#others(slot, message.is === 'ask', (other) => other.hearOfBackends(message)),
      lists: (message) => this.#others(slot, message.is !== 'news', (other) => other.hearOfLists(message)),
      bans: (message) => this.#passOnBans(slot, message),
      reconnects: (message) => this.#others(slot, false, (other) => other.hearOfReconnects(message)),
      senders: (message) => this.#others(slot, message.is === 'ask', (other) => other.hearOfSenders(message)),
      ended: (how) => this.#ended(slot, worker, how),
      lines,
    })
    slot.process = worker
    this.#prober ??= slot
  }

  /** A result of one worker goes to all others; a question goes to the worker that probes, tests and reads. */
  #others(from: WorkerSlot, isQuestion: boolean, tell: (worker: WorkerProcess) => void): void {
    for (const slot of isQuestion ? [this.#prober] : this.#slots) if (slot !== from && slot?.process !== undefined) tell(slot.process)
  }

  /** News of one worker go to all others. One of them answers a question, so that all learn the same. */
  #passOnBans(from: WorkerSlot, message: BanMessage): void {
    const others = this.#slots.filter((slot) => slot !== from && slot.process !== undefined)
    for (const slot of message.is === 'ask' ? others.slice(0, 1) : others) slot.process?.hearOfBans(message)
  }

  #listens(slot: WorkerSlot, endpoints: readonly Endpoint[]): void {
    slot.listening = endpoints
    if (!this.#hasListened) {
      this.#hasListened = true
      if (this.#listen?.some(({ port }) => port === 0) === true) this.#listen = endpoints
      if (!this.#draining) for (const other of this.#slots) if (other !== slot) this.#start(other)
      this.#firstListens.resolve()
    }
  }

  /** Only its own clients are lost; the other workers continue. */
  #ended(slot: WorkerSlot, worker: WorkerProcess, how: string): void {
    slot.process = undefined
    slot.listening = []
    if (this.#prober === slot) {
      this.#prober = this.#slots.find(({ process: other }) => other !== undefined)
      this.#prober?.process?.becomeProber()
    }
    this.#metrics.ended(slot.number)
    if (this.#draining) return
    // Before any worker has listened, this means that the gateway cannot start.
    if (!this.#hasListened) {
      void this.#fail(new Error(slot.why ?? `the first worker ended while it started (${how})`))
      return
    }
    if (performance.now() - worker.startedAt > steadyMs) slot.failures = 0
    const pauseMs = backOffDelay(pauses, slot.failures++)
    const why = slot.why ?? how
    this.#log.warning(`worker ${slot.number} has ended (${why}), with the clients that it had; another one starts in ${pauseMs} ms`, {
      worker: slot.number,
      pid: worker.pid,
    })
    slot.timer = setTimeout(() => {
      slot.restarts++
      this.#start(slot)
    }, pauseMs)
  }

  async #fail(error: Error): Promise<void> {
    await this.drain(0)
    this.#failure.reject(error)
  }

  #killSilentWorkers(): void {
    for (const { number, process: worker } of this.#slots) {
      if (worker === undefined) continue
      if (worker.silentMs > silentMs) {
        this.#log.warning(`worker ${number} has not answered for ${silentMs / 1000} s and is killed`, { worker: number, pid: worker.pid })
        worker.kill()
      } else void worker.ask({ what: 'status' })
    }
  }

  #killAll(): void {
    for (const { process: worker } of this.#slots) worker?.kill()
  }

  #report(): PrimaryReport {
    return { version, uptimeSeconds: Math.round(process.uptime()), draining: this.#draining }
  }

  #reports(): Promise<readonly WorkerReport[]> {
    return Promise.all(
      this.#slots.map(async ({ number, process: worker, restarts }) => ({
        number,
        pid: worker?.pid,
        restarts,
        page: await worker?.ask({ what: 'status' }),
      })),
    )
  }

  async #metricsPage(): Promise<{ readonly type: string; readonly text: string }> {
    await Promise.all(
      this.#slots.map(async (slot) => {
        const worker = slot.process
        const values = await worker?.ask({ what: 'metrics' })
        // Values of a worker that has ended meanwhile would be counted for its successor as well.
        if (values !== undefined && slot.process === worker) this.#metrics.heard(slot.number, values)
      }),
    )
    return this.#metrics.text()
  }
}

function newSlot(number: number): WorkerSlot {
  return { number, process: undefined, listening: [], restarts: 0, failures: 0, why: undefined, timer: undefined }
}
