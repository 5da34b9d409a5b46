// A worker: a gateway process that is controlled by the primary process. Started by worker-process.ts.
import type { BanMessage } from '../../bans/ban-sharing.ts'
import type { ProbeMessage } from '../../backend/probe-sharing.ts'
import type { ReconnectMessage } from '../../observability/live/reconnects.ts'
import type { ListMessage } from '../../dns/list-sharing.ts'
import { messageOf } from '../../../runtime/caught.ts'
import { type Log, openLog } from '../../observability/log.ts'
import { startGateway } from '../../main.ts'
import type { LocalGateway } from '../gateway.ts'
import type { SpfMessage } from '../../spf/spf-sharing.ts'
import type { Answers, FromWorker, Question, ToWorker, WorkerOptions } from './messages.ts'

/** How long sessions may continue when the primary has ended. */
const orphanDrainMs = 60_000
/** After that, a worker without a primary ends, whatever it still waits for: nothing else would end it. */
const orphanGraceMs = 10_000

/** Resolves when the message is sent, or when there is no primary to receive it. */
function tell(message: FromWorker): Promise<void> {
  return new Promise((resolve) => {
    if (process.connected) process.send?.(message, undefined, undefined, () => resolve())
    else resolve()
  })
}

class Worker {
  readonly #log: Log
  readonly #gateway: Promise<LocalGateway>
  #draining = false
  #isProber: boolean

  constructor(options: WorkerOptions) {
    this.#log = openLog(options.logFormat, 1, options.logLevel, options.worker.number)
    const { prober, ...shared } = options
    this.#isProber = prober
    const backendProbes = { isProber: () => this.#isProber, send: (message: ProbeMessage) => void tell({ is: 'backends', message }) }
    const listTests = { isTester: () => this.#isProber, send: (message: ListMessage) => void tell({ is: 'lists', message }) }
    const bans = { send: (message: BanMessage) => void tell({ is: 'bans', message }) }
    const reconnects = { send: (message: ReconnectMessage) => void tell({ is: 'reconnects', message }) }
    const senders = { isReader: () => this.#isProber, send: (message: SpfMessage) => void tell({ is: 'senders', message }) }
    this.#gateway = startGateway({ ...shared, backendProbes, listTests, bans, reconnects, senders, log: this.#log })
    this.#serve().catch((error: unknown) => this.#fail(error))
  }

  async #serve(): Promise<void> {
    const gateway = await this.#gateway
    const endpoints = await Promise.race([gateway.listens, gateway.failed])
    await tell({ is: 'listening', endpoints })
  }

  async #fail(error: unknown): Promise<void> {
    await tell({ is: 'failed', why: messageOf(error) })
    await this.#end(1)
  }

  async answer(id: number, question: Question): Promise<void> {
    const value = await answerOf(await this.#gateway, question)
    await tell({ is: 'answer', id, value })
  }

  becomeProber(): void {
    this.#isProber = true
  }

  async hearOfBackends(message: ProbeMessage): Promise<void> {
    const gateway = await this.#gateway
    gateway.hearOfBackends(message)
  }

  async hearOfLists(message: ListMessage): Promise<void> {
    const gateway = await this.#gateway
    gateway.hearOfLists(message)
  }

  async hearOfBans(message: BanMessage): Promise<void> {
    const gateway = await this.#gateway
    gateway.hearOfBans(message)
  }

  async hearOfReconnects(message: ReconnectMessage): Promise<void> {
    const gateway = await this.#gateway
    gateway.hearOfReconnects(message)
  }

  async hearOfSenders(message: SpfMessage): Promise<void> {
    const gateway = await this.#gateway
    gateway.hearOfSenders(message)
  }

  async reload(): Promise<void> {
    const gateway = await this.#gateway
    gateway.reload()
  }

  async drain(timeoutMs: number, delayMs: number): Promise<void> {
    if (this.#draining) return
    this.#draining = true
    const gateway = await this.#gateway
    await gateway.drain(timeoutMs, delayMs)
    await this.#end(0)
  }

  async #end(code: number): Promise<never> {
    await this.#log.flush()
    process.exit(code)
  }
}

function answerOf(gateway: LocalGateway, question: Question): Answers[keyof Answers] | Promise<Answers[keyof Answers]> {
  switch (question.what) {
    case 'status':
      return gateway.status()
    case 'metrics':
      return gateway.metricValues()
    case 'explain':
      return gateway.explain(question.query)
    case 'recentSessions':
      return gateway.recentSessions(question.subject)
    case 'bans':
      return gateway.bans()
    case 'changeBans':
      return gateway.changeBans(question.change)
    case 'live':
      return gateway.liveReport(question.after)
    case 'searchSessions':
      return gateway.searchSessions(question.query)
    case 'findSession':
      return gateway.findSession(question.session)
  }
}

function main(): void {
  let worker: Worker | undefined
  // The worker itself reports a failed start.
  const failed = (): void => undefined
  const hear = (message: ToWorker): void => {
    switch (message.is) {
      case 'start':
        worker ??= new Worker(message.options)
        return
      case 'ask':
        worker?.answer(message.id, message.question).catch(failed)
        return
      case 'reload':
        worker?.reload().catch(failed)
        return
      case 'prober':
        worker?.becomeProber()
        return
      case 'backends':
        worker?.hearOfBackends(message.message).catch(failed)
        return
      case 'lists':
        worker?.hearOfLists(message.message).catch(failed)
        return
      case 'bans':
        worker?.hearOfBans(message.message).catch(failed)
        return
      case 'reconnects':
        worker?.hearOfReconnects(message.message).catch(failed)
        return
      case 'senders':
        worker?.hearOfSenders(message.message).catch(failed)
        return
      case 'drain':
        worker?.drain(message.timeoutMs, message.delayMs).catch(failed)
    }
  }
  process.on('message', hear)
  // A new primary must not find its port in use by workers of the former one.
  process.on('disconnect', () => {
    if (worker === undefined) process.exit(1)
    setTimeout(() => process.exit(1), orphanDrainMs + orphanGraceMs)
    worker.drain(orphanDrainMs, 0).catch(failed)
  })
  // Terminals and service managers signal every process of a group; the primary gets the signal too and tells the
  // workers what to do.
  for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) process.on(signal, () => undefined)
}

if (import.meta.main) main()
