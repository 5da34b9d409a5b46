// Converts parameters of the dummy SMTP engine to fields of a policy: EHLO keywords, forbidden commands, command
// filter, reply footers.
import { policyKeywords } from '../../crds/schema/smtp.ts'
import { footerMacros } from '../../crds/values/reply-footer.ts'
import { everywhere, type Network } from '../../crds/values/network.ts'
import { networksOfKey } from './address-list.ts'
import type { LookupTable } from './lookup-table.ts'
import { formatNetwork } from '../../crds/values/network.ts'
import { Commented } from './policy-yaml.ts'
import type { Source } from './source.ts'
import { splitWords } from './word-list.ts'

/**
 * EHLO keywords in the spelling of the policy. Unknown ones have no effect in Postfix either (ehlo_mask.c), and are
 * noted.
 */
export function readKeywords(text: string, name: string, source: Source): readonly string[] {
  const found = new Set<string>()
  for (const word of splitWords(text)) {
    const known = policyKeywords.find((keyword) => keyword.toLowerCase() === word.toLowerCase())
    if (known === undefined) source.findings.note(`${name}: ${word}: not an EHLO keyword of Postfix; omitted`)
    else found.add(known)
  }
  return [...found]
}

/** The results of a table for client addresses: networks and texts, in order. */
function answersByAddress(
  table: LookupTable,
  where: string,
  source: Source,
): readonly { readonly networks: readonly Network[]; readonly text: string }[] {
  if (table.is === 'always') return [{ networks: everywhere, text: table.value }]
  if (table.is === 'networks') return table.table.rules.map(({ networks, result }) => ({ networks, text: result }))
  if (table.is === 'keys') return table.entries.map(({ key, value }) => ({ networks: networksOfKey(key, where, source), text: value }))
  return []
}

/** Tables from client address to EHLO keywords, as entries. The first entry that matches counts. */
export function readKeywordMaps(text: string, parameter: string, source: Source): readonly unknown[] {
  const name = source.nameFor(parameter)
  const entries: unknown[] = []
  for (const word of splitWords(text)) {
    const table = source.tables.open(word, name)
    if (table.is === 'patterns')
      source.tables.unreadable(name, word, 'regular expressions cannot be converted to networks; use a cidr: table')
    let above: readonly string[] = [word]
    for (const { networks, text: answer } of answersByAddress(table, `${name}: ${word}`, source)) {
      if (networks.length === 0) continue
      entries.push(new Commented({ cidrs: networks.map(formatNetwork), keywords: readKeywords(answer, name, source) }, { above }))
      above = []
    }
  }
  return entries
}

/** The expression of Postfix's own default, for verbs that do not begin with a letter. */
const notAlphabetic = /^(regexp|pcre):\{\{\/\^\[\^A-Z\]\//i

/**
 * Words and tables of postscreen_forbidden_commands, a string match list: the first pattern that contains the verb
 * decides.
 */
export function readForbiddenCommands(text: string, parameter: string, source: Source): readonly string[] {
  const name = source.nameFor(parameter)
  const verbs = new Set<string>()
  const allowed = new Set<string>()
  const add = (verb: string, negated: boolean): void => {
    if (!allowed.has(verb)) (negated ? allowed : verbs).add(verb)
  }
  for (const word of splitWords(text)) {
    const item = word.replace(/^!+/, '')
    const negated = (word.length - item.length) % 2 === 1
    if (notAlphabetic.test(item) && !negated) add('NonAlphabetic', false)
    else if (item.includes(':') || item.startsWith('/')) for (const verb of verbsOf(item, name, source)) add(verb.toUpperCase(), negated)
    else add(item.toUpperCase(), negated)
  }
  return [...verbs].filter((verb) => {
    const fine = /^[!-~]{1,64}$/.test(verb)
    if (!fine) source.findings.note(`${name}: ${verb}: not a valid SMTP command for a policy; omitted`)
    return fine
  })
}

/** The verbs in a table or a file of a list of forbidden commands. */
function verbsOf(item: string, name: string, source: Source): readonly string[] {
  if (item.startsWith('/')) return (source.tables.lines(item, name) ?? []).filter((line) => !line.startsWith('#')).flatMap(splitWords)
  const table = source.tables.open(item, name)
  if (table.is === 'keys') return table.entries.map(({ key }) => key)
  if (table.is !== 'unreadable') source.tables.unreadable(name, item, 'only plain words and tables of words can be imported')
  return []
}

/** The table of postscreen_command_filter: whole commands and their replacements. */
export function readCommandFilter(text: string, parameter: string, source: Source): readonly unknown[] {
  const name = source.nameFor(parameter)
  if (text === '') return []
  const table = source.tables.open(text, name)
  if (table.is === 'keys') return table.entries.map(({ key, value }) => ({ command: key, replacement: value }))
  if (table.is !== 'unreadable') source.tables.unreadable(name, text, 'only tables of complete commands can be imported')
  return []
}

export interface Footers {
  readonly entries: readonly unknown[]
  /** The footer of every reply, from a static: table; it has priority over postscreen_reject_footer. */
  readonly always: string | undefined
}

/** Tables from reply text to footer. */
export function readFooterMaps(text: string, parameter: string, source: Source): Footers {
  const name = source.nameFor(parameter)
  const entries: unknown[] = []
  for (const word of splitWords(text)) {
    const table = source.tables.open(word, name)
    if (table.is === 'always') return { entries, always: readFooter(table.value, name, source) }
    if (table.is === 'keys') entries.push(...table.entries.flatMap(({ key, value }) => footerFor(key, value, name, source)))
    else if (table.is !== 'unreadable')
      source.tables.unreadable(
        name,
        word,
        'only tables of complete replies can be imported; write the replies to spec.smtp.rejectFooterFor',
      )
  }
  return { entries, always: undefined }
}

/** Keys are whole replies. Other keys never match, such as those in quotes, which Postfix does not remove. */
function footerFor(reply: string, footer: string, name: string, source: Source): readonly unknown[] {
  if (/^[45][0-9][0-9] [ -~]+$/.test(reply)) return [{ reply, footer: readFooter(footer, name, source) }]
  source.findings.note(`${name}: the key ${reply} is not a complete reply such as 550 5.5.1 Protocol error and never matches; omitted`)
  return []
}

/** A footer as it is sent: names that postscreen does not know are empty there, and are removed. */
export function readFooter(text: string, name: string, source: Source): string {
  return text.replaceAll(/\$(?:\$|([A-Za-z0-9_]+)|\{([A-Za-z0-9_]+)\}|\(([A-Za-z0-9_]+)\))/g, (written, ...names: unknown[]) => {
    const macro = names.slice(0, 3).find((one) => one !== undefined)
    if (written === '$$' || footerMacros.some((known) => known === macro)) return written
    source.findings.note(`${name}: postscreen expands the unknown macro ${written} to an empty text; omitted`)
    return ''
  })
}
