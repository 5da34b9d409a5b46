// Postfix address match lists (mynetworks, postscreen_allowlist_interfaces) as networks in order: match_list(3),
// match_ops(3).
import { canonicalAddress } from '../../crds/values/address.ts'
import { complement, everywhere, intersection, type Network } from '../../crds/values/network.ts'
import type { LookupTable } from './lookup-table.ts'
import { isMapped, parseNetworkPattern, unmapped } from '../../crds/values/network.ts'
import type { Source } from './source.ts'
import { splitWords } from './word-list.ts'

/** One pattern. The first pattern that contains an address decides whether the address is in the list. */
export interface AddressPattern {
  readonly negated: boolean
  readonly networks: readonly Network[]
  /** Matches every address. */
  readonly all: boolean
}

interface Context {
  readonly source: Source
  readonly parameter: string
  readonly patterns: AddressPattern[]
  /** Files that are named in files. */
  readonly depth: number
}

/** Files may name files. Postfix has no limit, and crashes on a file that names itself. */
const deepest = 10

/** Reads a list. Reports an error for what Postfix cannot use, and a note for what never matches. */
export function readAddressList(text: string, parameter: string, source: Source): readonly AddressPattern[] {
  const context: Context = { source, parameter, patterns: [], depth: 0 }
  readWords(text, false, context)
  noteMapped(context)
  return context.patterns.map(withoutMapped).filter(({ networks, all }) => all || networks.length > 0)
}

function readWords(text: string, negatedAll: boolean, context: Context): void {
  const { source, parameter } = context
  const name = source.nameFor(parameter)
  for (const word of splitWords(text)) {
    if (word.startsWith('#')) {
      source.findings.note(`${name}: comment at end of line is not supported: "${word}": the rest of the list is ignored, as in Postfix`)
      return
    }
    const item = word.replace(/^!+/, '')
    const negated = negatedAll !== ((word.length - item.length) % 2 === 1)
    if (item === '') source.findings.error(`${name}: no pattern after '!'`)
    else if (item.startsWith('/')) readFile(item, negated, context)
    else if (!item.startsWith('[') && item.includes(':')) readTable(item, negated, context)
    else readPattern(item.toLowerCase(), negated, context)
  }
}

function readFile(path: string, negated: boolean, context: Context): void {
  if (context.depth >= deepest) {
    context.source.findings.error(
      `${context.source.nameFor(context.parameter)}: ${path}: files are nested more than ${deepest} levels deep`,
    )
    return
  }
  const lines = context.source.tables.lines(path, context.source.nameFor(context.parameter)) ?? []
  for (const line of lines) if (!line.startsWith('#')) readWords(line, negated, { ...context, depth: context.depth + 1 })
}

function readTable(item: string, negated: boolean, context: Context): void {
  const { source, parameter, patterns } = context
  const name = source.nameFor(parameter)
  if (/^[0-9a-f]*:[0-9a-f:.]*(\/[0-9]+)?$/i.test(item)) {
    const [address = '', ...bits] = item.split('/')
    source.findings.error(
      `${name}: ${item}: Postfix reads this as a table; write an IPv6 address in brackets: ${[`[${address}]`, ...bits].join('/')}`,
    )
    return
  }
  const table = source.tables.open(item, name)
  const networks = networksOf(table, `${name}: ${item}`, source)
  if (networks === undefined) source.tables.unreadable(name, item, 'regular expressions cannot be converted to networks; use a cidr: table')
  else patterns.push({ negated, networks, all: table.is === 'always' })
}

/** The addresses for which a table has a result; undefined for regular expressions. */
function networksOf(table: LookupTable, where: string, source: Source): readonly Network[] | undefined {
  if (table.is === 'networks') return table.table.rules.flatMap((rule) => rule.networks)
  if (table.is === 'keys') return table.entries.flatMap(({ key }) => networksOfKey(key, where, source))
  return table.is === 'patterns' ? undefined : []
}

/**
 * The address of a key in a table. A key that is not an address in Postfix's notation never matches, which is reported.
 */
export function networksOfKey(key: string, where: string, source: Source): readonly Network[] {
  const folded = key.toLowerCase()
  const parsed = parseNetworkPattern(folded)
  if (!('why' in parsed) && canonicalAddress(folded) === folded) return [parsed.value]
  source.findings.noteOneOfMany(
    where,
    `${where}: the key ${key} is not a client address and never matches; for networks, use a cidr: table`,
  )
  return []
}

function readPattern(pattern: string, negated: boolean, { source, parameter, patterns }: Context): void {
  const name = source.nameFor(parameter)
  const address = /^[0-9a-f:.[\]/]+$/.test(pattern)
  const parsed = address ? parseNetworkPattern(pattern) : undefined
  const looked = /[:/]/.test(pattern) && address
  if (parsed !== undefined && 'value' in parsed && (looked || /^\[?[0-9.]+\]?$/.test(pattern))) {
    patterns.push({ negated, networks: [parsed.value], all: false })
  } else if (parsed !== undefined && 'why' in parsed && looked) {
    source.findings.error(`${name}: ${parsed.why}; Postfix stops evaluating the list there`)
  } else {
    source.findings.note(`${name}: "${pattern}" is not an address or network, so no client matches it; omitted`)
  }
}

const withoutMapped = (pattern: AddressPattern): AddressPattern => ({
  ...pattern,
  networks: pattern.networks.filter((network) => !isMapped(network)),
})

const covers = (patterns: readonly AddressPattern[], network: Network): boolean =>
  patterns.some(
    ({ all, networks }) =>
      all || networks.some((one) => one.family === network.family && one.first <= network.first && network.last <= one.last),
  )

/**
 * IPv4-mapped networks match no client. This is reported only if the list does not contain the IPv4 network itself, as
 * Debian's default does.
 */
function noteMapped({ source, parameter, patterns }: Context): void {
  for (const network of patterns.flatMap((pattern) => pattern.networks).filter(isMapped)) {
    if (!covers(patterns, unmapped(network))) {
      source.findings.note(
        `${source.nameFor(parameter)}: IPv4-mapped IPv6 networks match no client, because such clients appear with their IPv4 address; omitted`,
      )
    }
  }
}

/** All addresses that are in the list, as networks. */
export function addressesIn(patterns: readonly AddressPattern[]): readonly Network[] {
  const inside: Network[] = []
  const decided: Network[] = []
  for (const { negated, networks, all } of patterns) {
    const matched = all ? everywhere : networks
    if (!negated) inside.push(...(decided.length === 0 ? matched : intersection(complement(decided), matched)))
    if (negated) decided.push(...matched)
  }
  return inside
}
