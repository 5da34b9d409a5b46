// Metrics of the work queue and of the passes, with the names and meanings of client-go and controller-runtime.
import { Counter, Gauge, Histogram, type Registry } from 'prom-client'
import type { Progress, QueueObserver, WorkOutcome } from './kube/work-queue.ts'

const controller = 'postscreenpolicy'
const name = controller

/** controller-runtime's word for each outcome. */
const results = { done: 'success', again: 'requeue_after', failed: 'error' } as const satisfies Record<WorkOutcome, string>

const buckets = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30]

/** What is read at each scrape. */
export interface QueueSources {
  /** How many passes may run at once. */
  readonly workers: number
  readonly depth: () => number
  readonly progress: () => Progress
}

/** Counts what the work queue tells, and reads what it holds at each scrape. */
export class QueueMetrics implements QueueObserver {
  readonly #adds: Counter
  readonly #retries: Counter
  readonly #waited: Histogram
  readonly #worked: Histogram
  readonly #reconciles: Counter
  readonly #errors: Counter
  readonly #seconds: Histogram

  constructor(registers: Registry[], sources: QueueSources) {
    const counter = (metric: string, help: string, labelNames: string[]): Counter =>
      new Counter({ name: metric, help, labelNames, registers })
    const histogram = (metric: string, help: string, label: string): Histogram =>
      new Histogram({ name: metric, help, labelNames: [label], buckets, registers })
    this.#adds = counter('workqueue_adds_total', 'Policies that were added to the queue', ['name'])
    this.#retries = counter('workqueue_retries_total', 'Policies that will be added again after a delay', ['name'])
    this.#waited = histogram('workqueue_queue_duration_seconds', 'How long a policy waits for its pass', 'name')
    this.#worked = histogram('workqueue_work_duration_seconds', 'How long a pass takes', 'name')
    this.#reconciles = counter('controller_runtime_reconcile_total', 'Passes over a policy', ['controller', 'result'])
    this.#errors = counter('controller_runtime_reconcile_errors_total', 'Passes that failed and will be retried', ['controller'])
    this.#seconds = histogram('controller_runtime_reconcile_time_seconds', 'How long a pass takes', 'controller')
    this.#read(registers, sources)
    this.#startAtZero()
  }

  added(): void {
    this.#adds.inc({ name })
  }

  began(waitedMs: number): void {
    this.#waited.observe({ name }, waitedMs / 1000)
  }

  ended(outcome: WorkOutcome, tookMs: number): void {
    this.#reconciles.inc({ controller, result: results[outcome] })
    if (outcome === 'failed') this.#errors.inc({ controller })
    this.#seconds.observe({ controller }, tookMs / 1000)
    this.#worked.observe({ name }, tookMs / 1000)
  }

  postponed(): void {
    this.#retries.inc({ name })
  }

  #read(registers: Registry[], { workers, depth, progress }: QueueSources): void {
    const gauge = (metric: string, help: string, labels: Record<string, string>, read: () => number): void => {
      const made: Gauge = new Gauge({
        name: metric,
        help,
        labelNames: Object.keys(labels),
        registers,
        collect: () => made.set(labels, read()),
      })
    }
    const seconds = (): readonly number[] => progress().sinceMs.map((ms) => ms / 1000)
    gauge('workqueue_depth', 'Policies that wait for a pass', { name }, depth)
    gauge('workqueue_unfinished_work_seconds', 'Passes in progress: the sum of their times so far', { name }, () =>
      seconds().reduce((sum, one) => sum + one, 0),
    )
    gauge('workqueue_longest_running_processor_seconds', 'The longest time of a pass in progress', { name }, () =>
      Math.max(0, ...seconds()),
    )
    gauge('controller_runtime_active_workers', 'Workers in use', { controller }, () => progress().active)
    gauge('controller_runtime_max_concurrent_reconciles', 'How many workers there are', { controller }, () => workers)
  }

  /** So that the first event shows as an increase, and an alert has something to compare with. */
  #startAtZero(): void {
    for (const counter of [this.#adds, this.#retries]) counter.inc({ name }, 0)
    for (const result of Object.values(results)) this.#reconciles.inc({ controller, result }, 0)
    this.#errors.inc({ controller }, 0)
  }
}
