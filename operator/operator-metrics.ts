// The operator's metrics, with the names of controller-runtime where it has such a metric, so that existing dashboards
// and alerts work.
import { Counter, Gauge, Registry } from 'prom-client'
import { observeProcess } from '../runtime/process-metrics.ts'
import type { OperatorFacts } from './live/operator-facts.ts'
import { QueueMetrics, type QueueSources } from './queue-metrics.ts'
import type { Truth } from './status/condition.ts'
import { conditionTypes, type Findings } from './status/findings.ts'

const truths: readonly Truth[] = ['True', 'False', 'Unknown']

/** The values that are read at each scrape. */
export interface Sources extends QueueSources {
  readonly leading: () => boolean
  readonly lastHeard: () => readonly { readonly resource: string; readonly at: number }[]
}

export class OperatorMetrics {
  readonly #registry = new Registry()
  /** Told by the work queue. */
  readonly queue: QueueMetrics
  readonly #requests: Counter<'verb' | 'resource' | 'code'>
  readonly #conditions: Gauge<'namespace' | 'name' | 'condition' | 'status'>
  readonly #changes: Counter<'kind' | 'change'>
  readonly #others: Gauge<'namespace' | 'name' | 'operator'>
  readonly #omitted: Gauge
  /** Whether each policy is Ready, by namespace and name. */
  readonly #ready = new Map<string, boolean>()

  constructor(version: string, sources: Sources) {
    const registers = [this.#registry]
    const counter = <T extends string>(name: string, help: string, labelNames: readonly T[]): Counter<T> =>
      new Counter<T>({ name, help, labelNames: [...labelNames], registers })
    this.queue = new QueueMetrics(registers, sources)
    const requests = 'Requests to the API server; code 0: no answer'
    this.#requests = counter('rest_client_requests_total', requests, ['verb', 'resource', 'code'])
    const gauge = <T extends string>(name: string, help: string, labelNames: readonly T[]): Gauge<T> =>
      new Gauge<T>({ name, help, labelNames: [...labelNames], registers })
    this.#conditions = gauge('postscreen_policy_condition', 'The conditions of each policy; 1 for the status that it has', [
      'namespace',
      'name',
      'condition',
      'status',
    ])
    this.#changes = counter('postscreen_operator_changes_total', 'Objects created, changed and removed', ['kind', 'change'])
    const others = 'Policies in the scope of this operator that another operator manages; always 1'
    this.#others = gauge('postscreen_policy_other_operator', others, ['namespace', 'name', 'operator'])
    this.#omitted = gauge('postscreen_status_fields_omitted', 'Fields of statuses that are omitted: the CRD does not contain them', [])
    this.#read(version, sources, registers)
  }

  request(verb: string, resource: string, code: number): void {
    this.#requests.inc({ verb, resource, code: String(code) })
  }

  change(kind: string, change: string): void {
    this.#changes.inc({ kind, change })
  }

  otherOperator(namespace: string, name: string, operator: string): void {
    this.#others.set({ namespace, name, operator }, 1)
  }

  noOtherOperator(namespace: string, name: string, operator: string): void {
    this.#others.remove({ namespace, name, operator })
  }

  omittedStatusFields(count: number): void {
    this.#omitted.set(count)
  }

  conditions(namespace: string, name: string, findings: Findings): void {
    this.#ready.set(`${namespace}/${name}`, findings.Ready.status === 'True')
    for (const condition of conditionTypes) {
      const found = findings[condition]
      for (const status of truths) {
        const labels = { namespace, name, condition, status }
        if (found === undefined) this.#conditions.remove(labels)
        else this.#conditions.set(labels, found.status === status ? 1 : 0)
      }
    }
  }

  forget(namespace: string, name: string): void {
    this.#ready.delete(`${namespace}/${name}`)
    for (const condition of conditionTypes) for (const status of truths) this.#conditions.remove({ namespace, name, condition, status })
  }

  /** This process no longer leads: another operator knows the policies now. */
  forgetAll(): void {
    this.#ready.clear()
    this.#conditions.reset()
    this.#others.reset()
    this.#omitted.reset()
  }

  /** Sums of counters, for the live page. */
  async figures(): Promise<Pick<OperatorFacts, 'passes' | 'changes' | 'requests'>> {
    const samples = async (name: string) => (await this.#registry.getSingleMetric(name)?.get())?.values ?? []
    const sum = (values: Awaited<ReturnType<typeof samples>>): number => values.reduce((total, { value }) => total + value, 0)
    const [passes, failed, times, changes, requests] = await Promise.all([
      samples('controller_runtime_reconcile_total'),
      samples('controller_runtime_reconcile_errors_total'),
      samples('controller_runtime_reconcile_time_seconds'),
      samples('postscreen_operator_changes_total'),
      samples('rest_client_requests_total'),
    ])
    const count = sum(passes)
    const seconds = times.find((one) => 'metricName' in one && String(one.metricName).endsWith('_sum'))?.value ?? 0
    return {
      passes: { count, failed: sum(failed), meanMs: count === 0 ? 0 : (seconds * 1000) / count },
      changes: sum(changes),
      requests: { count: sum(requests), failed: sum(requests.filter(({ labels }) => !/^[23]/.test(String(labels['code'])))) },
    }
  }

  async text(): Promise<{ readonly type: string; readonly text: string }> {
    return { type: this.#registry.contentType, text: await this.#registry.metrics() }
  }

  #read(version: string, { leading, lastHeard }: Sources, registers: Registry[]): void {
    const gauge = <T extends string>(name: string, help: string, labelNames: readonly T[], collect: (gauge: Gauge<T>) => void): void => {
      const made: Gauge<T> = new Gauge<T>({ name, help, labelNames: [...labelNames], registers, collect: () => collect(made) })
    }
    gauge('postscreen_policies', 'Policies that this operator manages', [], (made) => made.set(this.#ready.size))
    gauge('postscreen_policies_ready', 'Managed policies that are Ready', [], (made) =>
      made.set([...this.#ready.values()].filter(Boolean).length),
    )
    gauge('leader_election_master_status', 'Whether this operator is the leader', ['name'], (made) =>
      made.set({ name: 'postscreen-operator' }, leading() ? 1 : 0),
    )
    gauge('postscreen_watch_last_event_timestamp_seconds', 'When each watch last received something', ['resource'], (made) => {
      // With several namespaces, there are several watches of a resource: the one that has been silent for the longest
      // time counts.
      for (const [resource, all] of Map.groupBy(lastHeard(), (watch) => watch.resource))
        made.set({ resource }, Math.min(...all.map(({ at }) => at)) / 1000)
    })
    observeProcess(registers)
    gauge('postscreen_operator_build_info', 'The version; always 1', ['version'], (made) => made.set({ version }, 1))
  }
}
