// What a compiled access table decides, in the order of its addresses, IPv4 first: enough to tell one table from another.
import type { TableDecision } from '../../crds/values/access-table.ts'
import { type CompiledTable, decisionsOfTable } from '../../gateway/core/access-list.ts'

/** One for each stretch of addresses that the table names. */
export const decisionsOf = (table: CompiledTable): readonly TableDecision[] => decisionsOfTable(table)
