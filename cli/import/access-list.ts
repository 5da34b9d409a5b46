// Converts postscreen_access_list to entries of a policy: mynetworks, words and tables in order; the first decision
// wins (server_acl(3)).
import { everywhere, intersection, isMapped, type Network, parseNetworkPattern } from '../../crds/values/network.ts'
import { privateNetworks } from '../../crds/values/private-networks.ts'
import { type AddressPattern, addressesIn, networksOfKey, readAddressList } from './address-list.ts'
import { firstMatches } from './first-matches.ts'
import { goesIntoFile } from './access-table-file.ts'
import { formatNetwork } from '../../crds/values/network.ts'
import type { LookupTable } from './lookup-table.ts'
import { Commented } from './policy-yaml.ts'
import { evaluated, type Source } from './source.ts'
import { splitWords } from './word-list.ts'

type Decision = 'Permit' | 'Reject' | 'Dunno'

/** `End`: a result that is not a decision. It ends the search in the whole list (SERVER_ACL_ACT_ERROR). */
type Action = Decision | 'End'

interface Rule {
  readonly action: Action
  readonly networks: readonly Network[]
}

type DecidingRule = Rule & { readonly action: Decision }

const words: Readonly<Record<string, Decision>> = { permit: 'Permit', reject: 'Reject', dunno: 'Dunno' }

const decisionOf = (word: string): Decision | undefined =>
  Object.hasOwn(words, word.toLowerCase()) ? words[word.toLowerCase()] : undefined

/**
 * How many networks an entry of the access list or a rule of a table, and how many rules a table may have
 * (crds/schema/access.ts).
 */
const mostNetworks = { entry: 1000, rule: 10_000 } as const
const mostRules = 1000

/**
 * How many entries one word of the parameter becomes at most. The access list has room for 100: more become a table.
 */
const mostEntries = 20

const isPermit = (result: string): boolean => decisionOf(splitWords(result)[0] ?? '') === 'Permit'

function permits(table: LookupTable): boolean {
  if (table.is === 'networks') return table.table.rules.some(({ result }) => isPermit(result))
  return table.is === 'keys' && table.entries.some(({ value }) => isPermit(value))
}

class AccessListReader {
  readonly entries: unknown[] = []
  /** Whether clients can be rejected by an entry, or by a table that stays in its file. */
  rejects = false
  readonly #source: Source
  readonly #name: string
  #mynetworks: readonly AddressPattern[] | undefined

  constructor(source: Source, parameter: string) {
    this.#source = source
    this.#name = source.nameFor(parameter)
  }

  read(text: string): void {
    const list = splitWords(text)
    for (const [at, word] of list.entries()) {
      const decision = decisionOf(word)
      if (word.toLowerCase() === 'permit_mynetworks') this.#permitMynetworks()
      else if (word.includes(':')) this.#table(word)
      else if (decision === undefined) {
        this.#source.findings.error(
          `${this.#name}: unknown command: ${word}; expected permit_mynetworks, permit, reject, dunno or type:table`,
        )
        return
      } else {
        this.#allAddresses(word, decision, list.slice(at + 1))
        return
      }
    }
  }

  /** `permit`, `reject` or `dunno` in the list itself ends the list. */
  #allAddresses(word: string, decision: Decision, behind: readonly string[]): void {
    if (behind.length > 0) this.#source.findings.note(`${this.#name}: the entries after "${word}" are never used: ${behind.join(', ')}`)
    if (decision !== 'Dunno') this.#add([{ action: decision, networks: everywhere }], word)
  }

  /**
   * The patterns of mynetworks. Its default depends on the network interfaces of the mail host, which the importer
   * cannot know.
   */
  #networks(): readonly AddressPattern[] {
    if (this.#mynetworks !== undefined) return this.#mynetworks
    const known = this.#source.configuration.isSet('mynetworks')
    if (!known) this.#source.findings.note(unknownNetworks(this.#source))
    this.#mynetworks = known ? readAddressList(evaluated(this.#source, 'mynetworks') ?? '', 'mynetworks', this.#source) : []
    return this.#mynetworks
  }

  #permitMynetworks(): void {
    const patterns = this.#networks()
    const comment = `permit_mynetworks: ${this.#source.nameFor('mynetworks')}`
    if (patterns.some((pattern) => pattern.negated)) {
      this.#add(
        patterns.map((one) => ({ action: one.negated ? 'Dunno' : 'Permit', networks: one.all ? everywhere : one.networks })),
        comment,
      )
    } else {
      this.#add([{ action: 'Permit', networks: addressesIn(patterns) }], comment)
    }
  }

  #table(word: string): void {
    const table = this.#source.tables.open(word, this.#name)
    if (permits(table)) this.#hintAtSenders(word)
    if (table.is === 'patterns') {
      this.#source.tables.unreadable(this.#name, word, 'regular expressions cannot be converted to networks; use a cidr: table')
    } else if (table.is === 'always') {
      this.#add(this.#results(table.value, everywhere, word), word)
    } else if (table.is === 'networks') {
      if (goesIntoFile(table, this.#source, `${this.#name}: ${word}`)) {
        this.entries.push(this.#source.beside.table(word, table, this.#name))
        this.rejects ||= table.table.rules.some(({ result }) => decisionOf(splitWords(result)[0] ?? '') === 'Reject')
      } else {
        this.#add(
          table.table.rules.flatMap(({ result, networks, line }) => this.#results(result, networks, `${word}, line ${line}`)),
          word,
        )
      }
    } else if (table.is === 'keys') {
      const rules = table.entries.flatMap(({ key, value, line }) =>
        this.#results(value, networksOfKey(key, `${this.#name}: ${word}`, this.#source), `${word}, line ${line}`),
      )
      // Each address occurs only once, so the order does not matter, and results that decide nothing can be removed.
      this.#add(
        (['Permit', 'Reject', 'End'] as const).map((action) => ({
          action,
          networks: rules.filter((rule) => rule.action === action).flatMap((rule) => rule.networks),
        })),
        word,
      )
    }
  }

  #hintAtSenders(word: string): void {
    const where = this.#source.tables.copiedSenders(word)
    if (where === undefined) return
    const instead = 'the gateway can read the SPF records itself and keep them current: {action: Permit, spf: [DOMAIN]} in spec.access'
    this.#source.findings.note(
      `${this.#name}: ${word}: ${where} mentions SPF: a copy of the networks of senders becomes outdated; ${instead}`,
    )
  }

  /** A lookup result is an access list again. The name of a table in it, or its end, leaves the table like dunno. */
  #results(text: string, networks: readonly Network[], where: string): readonly Rule[] {
    const only = decisionOf(text)
    if (only !== undefined) return [{ action: only, networks }]
    const rules: Rule[] = []
    for (const word of splitWords(text)) {
      const decision = decisionOf(word)
      if (decision !== undefined) return [...rules, { action: decision, networks }]
      if (word.toLowerCase() !== 'permit_mynetworks') {
        const known = 'expected permit, reject, dunno or permit_mynetworks'
        this.#source.findings.noteOneOfMany(
          `${this.#name}: ${where.replace(/, line .*$/, '')}`,
          `${this.#name}: ${where}: unknown command: ${word}: not a decision, as in Postfix; ${known}`,
        )
        return [...rules, { action: word.includes(':') ? 'Dunno' : 'End', networks }]
      }
      rules.push({ action: 'Permit', networks: intersection(networks, addressesIn(this.#networks())) })
    }
    return [...rules, { action: 'Dunno', networks }]
  }

  /**
   * Adds rules as separate entries. If there are many, or one says dunno, they become a table: a dunno of the list
   * itself would end the search.
   */
  #add(found: readonly Rule[], comment: string): void {
    if (found.some(({ action }) => action === 'End')) this.#addEnds(found, comment)
    const merged = merge(found.filter((rule): rule is DecidingRule => rule.action !== 'End'))
    while (merged.at(-1)?.action === 'Dunno') merged.pop()
    this.rejects ||= merged.some((rule) => rule.action === 'Reject')
    const entries = pieces(merged, mostNetworks.entry)
    const [first, ...rest] = entries
    if (first === undefined) return
    const isTable = entries.length > mostEntries || merged.some((rule) => rule.action === 'Dunno')
    const rules = isTable ? pieces(merged, mostNetworks.rule) : []
    if (rules.length > mostRules) {
      this.#source.findings.error(
        `${this.#name}: ${comment}: more than ${mostRules} changes between permit, reject and dunno; try --tables files`,
      )
    } else if (isTable) {
      this.entries.push(new Commented({ table: { rules } }, { above: [comment] }))
    } else {
      this.entries.push(new Commented(first, { above: [comment] }), ...rest)
    }
  }

  /** Adds the addresses whose result is not a decision, in front of the rules: a dunno of the list ends the search. */
  #addEnds(found: readonly Rule[], comment: string): void {
    const [merged] = merge([{ action: 'Dunno', networks: firstMatches(found, ({ action }) => action === 'End') }])
    const ends = pieces(merged === undefined ? [] : [merged], mostNetworks.entry)
    if (ends.length > mostEntries)
      this.#source.findings.error(`${this.#name}: ${comment}: the results of too many networks are not a decision`)
    else this.entries.push(...ends.map((entry) => new Commented(entry, { above: [`${comment}: not a decision`] })))
  }
}

/** What to do if mynetworks is not in the input. */
function unknownNetworks({ configuration, nameFor }: Source): string {
  const style = configuration.evaluate('mynetworks_style')
  const which = 'text' in style ? `mynetworks_style = ${style.text}` : 'mynetworks_style'
  const name = nameFor('mynetworks')
  const cure = `run "postconf mynetworks" on the mail host, set ${name} in the input and import again, or add the networks to spec.access`
  return `permit_mynetworks: ${name} is not set, and its default in Postfix (${which}) depends on the mail host; no client is permitted: ${cure}`
}

/** With Postfix's default, a rejected client is only logged, which is not well known. */
function noteLoggedOnly(parameter: string, source: Source): void {
  const action = 'postscreen_denylist_action'
  if (evaluated(source, action)?.toLowerCase() !== 'ignore') return
  const { configuration, findings, nameFor } = source
  const which = `${nameFor(action)} is ignore${configuration.isSet(action) ? '' : ' (the default)'}`
  findings.note(
    `${nameFor(parameter)}: rejected clients are only logged, as in postscreen, because ${which}; set spec.denylist.action to Enforce or Drop to refuse their mail`,
  )
}

/**
 * Postfix relays for hosts of mynetworks that postscreen has tested like others. Behind a gateway it is told their
 * addresses only if the policy expects them.
 */
function noteInsideSenders(parameter: string, source: Source): void {
  const { configuration, findings, nameFor } = source
  if (!configuration.isSet('mynetworks') || !mayBePrivate(evaluated(source, 'mynetworks') ?? '')) return
  findings.note(
    `${nameFor('mynetworks')}: ${nameFor(parameter)} does not permit these networks; if hosts with private addresses send mail through the gateway, list them in spec.clientAddress.internal, or the mail server is not told their addresses and does not relay for them`,
  )
}

/** Whether a list of networks has a private one, or names a table or file that may have one. */
const mayBePrivate = (text: string): boolean =>
  text.split(/[\s,]+/).some((word) => {
    if (word === '' || word.startsWith('!')) return false
    const read = parseNetworkPattern(word)
    return 'why' in read || intersection([read.value], privateNetworks).length > 0
  })

/**
 * Joins neighbouring rules with the same action, and removes rules without networks. IPv4-mapped networks, which no
 * client matches and a policy may not name, are left out.
 */
function merge(rules: readonly DecidingRule[]): { action: Decision; networks: Network[] }[] {
  const merged: { action: Decision; networks: Network[] }[] = []
  for (const { action, networks: all } of rules) {
    const networks = all.filter((network) => !isMapped(network))
    if (networks.length === 0) continue
    const last = merged.at(-1)
    if (last?.action === action) for (const network of networks) last.networks.push(network)
    else merged.push({ action, networks: [...networks] })
  }
  return merged
}

function chunks(networks: readonly Network[], most: number): readonly (readonly Network[])[] {
  const parts: Network[][] = []
  for (let at = 0; at < networks.length; at += most) parts.push(networks.slice(at, at + most))
  return parts
}

/** Rules in the form of the policy, each with a limited number of networks. */
const pieces = (
  merged: readonly DecidingRule[],
  most: number,
): readonly { readonly action: Decision; readonly cidrs: readonly string[] }[] =>
  merged.flatMap(({ action, networks }) => chunks(networks, most).map((cidrs) => ({ action, cidrs: cidrs.map(formatNetwork) })))

/** The entries of spec.access for an access list, with the words of the list as comments. */
export function readAccessList(text: string, parameter: string, source: Source): readonly unknown[] {
  const reader = new AccessListReader(source, parameter)
  reader.read(text)
  if (reader.rejects) noteLoggedOnly(parameter, source)
  if (!/\bpermit(_mynetworks)?\b/i.test(text)) noteInsideSenders(parameter, source)
  return reader.entries
}
