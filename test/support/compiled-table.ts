// What a compiled access table decides, in the order of its addresses, IPv4 first: enough to tell one table from another.
import type { CompiledTable } from '../../gateway/core/access-list.ts'
import type { Decision } from '../../crds/values/access-table.ts'

const decisions: readonly Decision[] = ['Permit', 'Reject', 'Dunno']

/** One for each stretch of addresses that the table names. */
export function decisionsOf({ rules4, rules6 }: CompiledTable): readonly Decision[] {
  return [...rules4, ...rules6].map((index) => decisions[index]).filter((decision) => decision !== undefined)
}
