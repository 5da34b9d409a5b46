// Metrics of policies: the generation of the active one, whether it is the kept one, skipped table lines, and refused
// policies.
import { Counter, Gauge, type Registry } from 'prom-client'

/** The gauges that describe the active policy. */
export function servedGauges(registers: Registry[]): { readonly kept: Gauge; readonly skippedLines: Gauge } {
  const kept = new Gauge({
    name: 'postscreen_policy_from_data_directory',
    help: 'Whether the policy in force is the last good one from the data directory, because the policy file cannot be used.',
    registers,
    aggregator: 'max',
  })
  const skippedLines = new Gauge({
    name: 'postscreen_access_table_skipped_lines',
    help: 'Lines of an access table in force that do not parse and are skipped.',
    labelNames: ['table'],
    registers,
    aggregator: 'max',
  })
  return { kept, skippedLines }
}

/** The generation of the active policy. The whole gateway has the generation of its slowest worker. */
export const generationGauge = (registers: Registry[]): Gauge =>
  new Gauge({
    name: 'postscreen_policy_generation',
    help: 'Generation of the policy in force.',
    labelNames: ['policy'],
    registers,
    aggregator: 'min',
  })

/** Policies that were refused. Every worker refuses the same ones. */
export const applyErrors = (registers: Registry[]): Counter =>
  new Counter({ name: 'postscreen_policy_apply_errors_total', help: 'Policies that were refused.', registers, aggregator: 'max' })
