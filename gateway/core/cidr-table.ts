// cidr_table(5): the text of an access table, one network and one decision a line, first match first.
import { complement, everywhere, intersection, type Network, parseNetwork } from './network.ts'

/** What a rule of an access list decides. `Dunno` decides nothing. */
export type Decision = 'Permit' | 'Reject' | 'Dunno'

/** One line of a table, conditions around it included. */
export interface TableRule {
  readonly networks: readonly Network[]
  readonly decision: Decision
}

/** A line that cannot be used, and why. */
export interface TableProblem {
  readonly line: number
  readonly why: string
}

const decisions: Readonly<Record<string, Decision>> = { permit: 'Permit', reject: 'Reject', dunno: 'Dunno' }

/** Logical lines with the number of their first physical line: comments dropped, lines that start with white space continue the one before. */
function* logicalLines(text: string): Generator<{ line: number; text: string }> {
  let pending: { line: number; text: string } | undefined
  let number = 0
  for (const raw of text.split('\n')) {
    number++
    const line = raw.endsWith('\r') ? raw.slice(0, -1) : raw
    if (/^\s*(#|$)/.test(line)) continue
    if (/^\s/.test(line) && pending !== undefined) {
      pending.text += line
      continue
    }
    if (pending !== undefined) yield pending
    pending = { line: number, text: line.trimStart() }
  }
  if (pending !== undefined) yield pending
}

/** `PATTERN` or `!PATTERN`. A negated one, too, says nothing about addresses of the other family (cidr_match_execute). */
function patternNetworks(pattern: string): readonly Network[] | undefined {
  const negated = pattern.startsWith('!')
  const network = parseNetwork(negated ? pattern.slice(1).trimStart() : pattern)
  if (network === undefined) return undefined
  return negated ? complement([network]).filter(({ family }) => family === network.family) : [network]
}

const badPattern = (pattern: string): string =>
  `"${pattern}" is no network: write an address such as 192.0.2.1 or a network such as 192.0.2.0/24 with no bits set behind the prefix`

/**
 * Parses a table with `if`/`endif` and `!` patterns. Every bad line is reported; the others are returned all the same.
 * A result is one of permit, reject, dunno in any case (section "access table" of postscreen(8)).
 */
export function parseCidrTable(text: string): { readonly rules: readonly TableRule[]; readonly problems: readonly TableProblem[] } {
  const rules: TableRule[] = []
  const problems: TableProblem[] = []
  const conditions: (readonly Network[])[] = []
  for (const { line, text: content } of logicalLines(text)) {
    const problem = parseLine(content, conditions, rules)
    if (problem !== undefined) problems.push({ line, why: problem })
  }
  if (conditions.length > 0) problems.push({ line: text.split('\n').length, why: `${conditions.length} "if" without "endif"` })
  return { rules, problems }
}

function parseLine(content: string, conditions: (readonly Network[])[], rules: TableRule[]): string | undefined {
  const around = conditions.at(-1)
  if (/^endif\b/i.test(content)) {
    if (conditions.pop() === undefined) return '"endif" without "if"'
    return content.trimEnd().length > 'endif'.length ? 'need nothing behind "endif"' : undefined
  }
  const condition = /^if\s+(!?\s*\S+)\s*$/i.exec(content)
  if (condition !== null) {
    const inside = patternNetworks(condition[1] as string)
    conditions.push(inside === undefined ? everywhere : around === undefined ? inside : intersection(around, inside))
    return inside === undefined ? badPattern(condition[1] as string) : undefined
  }
  const match = /^(!?\s*\S+)\s+(.*?)\s*$/.exec(content)
  if (match === null) return 'need a network and one of permit, reject, dunno'
  const networks = patternNetworks(match[1] as string)
  if (networks === undefined) return badPattern(match[1] as string)
  const decision = decisions[(match[2] as string).toLowerCase()]
  if (decision === undefined) return `"${match[2]}" is no decision: write permit, reject or dunno`
  rules.push({ networks: around === undefined ? networks : intersection(around, networks), decision })
  return undefined
}
