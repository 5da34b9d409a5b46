// Metrics of the senders whose SPF records the policy uses. Their number is bounded by the policy.
import { Counter, Gauge, type Registry } from 'prom-client'
import type { SenderReport } from '../spf/sender-report.ts'

/** The counter of refreshes. @param read the senders, when the metrics are requested */
export function spfMetrics(registers: Registry[], read: () => readonly SenderReport[]): Counter {
  // All workers have the same networks.
  const gauge = (name: string, help: string, labelNames: string[], fill: (made: Gauge, sender: SenderReport) => void): void => {
    const collect = (): void => {
      made.reset()
      for (const sender of read()) fill(made, sender)
    }
    const made: Gauge = new Gauge({ name, help, labelNames, registers, aggregator: 'max', collect })
  }
  gauge('postscreen_spf_networks', 'Networks of a sender that are permitted.', ['domain'], (made, { domain, networks, leftOut }) =>
    made.set({ domain }, leftOut === null ? networks : 0),
  )
  gauge(
    'postscreen_spf_age_seconds',
    'Time since all of the SPF record of a sender was read; if it never was, since it could not be read.',
    ['domain'],
    (made, { domain, ageSeconds }) => {
      if (ageSeconds !== null) made.set({ domain }, ageSeconds)
    },
  )
  gauge(
    'postscreen_spf_problem',
    '1 for a sender whose SPF record cannot be read or used, by the reason.',
    ['domain', 'reason'],
    (made, sender) => {
      const { domain, problem, leftOut, held } = sender
      const reason = problem?.reason ?? (leftOut === null ? (held === null ? undefined : 'ChangeHeld') : 'TooLarge')
      if (reason !== undefined) made.set({ domain, reason }, 1)
    },
  )
  return new Counter({
    name: 'postscreen_spf_refreshes_total',
    help: 'Refreshes of SPF records by the result: Complete, or the reason of the problem.',
    labelNames: ['domain', 'result'],
    registers,
  })
}
