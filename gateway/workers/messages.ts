// What the primary process and its workers say to each other, as JSON over the channel that Node opens for a child.
import type { MetricValues } from '../io/metrics.ts'
import type { LogFormat, LogLevel } from '../io/log.ts'
import type { GatewayOptions, WorkerPlace } from '../options.ts'
import type { StatusPage } from '../status.ts'

/** What a worker is started with. */
export interface WorkerOptions extends Omit<GatewayOptions, 'log' | 'admin' | 'worker'> {
  readonly worker: WorkerPlace
  readonly logFormat: LogFormat
  readonly logLevel: LogLevel
}

/** What a worker can be asked for, and the form of its answer. */
export interface Answers {
  readonly status: StatusPage
  readonly metrics: MetricValues
}

export type ToWorker =
  | { readonly is: 'start'; readonly options: WorkerOptions }
  | { readonly is: 'ask'; readonly id: number; readonly what: keyof Answers }
  | { readonly is: 'reload' }
  | { readonly is: 'drain'; readonly timeoutMs: number; readonly delayMs: number }

export type FromWorker =
  | { readonly is: 'listening'; readonly addresses: readonly string[] }
  /** It cannot go on and ends. */
  | { readonly is: 'failed'; readonly why: string }
  | { readonly is: 'answer'; readonly id: number; readonly value: Answers[keyof Answers] }
