// Metrics of the DNSBL test: ranks of clients, questions to the lists, and their answers.
import { Counter, Histogram, type Registry } from 'prom-client'
import { secondsBuckets } from './histogram-buckets.ts'

const scoreBuckets = [0, 1, 2, 3, 4, 5, 6, 8, 10, 12, 15]

export interface DnsblMetrics {
  readonly score: Histogram
  readonly queries: Counter
  readonly errors: Counter
  readonly seconds: Histogram
}

/** The metrics of the DNSBL test. */
export function dnsblMetrics(registers: Registry[]): DnsblMetrics {
  const histogram = (name: string, help: string, buckets: number[]): Histogram => new Histogram({ name, help, buckets, registers })
  const counter = (name: string, help: string, labelNames: string[]): Counter => new Counter({ name, help, labelNames, registers })
  return {
    score: histogram('postscreen_dnsbl_score', 'Ranks of clients that reached the threshold.', scoreBuckets),
    queries: counter('postscreen_dnsbl_queries_total', 'Questions to DNS lists by what came of them.', ['zone_id', 'outcome']),
    errors: counter('postscreen_dnsbl_errors_total', 'Questions with the outcome error or timeout, by kind.', ['zone_id', 'kind']),
    seconds: histogram('postscreen_dnsbl_query_seconds', 'From the question to the answer of a site.', secondsBuckets),
  }
}
