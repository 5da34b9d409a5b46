// The permanent access list: rules and tables in order; the first decision wins (postscreen_access.c).
import { type AddressIntervals, type AddressTable, addressTable, compileAddressTable, compileIntervals } from './address-table.ts'
import type { Decision, TableDecision, TableRule } from '../../crds/values/access-table.ts'

/** A rule of the list itself. */
export interface ListRule {
  readonly networks: TableRule['networks']
  readonly decision: Decision
}

/**
 * An entry is a rule of the list itself, or a table. Behind a table's `Dunno` the search continues with the next entry;
 * a table's `Unknown` and the list's own `Dunno` end it.
 */
export type AccessEntry = { readonly is: 'rule'; readonly rule: ListRule } | { readonly is: 'table'; readonly table: CompiledTable }

/** A table as plain data; where intervals of addresses have a rule, it is an index of `tableDecisions`. */
export type CompiledTable = AddressIntervals

const tableDecisions: readonly TableDecision[] = ['Permit', 'Reject', 'Dunno', 'Unknown']

/** A compiled access list. */
export interface AccessList {
  /** The decision for a canonical address; `Dunno` when nothing decides. */
  decide(address: string): Decision
}

interface Segment {
  readonly table: AddressTable
  readonly decisions: readonly TableDecision[]
  readonly dunnoEnds: boolean
}

/** Compiles a table, whose first rule for an address decides. */
export function compileTable(rules: readonly TableRule[]): CompiledTable {
  const { starts4, rules4, starts6, rules6 } = compileIntervals(rules)
  const decisions = rules.map(({ decision }) => tableDecisions.indexOf(decision))
  const decisionOf = (rule: number): number => decisions[rule] ?? -1
  return { starts4, rules4: rules4.map(decisionOf), starts6, rules6: rules6.map(decisionOf) }
}

/** Whether the table rejects any client. */
export const rejectsSome = ({ rules4, rules6 }: CompiledTable): boolean => {
  const reject = tableDecisions.indexOf('Reject')
  return rules4.includes(reject) || rules6.includes(reject)
}

/** Neighbouring rules become one lookup, each table one. */
export function compileAccessList(entries: readonly AccessEntry[]): AccessList {
  const segments: Segment[] = []
  let plain: ListRule[] = []
  const flush = (): void => {
    if (plain.length > 0)
      segments.push({ table: compileAddressTable(plain), decisions: plain.map(({ decision }) => decision), dunnoEnds: true })
    plain = []
  }
  for (const entry of entries) {
    if (entry.is === 'rule') {
      plain.push(entry.rule)
    } else {
      flush()
      segments.push({ table: addressTable(entry.table), decisions: tableDecisions, dunnoEnds: false })
    }
  }
  flush()
  return {
    decide(address) {
      for (const { table, decisions, dunnoEnds } of segments) {
        const decision = decisions[table.lookup(address)]
        if (decision === 'Unknown') return 'Dunno'
        if (decision !== undefined && (decision !== 'Dunno' || dunnoEnds)) return decision
      }
      return 'Dunno'
    },
  }
}
