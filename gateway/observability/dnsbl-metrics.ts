// Metrics of the DNSBL test: ranks of clients, questions to the lists, and their answers.
import { Counter, Gauge, Histogram, type Registry } from 'prom-client'
import type { ListsReport } from '../dns/list-report.ts'
import { secondsBuckets } from './histogram-buckets.ts'

const scoreBuckets = [0, 1, 2, 3, 4, 5, 6, 8, 10, 12, 15]

export interface DnsblMetrics {
  readonly score: Histogram
  /** Counts an answer of a list, by the list's public name. */
  queried(site: string, outcome: string): void
  readonly errors: Counter
  readonly seconds: Histogram
  readonly tests: Counter
}

/** The metrics of the DNSBL test. */
export function dnsblMetrics(registers: Registry[]): DnsblMetrics {
  const histogram = (name: string, help: string, buckets: number[]): Histogram => new Histogram({ name, help, buckets, registers })
  const counter = (name: string, help: string, labelNames: string[]): Counter => new Counter({ name, help, labelNames, registers })
  return {
    score: histogram('postscreen_dnsbl_score', 'Ranks of clients that reached the threshold.', scoreBuckets),
    queried: countQueries(registers),
    errors: counter('postscreen_dnsbl_errors_total', 'Questions with the outcome error or timeout, by kind.', ['zone_id', 'kind']),
    tests: counter('postscreen_dnsbl_tests_total', 'Tests of DNS lists by the standing of the list after it.', ['zone_id', 'result']),
    seconds: histogram('postscreen_dnsbl_query_seconds', 'From the question to the answer of a site.', secondsBuckets),
  }
}

/** A series for each list that is not healthy, with the reason. */
export function observeListHealth(registers: Registry[], health: () => ListsReport): void {
  const gauge: Gauge = new Gauge({
    name: 'postscreen_dnsbl_list_unhealthy',
    help: '1 for a DNS list that a test has found to be faulty, by the reason.',
    labelNames: ['zone_id', 'reason'],
    registers,
    aggregator: 'max',
    collect: () => {
      gauge.reset()
      for (const { list, reason } of health().lists) if (reason !== undefined) gauge.set({ zone_id: list, reason }, 1)
    },
  })
}

/**
 * Counting is an addition for each answer; prom-client would make a text of the labels each time. Its counter is filled
 * when asked for.
 */
function countQueries(registers: Registry[]): DnsblMetrics['queried'] {
  const counts = new Map<string, Map<string, number>>()
  const collect = (): void => {
    counter.reset()
    for (const [site, outcomes] of counts) for (const [outcome, count] of outcomes) counter.labels(site, outcome).inc(count)
  }
  const help = 'Questions to DNS lists by what came of them.'
  const counter: Counter = new Counter({
    name: 'postscreen_dnsbl_queries_total',
    help,
    labelNames: ['zone_id', 'outcome'],
    registers,
    collect,
  })
  return (site, outcome) => {
    const outcomes = counts.get(site) ?? new Map<string, number>()
    if (outcomes.size === 0) counts.set(site, outcomes)
    outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1)
  }
}
