// cidr_table(5): the text of an access table, one network and one decision a line, first match first. Gateway and operator read it alike.
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

/** A table as far as it can be used, and what is wrong with it. */
export interface CidrTable {
  readonly rules: readonly TableRule[]
  /** The first bad lines. */
  readonly problems: readonly TableProblem[]
  /** Bad lines beyond those. */
  readonly furtherProblems: number
}

/** The longest line with its continuations; what is sensible has some tens of characters. */
const lineAtMost = 1024
/** Bad lines that are told one by one: a file of another kind has nothing else. */
const problemsAtMost = 100
/** `if` inside `if`. */
const depthAtMost = 20
/** Networks in all rules together; a `!` or an `if` around a rule makes up to 128 of one. */
export const networksInTable = 2_000_000
/** Pairs of networks that are compared because of `if`. A table that nests thousands of exceptions would keep the process busy for minutes. */
const comparisonsAtMost = 20_000_000

const decisions: Readonly<Record<string, Decision>> = { permit: 'Permit', reject: 'Reject', dunno: 'Dunno' }

interface LogicalLine {
  readonly line: number
  text: string
  tooLong: boolean
}

/** Logical lines with the number of their first physical line: comments dropped, lines that start with white space continue the one before. */
function* logicalLines(text: string): Generator<LogicalLine> {
  let pending: LogicalLine | undefined
  let number = 0
  for (let from = 0; from <= text.length; ) {
    const end = text.indexOf('\n', from)
    const raw = text.slice(from, end < 0 ? text.length : end)
    from = end < 0 ? text.length + 1 : end + 1
    number++
    const line = raw.endsWith('\r') ? raw.slice(0, -1) : raw
    if (/^\s*(#|$)/.test(line)) continue
    const continues = pending !== undefined && /^\s/.test(line)
    if (!continues && pending !== undefined) yield pending
    if (!continues) pending = { line: number, text: '', tooLong: false }
    if (pending !== undefined) append(pending, line)
  }
  if (pending !== undefined) yield pending
}

function append(to: LogicalLine, text: string): void {
  if (to.text.length + text.length > lineAtMost) to.tooLong = true
  else to.text += to.text === '' ? text.trimStart() : text
}

/** `PATTERN` or `!PATTERN`. A negated one, too, says nothing about addresses of the other family (cidr_match_execute). */
function patternNetworks(pattern: string): readonly Network[] | undefined {
  const negated = pattern.startsWith('!')
  const network = parseNetwork(negated ? pattern.slice(1).trimStart() : pattern)
  if (network === undefined) return undefined
  return negated ? complement([network]).filter(({ family }) => family === network.family) : [network]
}

/** What a line says, for a message: short and printable, since nobody knows what kind of file it is. */
const quoted = (text: string): string => `"${text.slice(0, 60).replace(/[^ -~]/g, '?')}"`

const badPattern = (pattern: string): string =>
  `${quoted(pattern)} is no network: write an address such as 192.0.2.1 or a network such as 192.0.2.0/24 with no bits set behind the prefix`

/**
 * Parses a table with `if`/`endif` and `!` patterns. Bad lines are reported, the first hundred by name; the others are returned all the same.
 * A result is one of permit, reject, dunno in any case (section "access table" of postscreen(8)).
 * 100,000 networks take some 100 ms; time and memory are bounded for any text.
 */
export function parseCidrTable(text: string): CidrTable {
  const table = new TableParser()
  let last = 1
  for (const logical of logicalLines(text)) {
    table.add(logical)
    last = logical.line
    if (table.isFull) break
  }
  return table.end(last)
}

/** A table under way. */
class TableParser {
  readonly #rules: TableRule[] = []
  readonly #problems: TableProblem[] = []
  readonly #conditions: (readonly Network[])[] = []
  #further = 0
  #networks = 0
  #comparisons = 0

  /** The bounds are reached: no rule is added any more. */
  get isFull(): boolean {
    return this.#networks > networksInTable || this.#comparisons > comparisonsAtMost
  }

  add({ line, text, tooLong }: LogicalLine): void {
    const problem = tooLong ? `is longer than ${lineAtMost} characters` : this.#line(text)
    if (problem !== undefined) this.#report(line, problem)
  }

  end(line: number): CidrTable {
    const open = this.#conditions.length
    if (this.#networks > networksInTable) this.#report(line, `here the table has more than ${networksInTable} networks`)
    else if (this.isFull) this.#report(line, 'here the table has too many networks inside "if" or behind "!"')
    else if (open > 0) this.#report(line, `${open} "if" without "endif"`)
    return { rules: this.#rules, problems: this.#problems, furtherProblems: this.#further }
  }

  #report(line: number, why: string): void {
    if (this.#problems.length < problemsAtMost) this.#problems.push({ line, why })
    else this.#further++
  }

  /** @returns what is wrong with the line */
  #line(content: string): string | undefined {
    if (/^endif\b/i.test(content)) {
      if (this.#conditions.pop() === undefined) return '"endif" without "if"'
      return content.trimEnd().length > 'endif'.length ? 'need nothing behind "endif"' : undefined
    }
    const condition = /^if\s+(!?\s*\S+)\s*$/i.exec(content)
    if (condition !== null) return this.#condition(condition[1] ?? '')
    const [, pattern = '', result = ''] = /^(!?\s*\S+)\s+(\S.*)$/.exec(content) ?? []
    if (pattern === '') return 'need a network and one of permit, reject, dunno'
    const networks = patternNetworks(pattern)
    if (networks === undefined) return badPattern(pattern)
    const decision = decisions[result.trimEnd().toLowerCase()]
    if (decision === undefined) return `${quoted(result.trimEnd())} is no decision: write permit, reject or dunno`
    this.#rules.push({ networks: this.#inside(networks), decision })
    return undefined
  }

  #condition(pattern: string): string | undefined {
    const inside = patternNetworks(pattern)
    const tooDeep = this.#conditions.length >= depthAtMost
    this.#conditions.push(inside === undefined || tooDeep ? everywhere : this.#inside(inside))
    if (tooDeep) return `must not nest "if" deeper than ${depthAtMost}`
    return inside === undefined ? badPattern(pattern) : undefined
  }

  /** What of some networks the conditions leave. */
  #inside(networks: readonly Network[]): readonly Network[] {
    const around = this.#conditions.at(-1)
    this.#comparisons += around === undefined ? 0 : around.length * networks.length
    const left = around === undefined ? networks : intersection(around, networks)
    this.#networks += left.length
    return left
  }
}
