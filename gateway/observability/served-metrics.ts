// Metrics of the active policy: whether it is the kept one, and skipped table lines.
import { Gauge, type Registry } from 'prom-client'

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
