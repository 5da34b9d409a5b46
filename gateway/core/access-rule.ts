// Which rule of the access list has decided about a client: its field in the policy, for the log and for explain.
import type { PolicySpec } from '../../crds/schema/policy.schema.ts'
import type { AccessMatch } from './access-list.ts'
import { senderName } from './spf/senders-of-policy.ts'

/** Plain data, with the names that the log has for them. */
export interface AccessRule {
  /** Such as `spec.access[2].cidrs`. */
  readonly rule: string
  /** The domain whose SPF record permits the client. */
  readonly sender?: string
  /** Of a table in a file: its name in the policy, and the line. */
  readonly file?: string
  readonly line?: number
}

/** Takes the same time for a rule with many networks as for one: a client that is on the list needs no test. */
export function accessRule(access: PolicySpec['access'], { entry: index, position = 0 }: AccessMatch): AccessRule {
  const entry = access[index]
  const field = `spec.access[${index}]`
  if (entry?.table?.file !== undefined) return { rule: `${field}.table.file`, file: entry.table.file, line: position }
  if (entry?.table !== undefined) return { rule: `${field}.table.rules[${position}].cidrs` }
  if (entry?.spf !== undefined) return { rule: `${field}.spf[${position}]`, sender: senderName(entry.spf[position] ?? '') }
  return { rule: entry?.exceptCIDRs === undefined ? `${field}.cidrs` : `${field}.exceptCIDRs` }
}

/** In a few words; for a sender, with its domain. */
export function ruleInWords({ rule, sender, file, line }: AccessRule): string {
  if (sender !== undefined) return `${rule} (the SPF record of ${sender})`
  return file === undefined ? rule : `${rule} (${file}, line ${line})`
}
