// The metrics of all workers as those of one gateway. The counts of a worker that has ended are kept: Prometheus reads
// a counter that falls as one that was reset, and would count the other workers' events twice.
import { AggregatorRegistry, Gauge, Registry } from 'prom-client'
import type { MetricValues } from '../../observability/metrics.ts'
import { observeProcess } from '../../../runtime/process-metrics.ts'

/** Copies, since prom-client asks for arrays that it may change. */
const together = (parts: readonly MetricValues[]): Registry => AggregatorRegistry.aggregate(parts.map((part) => [...part]))

export class WorkersMetrics {
  /** The latest values of each running worker, by its number. */
  readonly #latest = new Map<number, MetricValues>()
  /** Counts of workers that have ended. */
  #ended: readonly MetricValues[] = []
  /** Metrics of the primary itself. */
  readonly #own = new Registry()

  /** @param running how many workers run now */
  constructor(running: () => number) {
    observeProcess([this.#own])
    const workers: Gauge = new Gauge({
      name: 'postscreen_workers',
      help: 'Worker processes that take clients.',
      registers: [this.#own],
      collect: () => workers.set(running()),
    })
  }

  /** Takes the current values of a worker. */
  heard(worker: number, values: MetricValues): void {
    this.#latest.set(worker, values)
  }

  /** The worker has ended; what it counted since its last values is lost. */
  ended(worker: number): void {
    const last = this.#latest.get(worker)
    if (last === undefined) return
    this.#latest.delete(worker)
    this.#ended = [...this.#ended, last.filter(({ type }) => ['counter', 'histogram'].includes(String(type)))]
  }

  /** The exposition text for all workers, and its content type. */
  async text(): Promise<{ readonly type: string; readonly text: string }> {
    const { length } = this.#ended
    if (length > 1) {
      const sum: MetricValues = await together(this.#ended).getMetricsAsJSON()
      // Others may have ended meanwhile.
      this.#ended = [sum, ...this.#ended.slice(length)]
    }
    const own: MetricValues = await this.#own.getMetricsAsJSON()
    const all = together([...this.#latest.values(), ...this.#ended, own])
    return { type: this.#own.contentType, text: await all.metrics() }
  }
}
