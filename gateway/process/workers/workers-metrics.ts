// The metrics of all workers as those of one gateway. What a worker has counted stays counted when it ends: a counter that fell would be
// taken for one that began anew, and the others' counts for new ones.
import { AggregatorRegistry, Gauge, Registry } from 'prom-client'
import type { MetricValues } from '../../observability/metrics.ts'
import { observeProcess } from '../../observability/process-metrics.ts'

/** Copies, since prom-client asks for arrays that it may change. */
const together = (parts: readonly MetricValues[]): Registry => AggregatorRegistry.aggregate(parts.map((part) => [...part]))

export class WorkersMetrics {
  /** The newest of each worker that runs, by its number. */
  readonly #latest = new Map<number, MetricValues>()
  /** Counts of those that have ended. */
  #ended: readonly MetricValues[] = []
  /** Of the primary itself. */
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

  /** What a worker says now. */
  heard(worker: number, values: MetricValues): void {
    this.#latest.set(worker, values)
  }

  /** The worker has ended; what it counted after it was last heard is lost. */
  ended(worker: number): void {
    const last = this.#latest.get(worker)
    if (last === undefined) return
    this.#latest.delete(worker)
    this.#ended = [...this.#ended, last.filter(({ type }) => ['counter', 'histogram'].includes(String(type)))]
  }

  /** The exposition text of all that was heard, and its content type. */
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
