// The context of the converters of fields: the parameters of one Postfix, its tables, and the report.
import type { BesidePolicy } from './beside-policy.ts'
import type { Configuration } from './configuration.ts'
import type { Findings } from './findings.ts'
import type { LookupTables } from './lookup-table.ts'

/**
 * How long tables of networks become part of the policy: written out, as a file beside it, or depending on their
 * length.
 */
export type TableStyle = 'auto' | 'inline' | 'files'

export interface Source {
  readonly configuration: Configuration
  readonly findings: Findings
  readonly tables: LookupTables
  readonly tableStyle: TableStyle
  readonly beside: BesidePolicy
  /** Keep postscreen_allowlist_interfaces, which contains addresses of the old host. */
  readonly keepInterfaces: boolean
  /** The name of a parameter in the words of the input: its own name, or the Zimbra attribute that sets it. */
  nameFor(parameter: string): string
}

/** The expanded text of a parameter; undefined after an error, which is reported. */
export function evaluated(source: Source, parameter: string, overrides: Readonly<Record<string, string>> = {}): string | undefined {
  const result = source.configuration.evaluate(parameter, overrides)
  if ('why' in result) {
    source.findings.error(`${source.nameFor(parameter)}: ${result.why}`)
    return undefined
  }
  return result.text
}
