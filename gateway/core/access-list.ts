// The permanent access list: rules and tables in order, the first decision wins (postscreen_access.c, section 6 of postscreen's behaviour).
import { type AddressTable, compileAddressTable } from './address-table.ts'
import type { Decision, TableRule } from '../../crds/cidr-table.ts'

/** An entry is a rule of the list itself or a table; a table's `Dunno` goes on behind the table, the list's own `Dunno` ends the search. */
export type AccessEntry = { readonly is: 'rule'; readonly rule: TableRule } | { readonly is: 'table'; readonly rules: readonly TableRule[] }

/** A compiled access list. */
export interface AccessList {
  /** The decision for a canonical address; `Dunno` when nothing decides. */
  decide(address: string): Decision
}

interface Segment {
  readonly table: AddressTable
  readonly decisions: readonly Decision[]
  readonly dunnoEnds: boolean
}

function segment(rules: readonly TableRule[], dunnoEnds: boolean): Segment {
  return { table: compileAddressTable(rules), decisions: rules.map((rule) => rule.decision), dunnoEnds }
}

/** Neighbouring rules become one lookup, each table one. */
export function compileAccessList(entries: readonly AccessEntry[]): AccessList {
  const segments: Segment[] = []
  let plain: TableRule[] = []
  const flush = (): void => {
    if (plain.length > 0) segments.push(segment(plain, true))
    plain = []
  }
  for (const entry of entries) {
    if (entry.is === 'rule') {
      plain.push(entry.rule)
    } else {
      flush()
      segments.push(segment(entry.rules, false))
    }
  }
  flush()
  return {
    decide(address) {
      for (const { table, decisions, dunnoEnds } of segments) {
        const decision = decisions[table.lookup(address)]
        if (decision !== undefined && (decision !== 'Dunno' || dunnoEnds)) return decision
      }
      return 'Dunno'
    },
  }
}
