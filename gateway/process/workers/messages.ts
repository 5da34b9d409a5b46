// What the primary process and its workers say to each other, as JSON over the channel that Node opens for a child.
import type { ProbeMessage } from '../../backend/probe-sharing.ts'
import type { MetricValues } from '../../observability/metrics.ts'
import type { LogFormat, LogLevel } from '../../observability/log.ts'
import type { GatewayOptions, WorkerPlace } from '../options.ts'
import type { StatusPage } from '../../observability/status.ts'

/** What a worker is started with. */
export interface WorkerOptions extends Omit<GatewayOptions, 'log' | 'admin' | 'worker' | 'backendProbes'> {
  readonly worker: WorkerPlace
  /** Whether it makes the probes of backends, until it is told otherwise. */
  readonly prober: boolean
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
  /** It is the one that makes the probes of backends from now on. */
  | { readonly is: 'prober' }
  /** What another worker has said. */
  | { readonly is: 'backends'; readonly message: ProbeMessage }
  | { readonly is: 'drain'; readonly timeoutMs: number; readonly delayMs: number }

export type FromWorker =
  /** For the other workers. */
  | { readonly is: 'backends'; readonly message: ProbeMessage }
  | { readonly is: 'listening'; readonly addresses: readonly string[] }
  /** It cannot go on and ends. */
  | { readonly is: 'failed'; readonly why: string }
  | { readonly is: 'answer'; readonly id: number; readonly value: Answers[keyof Answers] }
