// Expands the SPF record of a domain to the networks that it permits (RFC 7208), as a generator: it asks a question,
// and gets the answer of DNS. The result is for a list of clients that skip tests, not for a message. So only what
// passes for every message counts: terms that depend on the sender of a message or on the client are reported instead.
import { parseAddress } from '../../../crds/values/address.ts'
import { formatNetwork, type Network, networkAround, printed } from '../../../crds/values/network.ts'
import type { DomainSpec } from './domain-spec.ts'
import { type NetworkRule, normalized, passing, sizeOf } from './network-set.ts'
import { checkNetwork, type SpfBounds, whyTooLarge } from './spf-bounds.ts'
import { type Directive, isSpfRecord, type Lengths, readSpfRecord, type SpfRecord } from './spf-record.ts'

export interface SpfQuestion {
  readonly name: string
  readonly type: 'A' | 'AAAA' | 'MX' | 'TXT'
}

/** `records`: addresses, hosts or texts; none: the name does not exist or has no such records. `ttl` -1: unknown. */
export type SpfAnswer =
  | { readonly is: 'records'; readonly records: readonly string[]; readonly ttl: number }
  | { readonly is: 'error'; readonly why: string }

/** Something about one term, or about a whole record if `term` is empty. */
export interface SpfNote {
  /** Whose record. */
  readonly domain: string
  readonly term: string
  readonly why: string
}

/** Why there is no result at all. */
export type SpfFailure = 'DNSError' | 'NoRecord' | 'SeveralRecords' | 'SyntaxError' | 'PermitsAll' | 'LimitReached' | 'TooLarge'

/** Lists of at most `notesKept` notes each. */
export interface SpfExpansion {
  /** In order; none is inside another one. Empty if it failed. */
  readonly networks: readonly Network[]
  readonly failed: { readonly reason: SpfFailure; readonly why: string } | undefined
  /** Parts that could not be read: networks may be missing. */
  readonly unread: readonly SpfNote[]
  readonly refused: readonly SpfNote[]
  readonly notExpandable: readonly SpfNote[]
  readonly warnings: readonly SpfNote[]
  /** As RFC 7208 4.6.4 counts them. */
  readonly lookups: number
  readonly voidLookups: number
  /** Questions to DNS. */
  readonly queries: number
  /** The lowest, in seconds; undefined if unknown. */
  readonly ttl: number | undefined
}

export const notesKept = 50
/** RFC 7208 4.6.4. */
const limits = { lookups: 10, voidLookups: 2, mxHosts: 10 }

type Steps<T> = Generator<SpfQuestion, T, SpfAnswer>

/** A record cannot be used. */
class RecordError extends Error {
  readonly reason: SpfFailure

  constructor(reason: SpfFailure, why: string) {
    super(why)
    this.reason = reason
  }
}

/** @param domain in lower case, without a dot at its end. Never throws. */
export function* expandSpf(domain: string, bounds: SpfBounds): Steps<SpfExpansion> {
  const expansion = new Expansion(bounds)
  try {
    const networks = normalized(yield* expansion.networksOf(domain, []))
    const tooLarge = whyTooLarge(sizeOf(networks), bounds.ofSender)
    return tooLarge === undefined ? expansion.result(networks) : expansion.result([], { reason: 'TooLarge', why: tooLarge })
  } catch (error) {
    if (!(error instanceof RecordError)) throw error
    return expansion.result([], { reason: error.reason, why: error.message })
  }
}

type NoteList = 'unread' | 'refused' | 'notExpandable' | 'warnings'

class Expansion {
  readonly #bounds: SpfBounds
  readonly #notes: Record<NoteList, SpfNote[]> = { unread: [], refused: [], notExpandable: [], warnings: [] }
  /** A record that is included twice is read once. */
  readonly #known = new Map<string, readonly Network[]>()
  #lookups = 0
  #voidLookups = 0
  #queries = 0
  #ttl: number | undefined

  constructor(bounds: SpfBounds) {
    this.#bounds = bounds
  }

  result(networks: readonly Network[], failed?: SpfExpansion['failed']): SpfExpansion {
    const counts = { lookups: this.#lookups, voidLookups: this.#voidLookups, queries: this.#queries }
    const warnings = [...this.#notes.warnings]
    const warn = (why: string): void => void warnings.push({ domain: '', term: '', why })
    if (counts.lookups > limits.lookups)
      warn(`${counts.lookups} lookups: mail servers that check SPF allow ${limits.lookups} and may reject the mail of this sender`)
    if (counts.voidLookups > limits.voidLookups)
      warn(`${counts.voidLookups} lookups without a result: mail servers that check SPF allow ${limits.voidLookups}`)
    return { networks, failed, ...this.#notes, warnings, ...counts, ttl: this.#ttl }
  }

  /**
   * What the record of a domain passes.
   * @param around the domains whose records are being read
   * @throws RecordError if the record cannot be used
   */
  *networksOf(domain: string, around: readonly string[]): Steps<readonly Network[]> {
    const known = this.#known.get(domain)
    if (known !== undefined) return known
    if (around.length > this.#bounds.depth)
      throw new RecordError('LimitReached', `more than ${this.#bounds.depth} records inside each other`)
    const record = yield* this.#recordOf(domain)
    const path = [...around, domain]
    const rules: NetworkRule[] = []
    for (const directive of record.directives) rules.push(yield* this.#ruleOf(directive, domain, path))
    if (record.redirect !== undefined) rules.push(yield* this.#redirected(record.redirect, domain, path))
    const networks = passing(rules)
    this.#known.set(domain, networks)
    return networks
  }

  *#recordOf(domain: string): Steps<SpfRecord> {
    const answer = yield* this.#ask({ name: domain, type: 'TXT' })
    if (answer.is === 'error') throw new RecordError('DNSError', `${domain}: ${answer.why}`)
    const records = answer.records.filter(isSpfRecord)
    const [text] = records
    if (answer.records.length === 0) this.#voidLookups++
    if (text === undefined) throw new RecordError('NoRecord', `${domain} has no SPF record`)
    if (records.length > 1)
      throw new RecordError('SeveralRecords', `${domain} has ${records.length} SPF records, which is an error (RFC 7208 3.2)`)
    const read = readSpfRecord(text, domain)
    if ('why' in read) throw new RecordError('SyntaxError', `${domain}: syntax error in its SPF record: ${read.why}`)
    const end = read.value.directives.at(-1)
    if (end?.mechanism.is === 'all' && end.qualifier === '+')
      throw new RecordError('PermitsAll', `${domain}: its SPF record permits every address (${printed(end.written)})`)
    return read.value
  }

  *#ruleOf({ qualifier, mechanism, written }: Directive, domain: string, path: readonly string[]): Steps<NetworkRule> {
    const passes = qualifier === '+'
    const place: Place = { domain, term: written, passes }
    switch (mechanism.is) {
      case 'all':
        return { networks: [], passes }
      case 'network':
        if (mechanism.isMapped) this.#note('refused', place, 'an IPv4 client never has this address; the term needs ip4')
        if (mechanism.isMapped) return { networks: [], passes }
        if (mechanism.hasHostBits)
          this.#note('warnings', place, `has address bits beyond the prefix length: read as ${formatNetwork(mechanism.network)}`)
        return { networks: this.#checked([mechanism.network], place), passes }
      case 'include':
        return { networks: yield* this.#included(mechanism.domain, place, path), passes }
      case 'a':
      case 'mx':
        return { networks: yield* this.#ofHosts(mechanism, place), passes }
      case 'ptr':
      case 'exists':
        this.#lookups++
        this.#note(
          'notExpandable',
          place,
          mechanism.is === 'ptr' ? 'depends on the reverse name of the client' : 'depends on the message or the client',
        )
        return { networks: [], passes }
    }
  }

  *#included(spec: DomainSpec, place: Place, path: readonly string[]): Steps<readonly Network[]> {
    this.#lookups++
    const name = this.#nameOf(spec, place)
    if (name === undefined) return []
    if (path.includes(name)) {
      this.#note('warnings', place, 'the record includes itself')
      return []
    }
    try {
      return yield* this.networksOf(name, path)
    } catch (error) {
      if (!(error instanceof RecordError) || error.reason === 'LimitReached') throw error
      this.#note(error.reason === 'PermitsAll' ? 'refused' : 'unread', place, error.message)
      return []
    }
  }

  /**
   * The record of another domain takes the place of the rest. If it cannot be used, this one cannot either (RFC 7208
   * 6.1).
   */
  *#redirected({ domain: spec, written }: Redirect, domain: string, path: readonly string[]): Steps<NetworkRule> {
    this.#lookups++
    const place: Place = { domain, term: written, passes: true }
    const name = this.#nameOf(spec, place)
    if (name !== undefined && path.includes(name)) this.#note('warnings', place, 'the record redirects to itself')
    if (name === undefined || path.includes(name)) return { networks: [], passes: true }
    return { networks: yield* this.networksOf(name, path), passes: true }
  }

  *#ofHosts({ is, domain, lengths }: HostsMechanism, place: Place): Steps<readonly Network[]> {
    this.#lookups++
    const name = this.#nameOf(domain, place)
    if (name === undefined) return []
    const hosts = is === 'a' ? [name] : yield* this.#mailHosts(name, place)
    const networks: Network[] = []
    for (const host of hosts) networks.push(...(yield* this.#addressesOf(host, lengths, place)))
    if (networks.length === 0 && (is === 'a' || hosts.length > 0)) this.#voidLookups++
    return this.#checked(networks, place)
  }

  *#mailHosts(name: string, place: Place): Steps<readonly string[]> {
    const answer = yield* this.#ask({ name, type: 'MX' })
    if (answer.is === 'error') this.#note('unread', place, `${name}: ${answer.why}`)
    if (answer.is === 'error') return []
    if (answer.records.length === 0) this.#voidLookups++
    if (answer.records.length > limits.mxHosts)
      this.#note('warnings', place, `${answer.records.length} mail hosts: only the first ${limits.mxHosts} in alphabetical order are read`)
    return answer.records
      .filter((host) => host !== '')
      .toSorted()
      .slice(0, limits.mxHosts)
  }

  *#addressesOf(name: string, { ipv4, ipv6 }: Lengths, place: Place): Steps<readonly Network[]> {
    const networks: Network[] = []
    for (const type of ['A', 'AAAA'] as const) {
      const answer = yield* this.#ask({ name, type })
      if (answer.is === 'error') this.#note('unread', place, `${name}: ${answer.why}`)
      for (const text of answer.is === 'error' ? [] : answer.records) {
        const address = parseAddress(text)
        // An IPv4-mapped address in an AAAA record is never the address of a client.
        if (address?.family === (type === 'A' ? 4 : 6)) networks.push(networkAround(address, address.family === 4 ? ipv4 : ipv6).network)
      }
    }
    return networks
  }

  /** The bounds hold for what is permitted. */
  #checked(networks: readonly Network[], place: Place): readonly Network[] {
    if (!place.passes) return networks
    return networks.flatMap((network) => {
      const checked = checkNetwork(network, this.#bounds)
      if (checked.why !== undefined)
        this.#note(checked.networks.length === 0 ? 'refused' : 'warnings', place, `${formatNetwork(network)}: ${checked.why}`)
      return checked.networks
    })
  }

  /** Undefined: there is no name to ask for. */
  #nameOf(spec: DomainSpec, place: Place): string | undefined {
    if (spec.is === 'name') return spec.name
    if (spec.is === 'needsMessage') this.#note('notExpandable', place, `${spec.macros} depends on the message or the client`)
    else this.#note('unread', place, spec.why)
    return undefined
  }

  *#ask(question: SpfQuestion): Steps<SpfAnswer> {
    if (this.#queries >= this.#bounds.queries) throw new RecordError('LimitReached', `more than ${this.#bounds.queries} questions to DNS`)
    this.#queries++
    const answer = yield question
    if (answer.is === 'records' && answer.ttl >= 0) this.#ttl = Math.min(answer.ttl, this.#ttl ?? answer.ttl)
    return answer
  }

  #note(list: NoteList, { domain, term }: Place, why: string): void {
    const notes = this.#notes[list]
    if (notes.length < notesKept) notes.push({ domain, term: printed(term).slice(1, -1), why })
  }
}

type Redirect = NonNullable<SpfRecord['redirect']>

interface Place {
  readonly domain: string
  readonly term: string
  readonly passes: boolean
}

interface HostsMechanism {
  readonly is: 'a' | 'mx'
  readonly domain: DomainSpec
  readonly lengths: Lengths
}
