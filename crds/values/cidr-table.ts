// cidr_table(5): one network and one result a line, `!` patterns and if/endif worked out into plain networks. The only reader of such tables:
// gateway, operator and importers use it. It accepts, skips and means what Postfix does (dict_cidr(3)), which a test asks `postmap -q` for.
import { blank, blanks, type LogicalLine, logicalLines, trimSpace } from './logical-lines.ts'
import { complement, intersection, type Network, parseNetworkPattern, wholeFamily } from './network.ts'

/** What the table answers for addresses in these networks, unless an earlier rule has them. */
export interface CidrRule {
  readonly networks: readonly Network[]
  readonly result: string
  readonly line: number
}

/** A line with something wrong, and what. */
export interface TableProblem {
  readonly line: number
  readonly why: string
}

export interface CidrTable {
  readonly rules: readonly CidrRule[]
  /** Lines that Postfix skips with a warning, and each `if` without its `endif`; the first ones. */
  readonly problems: readonly TableProblem[]
  /** Such lines beyond those. */
  readonly furtherProblems: number
  /** Whether each line is just a network and a result. */
  readonly flat: boolean
  /** Why reading stopped before the end of the table; undefined when all of it was read. */
  readonly tooMuch: string | undefined
}

/** Bad lines that are told one by one: a file of another kind has nothing else. */
export const problemsAtMost = 100
/** Networks in all lines together; a `!` or an `if` around a rule makes up to 128 of one. */
export const networksInTable = 2_000_000
/** Pairs of networks that are compared because of `if`. A table that nests thousands of exceptions would keep the process busy for minutes. */
const comparisonsAtMost = 20_000_000

interface Pattern {
  readonly network: Network
  readonly negated: boolean
}

/** `!` may be repeated and stand apart from the network (dict_cidr_parse_rule). */
const signsOf = new RegExp(`^(?:!|${blank})*`)
const ruleForm = new RegExp(`^((?:!|${blank})*[^${blanks}]*)([^]*)$`)

function parsePattern(text: string): Pattern | { readonly why: string } {
  const [signs = ''] = signsOf.exec(text) ?? []
  const plain = trimSpace(text.slice(signs.length))
  if (plain === '') return { why: 'no address pattern' }
  const parsed = parseNetworkPattern(plain)
  return 'why' in parsed ? parsed : { network: parsed.network, negated: signs.replaceAll(/[^!]/g, '').length % 2 === 1 }
}

/** Addresses that a pattern matches; a `!` pattern only ever matches addresses of its own family (cidr_match_execute). */
function matched({ network, negated }: Pattern): readonly Network[] {
  return negated ? intersection(wholeFamily(network.family), complement([network])) : [network]
}

/** What an `if` around the present line lets through, and where it stands. */
interface Condition {
  readonly networks: readonly Network[]
  readonly line: number
}

/** A table under way. */
class TableReader {
  readonly rules: CidrRule[] = []
  readonly problems: TableProblem[] = []
  furtherProblems = 0
  flat = true
  readonly #shown: number
  /** The innermost last. */
  readonly #conditions: Condition[] = []
  #networks = 0
  #comparisons = 0

  constructor(shown: number) {
    this.#shown = shown
  }

  /** The bounds are reached. */
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

  /** What the conditions leave of some networks. */
  #inside(networks: readonly Network[]): readonly Network[] {
    const around = this.#conditions.at(-1)?.networks
    this.#comparisons += around === undefined ? 0 : around.length * networks.length
    const left = around === undefined ? networks : intersection(around, networks)
    // Also those that are outside of the conditions: each has cost something.
    this.#networks += Math.max(networks.length, left.length)
    return left
  }
}

/**
 * Parses the text of a table. 100,000 lines take some 200 ms; time and memory are bounded for any text.
 * @param shown how many bad lines are told one by one
 */
export function parseCidrTable(text: string, shown = problemsAtMost): CidrTable {
  const reader = new TableReader(shown)
  for (const line of logicalLines(text)) {
    reader.read(line)
    if (reader.isFull) break
  }
  return reader.end()
}
