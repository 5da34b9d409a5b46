// Where the rule of an access list that decides about a client is written, in the words of the policy.
import { parseAddress } from '../../../crds/values/address.ts'
import { formatNetwork, type Network } from '../../../crds/values/network.ts'
import type { PolicySpec } from '../../../crds/schema/policy.schema.ts'
import type { Decision } from '../../../crds/values/access-table.ts'
import type { AccessMatch } from '../access-list.ts'
import { accessRule, ruleInWords } from '../access-rule.ts'

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
  const { rule: field, ...place } = accessRule(access, match)
  if (match.decision === 'Unknown') return { decision: 'Dunno', field, ...place, unknownResult: true }
  const networks = entry.table === undefined ? entry.cidrs : entry.table.rules?.[match.position ?? 0]?.cidrs
  return { decision: match.decision, field, ...place, ...around(networks, address) }
}

function around(networks: readonly Network[] = [], text: string): { readonly network?: string } {
  const address = parseAddress(text)
  if (address === undefined) return {}
  const found = networks.find(({ family, first, last }) => family === address.family && first <= address.value && address.value <= last)
  return found === undefined ? {} : { network: formatNetwork(found) }
}

/** The place in a sentence. */
export function inWords({ field = 'spec.access', network, ...place }: AccessPlace): string {
  return network === undefined ? ruleInWords({ rule: field, ...place }) : `${field} (${network})`
}
