// cidr_table(5) with results of any kind: one network and one text a line, `!` patterns and if/endif worked out into plain networks.
import { complement, intersection, type Network } from '../../crds/network.ts'
import { logicalLines, trimSpace } from './logical-lines.ts'
import { parseNetworkPattern, wholeFamily } from './network-pattern.ts'

/** What the table answers for addresses in these networks, unless an earlier rule has them. */
export interface CidrRule {
  readonly networks: readonly Network[]
  readonly result: string
  readonly line: number
}

export interface CidrTable {
  readonly rules: readonly CidrRule[]
  /** Lines that Postfix skips with a warning. */
  readonly problems: readonly { readonly line: number; readonly why: string }[]
  /** Whether each line is just a network and a result. */
  readonly flat: boolean
}

interface Pattern {
  readonly network: Network
  readonly negated: boolean
}

/** `!` may be repeated and stand apart from the network (dict_cidr_parse_rule). */
function parsePattern(text: string): Pattern | { readonly why: string } {
  const [signs = ''] = /^[! \t\n\v\f\r]*/.exec(text) ?? []
  const plain = trimSpace(text.slice(signs.length))
  if (plain === '') return { why: 'no address pattern' }
  const parsed = parseNetworkPattern(plain)
  return 'why' in parsed ? parsed : { network: parsed.network, negated: (signs.match(/!/g)?.length ?? 0) % 2 === 1 }
}

/** Addresses that a pattern matches; a `!` pattern only ever matches addresses of its own family (cidr_match_execute). */
function matched({ network, negated }: Pattern): readonly Network[] {
  return negated ? intersection(wholeFamily(network.family), complement([network])) : [network]
}

class TableReader {
  readonly rules: CidrRule[] = []
  readonly problems: { line: number; why: string }[] = []
  /** What the `if` blocks around the present line let through, the innermost last. */
  readonly #conditions: (readonly Network[])[] = []
  flat = true

  read(line: number, text: string): void {
    const why = /^if(?![A-Za-z0-9])/i.test(text)
      ? this.#if(text.slice(2))
      : /^endif(?![A-Za-z0-9])/i.test(text)
        ? this.#endif(text.slice(5))
        : this.#rule(line, text)
    if (why !== undefined) this.problems.push({ line, why })
  }

  #if(text: string): string | undefined {
    const pattern = parsePattern(text)
    if ('why' in pattern) return pattern.why
    this.#conditions.push(this.#inside(matched(pattern)))
    this.flat = false
    return undefined
  }

  #endif(text: string): string | undefined {
    if (trimSpace(text) !== '') return 'garbage after ENDIF'
    return this.#conditions.pop() === undefined ? 'ENDIF without IF' : undefined
  }

  #rule(line: number, text: string): string | undefined {
    const [, signs = '', key = '', value = ''] = /^([! \t\n\v\f\r]*)([^ \t\n\v\f\r]*)([^]*)$/.exec(text) ?? []
    const pattern = parsePattern(signs + key)
    if ('why' in pattern) return pattern.why
    const result = trimSpace(value)
    if (result === '') return 'no lookup result'
    if (pattern.negated) this.flat = false
    const networks = this.#inside(matched(pattern))
    if (networks.length > 0) this.rules.push({ networks, result, line })
    return undefined
  }

  #inside(networks: readonly Network[]): readonly Network[] {
    const around = this.#conditions.at(-1)
    return around === undefined ? networks : intersection(around, networks)
  }
}

/** Parses the text of a table. 100,000 lines take a few hundred milliseconds. */
export function parseCidrTable(text: string): CidrTable {
  const reader = new TableReader()
  const { lines, stray } = logicalLines(text)
  for (const { line } of stray) reader.problems.push({ line, why: 'logical line must not start with whitespace' })
  for (const { line, text: logical } of lines) reader.read(line, logical)
  const { rules, problems, flat } = reader
  return { rules, problems, flat }
}
