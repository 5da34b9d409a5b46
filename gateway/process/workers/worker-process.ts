// One worker in the primary: controls the child process, queries it, and passes on its log in whole lines.
import { type ChildProcess, fork } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import type { Endpoint } from '../../../crds/values/endpoint.ts'
import { programBeside } from '../../../runtime/program-beside.ts'
import type { BanMessage } from '../../bans/ban-sharing.ts'
import type { ProbeMessage } from '../../backend/probe-sharing.ts'
import type { ReconnectMessage } from '../../observability/live/reconnects.ts'
import type { ListMessage } from '../../dns/list-sharing.ts'
import type { SpfMessage } from '../../spf/spf-sharing.ts'
import type { Answers, FromWorker, Question, ToWorker, WorkerOptions } from './messages.ts'

const program = fileURLToPath(programBeside(import.meta.url, 'worker'))
/** Shorter than the timeouts of the admin server's clients, such as the two seconds of a kubelet. */
const answerMs = 1000
/** A line without an end must not fill our memory. */
const longestLine = 2 ** 20

/** What the primary is told of a worker. */
export interface WorkerEvents {
  readonly listening: (endpoints: readonly Endpoint[]) => void
  readonly failed: (why: string) => void
  /** Something about backends, for the other workers. */
  readonly backends: (message: ProbeMessage) => void
  /** Something about DNS lists, for the other workers. */
  readonly lists: (message: ListMessage) => void
  /** Something about bans, for the other workers. */
  readonly bans: (message: BanMessage) => void
  /** Something about clients that were told to come back, for the other workers. */
  readonly reconnects: (message: ReconnectMessage) => void
  /** Something about senders, for the other workers. */
  readonly senders: (message: SpfMessage) => void
  /** The process has ended and its last line was read; `how` is for people. */
  readonly ended: (how: string) => void
  /** One or more log lines, the last newline included. */
  readonly lines: (text: string) => void
}

export class WorkerProcess {
  readonly #child: ChildProcess
  readonly #asked = new Map<number, (value: Answers[keyof Answers] | undefined) => void>()
  #questions = 0
  #unfinishedLine = ''
  #heardAt = performance.now()
  readonly startedAt = performance.now()
  /** Resolves when it has ended. */
  readonly ended: Promise<void>

  constructor(options: WorkerOptions, events: WorkerEvents) {
    // Its log comes to us: several processes that write to one pipe mix within lines as soon as a write has more than 4
    // KiB.
    this.#child = fork(program, [], { stdio: ['ignore', 'pipe', 'inherit', 'ipc'] })
    const ended = Promise.withResolvers<void>()
    this.ended = ended.promise
    const end = (how: string): void => {
      if (this.#unfinishedLine !== '') events.lines(`${this.#unfinishedLine}\n`)
      for (const answer of this.#asked.values()) answer(undefined)
      events.ended(how)
      ended.resolve()
    }
    this.#child.once('close', (code, signal) => end(signal ?? `exit code ${code}`))
    // A process that cannot be started at all may not emit `close`.
    this.#child.once('error', (error) => {
      if (this.#child.pid === undefined) end(error.message)
    })
    this.#child.stdout?.setEncoding('utf8').on('data', (text: string) => this.#read(text, events))
    this.#child.on('message', (message: FromWorker) => this.#hear(message, events))
    this.#tell({ is: 'start', options })
  }

  get pid(): number | undefined {
    return this.#child.pid
  }

  /** Milliseconds since its last message. */
  get silentMs(): number {
    return performance.now() - this.#heardAt
  }

  /** Undefined when it does not answer in time, by default within a second. */
  ask<What extends keyof Answers>(question: Question & { readonly what: What }, timeoutMs = answerMs): Promise<Answers[What] | undefined> {
    const id = this.#questions++
    return new Promise((resolve) => {
      const settle = (value: Answers[keyof Answers] | undefined): void => {
        clearTimeout(timer)
        this.#asked.delete(id)
        // The value has the form that was asked for.
        resolve(value as Answers[What] | undefined)
      }
      const timer = setTimeout(settle, timeoutMs, undefined)
      this.#asked.set(id, settle)
      if (!this.#tell({ is: 'ask', id, question })) settle(undefined)
    })
  }

  reload(): void {
    this.#tell({ is: 'reload' })
  }

  becomeProber(): void {
    this.#tell({ is: 'prober' })
  }

  hearOfBackends(message: ProbeMessage): void {
    this.#tell({ is: 'backends', message })
  }

  hearOfLists(message: ListMessage): void {
    this.#tell({ is: 'lists', message })
  }

  hearOfBans(message: BanMessage): void {
    this.#tell({ is: 'bans', message })
  }

  hearOfReconnects(message: ReconnectMessage): void {
    this.#tell({ is: 'reconnects', message })
  }

  hearOfSenders(message: SpfMessage): void {
    this.#tell({ is: 'senders', message })
  }

  /** Ends it gently, see Gateway.drain. */
  drain(timeoutMs: number, delayMs: number): void {
    this.#tell({ is: 'drain', timeoutMs, delayMs })
  }

  kill(): void {
    this.#child.kill('SIGKILL')
  }

  /** @returns false when it can no longer be told anything */
  #tell(message: ToWorker): boolean {
    if (!this.#child.connected) return false
    this.#child.send(message, () => undefined)
    return true
  }

  #hear(message: FromWorker, events: WorkerEvents): void {
    this.#heardAt = performance.now()
    switch (message.is) {
      case 'listening':
        events.listening(message.endpoints)
        return
      case 'failed':
        events.failed(message.why)
        return
      case 'backends':
        events.backends(message.message)
        return
      case 'lists':
        events.lists(message.message)
        return
      case 'bans':
        events.bans(message.message)
        return
      case 'reconnects':
        events.reconnects(message.message)
        return
      case 'senders':
        events.senders(message.message)
        return
      case 'answer':
        this.#asked.get(message.id)?.(message.value)
    }
  }

  #read(text: string, events: WorkerEvents): void {
    const end = text.lastIndexOf('\n') + 1
    if (end > 0) {
      events.lines(this.#unfinishedLine + text.slice(0, end))
      this.#unfinishedLine = ''
    }
    this.#unfinishedLine += text.slice(end)
    if (this.#unfinishedLine.length > longestLine) {
      events.lines(`${this.#unfinishedLine}\n`)
      this.#unfinishedLine = ''
    }
  }
}
