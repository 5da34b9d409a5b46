// The primary process of a gateway of several workers: starts them, starts them again, passes on what it is told, and speaks for them all.
// It takes no client. The workers listen on the same addresses, and the kernel deals out the clients (SO_REUSEPORT); node:cluster would take
// every connection here and send it on.
import { backOffDelay } from '../../../runtime/back-off.ts'
import type { ProbeMessage } from '../../backend/probe-sharing.ts'
import type { AdminServer } from '../../../runtime/admin-server.ts'
import { serveAdmin } from '../../observability/admin.ts'
import { parseEndpoint } from '../../../crds/values/endpoint.ts'
import type { Log, LogFormat, LogLevel } from '../../observability/log.ts'
import type { Gateway } from '../gateway.ts'
import type { GatewayOptions } from '../options.ts'
import { version } from '../../../runtime/version.ts'
import { WorkerProcess } from './worker-process.ts'
import { WorkersMetrics } from './workers-metrics.ts'
import { notReadyOf, type PrimaryReport, type WorkerReport, workersStatusPage } from './workers-status.ts'

export interface PrimaryOptions extends Omit<GatewayOptions, 'worker'> {
  readonly workers: number
  readonly logFormat: LogFormat
  readonly logLevel: LogLevel
  /** Takes the workers' log lines. */
  readonly lines: (text: string) => void
}

/** The pause before a worker that ended is started again, doubled each time until one has lived for a minute. */
const pauses = { firstMs: 200, longestMs: 30_000 }
const steadyMs = 60_000
/** A worker that says nothing for so long is stuck and is ended, as a kubelet would end a lone gateway. */
const silentMs = 60_000
const lookMs = 10_000
/** What a worker may take after its drain time: last replies, then its stores. Less than the 15 s after which a pod is killed. */
const closingMs = 12_000

/** One of the workers: its number, and the process that has that number now. */
interface WorkerSlot {
  readonly number: number
  process: WorkerProcess | undefined
  listening: readonly string[]
  restarts: number
  /** Ends in a row, each soon after the start. */
  failures: number
  /** Why it said that it cannot go on. */
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
  /** Where workers are to listen; with the port that the first one got where any free one was asked for. */
  #listen: readonly string[] | undefined
  #hasListened = false
  #adminServer: AdminServer | undefined
  #watch: NodeJS.Timeout | undefined
  /** Where the worker is that makes the probes of backends. */
  #prober: WorkerSlot | undefined
  #draining = false

  constructor(options: PrimaryOptions) {
    this.#options = options
    this.#log = options.log
    this.#listen = options.listen
    this.#slots = Array.from({ length: options.workers }, (_, index) => newSlot(index + 1))
    // Nobody has to ask.
    this.#failure.promise.catch(() => undefined)
  }

  get listening(): readonly string[] {
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
    // A second signal ends this process at once, and must end all.
    process.once('exit', () => this.#killAll())
    const [first] = this.#slots
    if (first !== undefined) this.#start(first)
    this.#watch = setInterval(() => this.#endSilentOnes(), lookMs).unref()
    if (this.#options.awaitPolicy !== true) await Promise.race([this.#firstListens.promise, this.#failure.promise])
  }

  reload(): void {
    for (const { process: worker } of this.#slots) worker?.reload()
  }

  async drain(timeoutMs: number, delayMs = 0): Promise<void> {
    this.#draining = true
    clearInterval(this.#watch)
    const ends = this.#slots.map(async ({ process: worker, timer }) => {
      clearTimeout(timer)
      worker?.drain(timeoutMs, delayMs)
      await worker?.ended
    })
    const late = setTimeout(() => this.#killAll(), delayMs + timeoutMs + closingMs)
    await Promise.all(ends)
    clearTimeout(late)
    this.#adminServer?.close()
  }

  async #openAdmin(): Promise<void> {
    const { admin } = this.#options
    const endpoint = admin === undefined ? undefined : parseEndpoint(admin)
    if (endpoint === undefined) return
    this.#adminServer = await serveAdmin(endpoint, {
      notReady: async () => notReadyOf(this.#report(), await this.#reports()),
      status: async () => workersStatusPage(this.#report(), await this.#reports()),
      metrics: () => this.#metricsPage(),
    })
    this.#log.info(`admin server on ${this.#adminServer.address}`)
  }

  #start(slot: WorkerSlot): void {
    const { workers, log: _log, admin: _admin, lines, listen: _listen, ...shared } = this.#options
    const options = {
      ...shared,
      ...(this.#listen !== undefined && { listen: this.#listen }),
      // A worker that comes back while the policy file is bad waits until it is good; the others go on with the last good one.
      awaitPolicy: this.#options.awaitPolicy === true || this.#hasListened,
      worker: { number: slot.number, of: workers },
      prober: this.#prober === undefined,
    }
    slot.why = undefined
    const worker = new WorkerProcess(options, {
      listening: (addresses) => this.#listens(slot, addresses),
      failed: (why) => (slot.why = why),
      backends: (message) => this.#passOn(slot, message),
      ended: (how) => this.#ended(slot, worker, how),
      lines,
    })
    slot.process = worker
    this.#prober ??= slot
  }

  /** What one worker has learnt of backends is for all others; a question is for the one that makes the probes. */
  #passOn(from: WorkerSlot, message: ProbeMessage): void {
    const to = message.is === 'ask' ? [this.#prober] : this.#slots
    for (const slot of to) if (slot !== from) slot?.process?.hearOfBackends(message)
  }

  #listens(slot: WorkerSlot, addresses: readonly string[]): void {
    slot.listening = addresses
    if (!this.#hasListened) {
      this.#hasListened = true
      if (this.#listen?.some((address) => address.endsWith(':0')) === true) this.#listen = addresses
      if (!this.#draining) for (const other of this.#slots) if (other !== slot) this.#start(other)
      this.#firstListens.resolve()
    }
  }

  /** Only its own clients are lost; the others serve on. */
  #ended(slot: WorkerSlot, worker: WorkerProcess, how: string): void {
    slot.process = undefined
    slot.listening = []
    if (this.#prober === slot) {
      this.#prober = this.#slots.find(({ process: other }) => other !== undefined)
      this.#prober?.process?.becomeProber()
    }
    this.#metrics.ended(slot.number)
    if (this.#draining) return
    // Before any of them has listened it is the gateway that cannot start.
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

  #endSilentOnes(): void {
    for (const { number, process: worker } of this.#slots) {
      if (worker === undefined) continue
      if (worker.silentMs > silentMs) {
        this.#log.warning(`worker ${number} has not answered for ${silentMs / 1000} s and is ended`, { worker: number, pid: worker.pid })
        worker.kill()
      } else void worker.ask('status')
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
        page: await worker?.ask('status'),
      })),
    )
  }

  async #metricsPage(): Promise<{ readonly type: string; readonly text: string }> {
    await Promise.all(
      this.#slots.map(async (slot) => {
        const worker = slot.process
        const values = await worker?.ask('metrics')
        // An answer of one that has ended meanwhile would be counted for the next one too.
        if (values !== undefined && slot.process === worker) this.#metrics.heard(slot.number, values)
      }),
    )
    return this.#metrics.text()
  }
}

function newSlot(number: number): WorkerSlot {
  return { number, process: undefined, listening: [], restarts: 0, failures: 0, why: undefined, timer: undefined }
}
