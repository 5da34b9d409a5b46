// Reads a cidr table as an access table: each result is an access list of its own, as postscreen reads it
// (server_acl(3)).
import { type CidrRule, parseCidrTable, badLinesShown, type TableProblem } from './cidr-table.ts'
import { type Network, printed } from './network.ts'

/** What a rule of an access list decides. `Dunno` decides nothing. */
export type Decision = 'Permit' | 'Reject' | 'Dunno'

/**
 * `Unknown`: the table has a result that is not a decision. It ends the search in the whole access list, and the tests
 * decide (SERVER_ACL_ACT_ERROR).
 */
export type TableDecision = Decision | 'Unknown'

/** One line of a table, with the conditions around it. */
export interface TableRule {
  readonly networks: readonly Network[]
  readonly decision: TableDecision
  /** Of a table in a file. */
  readonly line?: number
}

/** The usable part of a table, and the problems of the rest. */
export interface AccessTable {
  readonly rules: readonly TableRule[]
  /** The first lines that are skipped, or that decide nothing. */
  readonly problems: readonly TableProblem[]
  /** The number of such lines beyond those. */
  readonly furtherProblems: number
  /** Why the table as a whole cannot be used. */
  readonly tooMuch: string | undefined
}

const words: Readonly<Record<string, Decision>> = { permit: 'Permit', reject: 'Reject', dunno: 'Dunno' }

/** The decision for a word of an access list, in upper or lower case. */
export const decisionOf = (word: string): Decision | undefined => {
  const folded = word.toLowerCase()
  return Object.hasOwn(words, folded) ? words[folded] : undefined
}

/** CHARS_COMMA_SP of Postfix: fewer characters than those that separate the network from its result. */
const separator = /[, \t\r\n]+/
/** The most different results that are parsed once. A table usually has two. */
const resultsRemembered = 100
const allowed = 'expected one of permit, reject, dunno'

/**
 * The decision of a result. Its first word decides. The rest is ignored, so a comment behind it does no harm.
 * postscreen incompatibility: permit_mynetworks is skipped, because a policy does not have mynetworks.
 */
function decide(result: string): { readonly decision: TableDecision; readonly why?: string } {
  if (result.includes('\ufffd')) return { decision: 'Unknown', why: `the result ${printed(result)} is not valid UTF-8` }
  let why: string | undefined
  for (const word of result.split(separator)) {
    const decision = decisionOf(word)
    if (decision !== undefined) return { decision, ...(why !== undefined && { why }) }
    if (word.toLowerCase() === 'permit_mynetworks') why = `permit_mynetworks has no meaning here: list the networks; ${allowed}`
    else if (word.includes(':')) return { decision: 'Dunno', why: `the result ${printed(result)} is not valid: ${allowed}` }
    else if (word !== '') return { decision: 'Unknown', why: `the result ${printed(result)} is not valid: ${allowed}` }
  }
  return { decision: 'Dunno', why: why ?? `the result ${printed(result)} is not valid: ${allowed}` }
}

/** Parses an access table. Bad lines are reported and skipped, as in Postfix; the other lines are used. */
export function parseAccessTable(text: string): AccessTable {
  const { rules, problems, furtherProblems, tooMuch } = parseCidrTable(text)
  const bad: TableProblem[] = []
  let further = furtherProblems
  const known = new Map<string, ReturnType<typeof decide>>()
  const decided = rules.map(({ networks, result, line }: CidrRule): TableRule => {
    const { decision, why } = known.get(result) ?? decide(result)
    if (known.size < resultsRemembered) known.set(result, { decision, ...(why !== undefined && { why }) })
    if (why !== undefined && bad.length < badLinesShown) bad.push({ line, why })
    else if (why !== undefined) further++
    return { networks, decision, line }
  })
  const all = [...problems, ...bad].toSorted((a, b) => a.line - b.line)
  const shown = all.slice(0, badLinesShown)
  return { rules: decided, problems: shown, furtherProblems: further + all.length - shown.length, tooMuch }
}
