// The permanent access list: rules and tables in order; the first decision wins (postscreen_access.c).
import { type AddressIntervals, type AddressTable, addressTable, compileAddressTable, compileIntervals } from './address-table.ts'
import type { Decision, TableDecision, TableRule } from '../../crds/values/access-table.ts'
import { formatIPv4, formatIPv6 } from '../../crds/values/address.ts'
import type { Network } from '../../crds/values/network.ts'

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

/** A table as plain data; where intervals of addresses have a rule, it is what `codeOf` makes of it. */
export type CompiledTable = AddressIntervals

const tableDecisions: readonly TableDecision[] = ['Permit', 'Reject', 'Dunno', 'Unknown']

/**
 * A rule of a table as one number, its decision and its position, so that the position costs no memory: a table may
 * have a million networks.
 */
const codeOf = (decision: TableDecision, position: number): number => position * tableDecisions.length + tableDecisions.indexOf(decision)
const decisionIn = (code: number): TableDecision | undefined => (code < 0 ? undefined : tableDecisions[code % tableDecisions.length])
const positionIn = (code: number): number => Math.floor(code / tableDecisions.length)

/** The rule that ends the search for an address. */
export interface AccessMatch {
  readonly decision: TableDecision
  /** The index of its entry in the list. */
  readonly entry: number
  /** Of a table: the line in its file, or the index of the rule in the policy. */
  readonly position?: number
}

/** A compiled access list. */
export interface AccessList {
  /** The decision for a canonical address; `Dunno` when nothing decides. */
  decide(address: string): Decision
  /** The rule that decides about a canonical address; undefined when none does. */
  find(address: string): AccessMatch | undefined
  /** The addresses inside the network at which another rule may begin to apply, in order; not more than `most`. */
  startsWithin(network: Network, most: number): readonly string[]
}

interface Segment {
  readonly table: AddressTable
  /** What `lookup` of the table means; undefined: the search continues. */
  readonly match: (found: number) => AccessMatch | undefined
}

/** Compiles a table, whose first rule for an address decides. */
export function compileTable(rules: readonly TableRule[]): CompiledTable {
  const { starts4, rules4, starts6, rules6 } = compileIntervals(rules)
  const codes = rules.map(({ decision, line }, index) => codeOf(decision, line ?? index))
  const codeAt = (rule: number): number => codes[rule] ?? -1
  return { starts4, rules4: rules4.map(codeAt), starts6, rules6: rules6.map(codeAt) }
}

/** The decisions of a table, in the order of its addresses, IPv4 first; intervals without a rule are left out. */
export const decisionsOfTable = ({ rules4, rules6 }: CompiledTable): readonly TableDecision[] =>
  [...rules4, ...rules6].map(decisionIn).filter((decision) => decision !== undefined)

/** Whether the table rejects any client. */
export const rejectsSome = (table: CompiledTable): boolean => decisionsOfTable(table).includes('Reject')

/** A rule of the list itself always ends the search. */
function ruleSegment(rules: readonly ListRule[], firstEntry: number): Segment {
  const match = (found: number): AccessMatch | undefined => {
    const rule = rules[found]
    return rule === undefined ? undefined : { decision: rule.decision, entry: firstEntry + found }
  }
  return { table: compileAddressTable(rules), match }
}

/** Behind a table's `Dunno` the search continues. */
function tableSegment(table: CompiledTable, entry: number): Segment {
  const match = (code: number): AccessMatch | undefined => {
    const decision = decisionIn(code)
    return decision === undefined || decision === 'Dunno' ? undefined : { decision, entry, position: positionIn(code) }
  }
  return { table: addressTable(table), match }
}

/** Neighbouring rules become one lookup, each table one. */
function segmentsOf(entries: readonly AccessEntry[]): readonly Segment[] {
  const segments: Segment[] = []
  let plain: ListRule[] = []
  for (const [index, entry] of entries.entries()) {
    if (entry.is === 'rule') plain.push(entry.rule)
    if (entry.is === 'table' || index === entries.length - 1) {
      if (plain.length > 0) segments.push(ruleSegment(plain, entry.is === 'table' ? index - plain.length : index - plain.length + 1))
      plain = []
    }
    if (entry.is === 'table') segments.push(tableSegment(entry.table, index))
  }
  return segments
}

/** Compiles a list; see AccessEntry for the order of the search. */
export function compileAccessList(entries: readonly AccessEntry[]): AccessList {
  const segments = segmentsOf(entries)
  const find = (address: string): AccessMatch | undefined => {
    for (const { table, match } of segments) {
      const found = match(table.lookup(address))
      if (found !== undefined) return found
    }
    return undefined
  }
  return {
    find,
    decide(address) {
      const decision = find(address)?.decision ?? 'Dunno'
      return decision === 'Unknown' ? 'Dunno' : decision
    },
    startsWithin: (network, most) => startsOf(segments, network, most),
  }
}

function startsOf(segments: readonly Segment[], network: Network, most: number): readonly string[] {
  const all = segments.flatMap(({ table }) => table.startsWithin(network, most))
  const ordered = [...new Set([network.first, ...all])].toSorted((a, b) => (a < b ? -1 : a > b ? 1 : 0))
  return ordered.slice(0, most).map((value) => (typeof value === 'number' ? formatIPv4(value) : formatIPv6(value)))
}
