// Reads cidr_table(5): one network and one result in each line. `!` patterns and if/endif are resolved into plain
// networks. This is the only reader of such tables: gateway, operator and importers use it. It accepts, skips and
// interprets lines as Postfix does (dict_cidr(3)); a test compares it with `postmap -q`.
import { blank, blanks, type LogicalLine, logicalLines, trimSpace } from './logical-lines.ts'
import { complement, intersection, type Network, parseNetworkPattern, wholeFamily } from './network.ts'

/** The result of the table for addresses in these networks, unless an earlier rule contains them. */
export interface CidrRule {
  readonly networks: readonly Network[]
  readonly result: string
  readonly line: number
}

/** A line with a problem. */
export interface TableProblem {
  readonly line: number
  readonly why: string
}

export interface CidrTable {
  readonly rules: readonly CidrRule[]
  /** Lines that Postfix skips with a warning, and each `if` without its `endif`. Only the first ones. */
  readonly problems: readonly TableProblem[]
  /** The number of such lines beyond those. */
  readonly furtherProblems: number
  /** Whether each line is only a network and a result. */
  readonly flat: boolean
  /** Why reading stopped before the end of the table; undefined if the whole table was read. */
  readonly tooMuch: string | undefined
}

/** The most bad lines that are reported one by one. In a file of another kind, every line is bad. */
export const badLinesShown = 100
/** The most networks in all lines together. A `!` or an `if` around a rule splits a network into up to 128. */
const networksInTable = 2_000_000
/**
 * The most pairs of networks that are compared because of `if`. A table that nests thousands of exceptions would occupy
 * the process for minutes.
 */
const comparisonsAtMost = 20_000_000

interface Pattern {
  readonly network: Network
  readonly negated: boolean
}

/** `!` may be repeated, with white space before the network (dict_cidr_parse_rule). */
const signsOf = new RegExp(`^(?:!|${blank})*`)
const ruleForm = new RegExp(`^((?:!|${blank})*[^${blanks}]*)([^]*)$`)

function parsePattern(text: string): Pattern | { readonly why: string } {
  const [signs = ''] = signsOf.exec(text) ?? []
  const plain = trimSpace(text.slice(signs.length))
  if (plain === '') return { why: 'no address pattern' }
  const parsed = parseNetworkPattern(plain)
  return 'why' in parsed ? parsed : { network: parsed.value, negated: signs.replaceAll(/[^!]/g, '').length % 2 === 1 }
}

/**
 * The addresses that a pattern matches. A `!` pattern matches only addresses of its own family (cidr_match_execute).
 */
function matched({ network, negated }: Pattern): readonly Network[] {
  return negated ? intersection(wholeFamily(network.family), complement([network])) : [network]
}

/** The networks that an open `if` lets through, and its line. */
interface Condition {
  readonly networks: readonly Network[]
  readonly line: number
}

/** A table that is being read. */
class TableReader {
  readonly rules: CidrRule[] = []
  readonly problems: TableProblem[] = []
  furtherProblems = 0
  flat = true
  readonly #shown: number
  /** The innermost condition is the last one. */
  readonly #conditions: Condition[] = []
  #networks = 0
  #comparisons = 0

  constructor(shown: number) {
    this.#shown = shown
  }

  /** Whether the limits are reached. */
  get isFull(): boolean {
    return this.#networks > networksInTable || this.#comparisons > comparisonsAtMost
  }

  read({ line, text, stray }: LogicalLine): void {
    const why = stray ? 'logical line must not start with whitespace' : this.#line(line, text)
    if (why !== undefined) this.#report(line, why)
  }

  end(): CidrTable {
    for (const { line } of this.isFull ? [] : this.#conditions) this.#report(line, 'IF has no matching ENDIF')
    const { rules, problems, furtherProblems, flat } = this
    const tooMuch = `has more than ${networksInTable} networks, or too many inside "if" or behind "!"`
    return { rules, problems, furtherProblems, flat, tooMuch: this.isFull ? tooMuch : undefined }
  }

  #report(line: number, why: string): void {
    if (this.problems.length < this.#shown) this.problems.push({ line, why })
    else this.furtherProblems++
  }

  /** @returns what is wrong with the line */
  #line(line: number, text: string): string | undefined {
    if (/^if(?![A-Za-z0-9])/i.test(text)) return this.#if(line, text.slice(2))
    if (/^endif(?![A-Za-z0-9])/i.test(text)) return this.#endif(text.slice(5))
    return this.#rule(line, text)
  }

  #if(line: number, text: string): string | undefined {
    const pattern = parsePattern(text)
    if ('why' in pattern) return pattern.why
    this.#conditions.push({ networks: this.#inside(matched(pattern)), line })
    this.flat = false
    return undefined
  }

  #endif(text: string): string | undefined {
    if (trimSpace(text) !== '') return 'garbage after ENDIF'
    return this.#conditions.pop() === undefined ? 'ENDIF without IF' : undefined
  }

  #rule(line: number, text: string): string | undefined {
    const [, signed = '', value = ''] = ruleForm.exec(text) ?? []
    const pattern = parsePattern(signed)
    if ('why' in pattern) return pattern.why
    const result = trimSpace(value)
    if (result === '') return 'no lookup result'
    if (pattern.negated) this.flat = false
    const networks = this.#inside(matched(pattern))
    if (networks.length > 0) this.rules.push({ networks, result, line })
    return undefined
  }

  /** The part of some networks that all open conditions let through. */
  #inside(networks: readonly Network[]): readonly Network[] {
    const around = this.#conditions.at(-1)?.networks
    this.#comparisons += around === undefined ? 0 : around.length * networks.length
    const left = around === undefined ? networks : intersection(around, networks)
    // Networks outside the conditions count too, because each one has a cost.
    this.#networks += Math.max(networks.length, left.length)
    return left
  }
}

/**
 * Parses the text of a table. 100,000 lines take about 200 ms. Time and memory are bounded for any text.
 * @param shown how many bad lines are reported one by one
 */
export function parseCidrTable(text: string, shown = badLinesShown): CidrTable {
  const reader = new TableReader(shown)
  for (const line of logicalLines(text)) {
    reader.read(line)
    if (reader.isFull) break
  }
  return reader.end()
}
