// Where the rule of an access list that decides about a client is written, in the words of the policy.
import { parseAddress } from '../../../crds/values/address.ts'
import { formatNetwork, type Network } from '../../../crds/values/network.ts'
import type { PolicySpec } from '../../../crds/schema/policy.schema.ts'
import type { Decision } from '../../../crds/values/access-table.ts'
import type { AccessMatch } from '../access-list.ts'
import { senderName } from '../spf/senders-of-policy.ts'

/** The rule, or that there is none. Plain data, as /explain gives it. */
export interface AccessPlace {
  readonly decision: Decision
  /** Such as `spec.access[2].cidrs`; left out when no rule decides. */
  readonly field?: string
  /** The network of the rule that contains the address. */
  readonly network?: string
  /** The domain whose SPF record permits the client. */
  readonly sender?: string
  /** Of a table in a file: its name in the policy, and the line. */
  readonly file?: string
  readonly line?: number
  /** The line ends the search, but its result is not one of permit, reject and dunno. */
  readonly unknownResult?: true
}

/** Describes what `find` of the access list has found for an address. */
export function accessPlace(access: PolicySpec['access'], match: AccessMatch | undefined, address: string): AccessPlace {
  const entry = match === undefined ? undefined : access[match.entry]
  if (match === undefined || entry === undefined) return { decision: 'Dunno' }
  const field = `spec.access[${match.entry}]`
  const decision = match.decision === 'Unknown' ? ('Dunno' as const) : match.decision
  if (entry.table?.file !== undefined) {
    const unknown = match.decision === 'Unknown' ? ({ unknownResult: true } as const) : {}
    return { decision, field: `${field}.table.file`, file: entry.table.file, line: match.position ?? 0, ...unknown }
  }
  if (entry.table !== undefined) {
    const position = match.position ?? 0
    return { decision, field: `${field}.table.rules[${position}].cidrs`, ...around(entry.table.rules?.[position]?.cidrs, address) }
  }
  if (entry.spf !== undefined) {
    const position = match.position ?? 0
    return { decision, field: `${field}.spf[${position}]`, sender: senderName(entry.spf[position] ?? '') }
  }
  if (entry.exceptCIDRs !== undefined) return { decision, field: `${field}.exceptCIDRs` }
  return { decision, field: `${field}.cidrs`, ...around(entry.cidrs, address) }
}

function around(networks: readonly Network[] = [], text: string): { readonly network?: string } {
  const address = parseAddress(text)
  if (address === undefined) return {}
  const found = networks.find(({ family, first, last }) => family === address.family && first <= address.value && address.value <= last)
  return found === undefined ? {} : { network: formatNetwork(found) }
}

/** The place in a sentence. */
export function inWords({ field = 'spec.access', network, file, line, sender }: AccessPlace): string {
  if (sender !== undefined) return `${field} (the SPF record of ${sender})`
  if (file !== undefined) return `${field} (${file}, line ${line})`
  return network === undefined ? field : `${field} (${network})`
}
