// Opens the lookup tables that parameters name (type:name). Their text comes from files beside the input, or from the
// parameter itself.
import { type CidrTable, parseCidrTable } from '../../crds/values/cidr-table.ts'
import { copiedSenders } from './copied-senders.ts'
import type { Findings } from './findings.ts'
import { type KeyedEntry, parseInlineTable, parseKeyedTable } from './keyed-table.ts'
import { parsePatternTable } from './pattern-table.ts'
import { shellQuote } from './shell-words.ts'
import { insideBraces, splitWords } from './word-list.ts'

/** The source of the texts of table files. Only through this does the folder access the file system. */
export interface TableFiles {
  /** `path` is the one that Postfix uses; `from` is where the text was found. */
  read(path: string): { readonly text: string; readonly from: string } | { readonly why: string }
}

export type LookupTable =
  | { readonly is: 'networks'; readonly table: CidrTable; readonly file: { readonly path: string; readonly from: string } | undefined }
  | { readonly is: 'keys'; readonly entries: readonly KeyedEntry[] }
  /** The same result for every key. */
  | { readonly is: 'always'; readonly value: string }
  /** Results that can be looked up but not listed. */
  | { readonly is: 'patterns'; find(key: string): string | undefined }
  | { readonly is: 'unreadable'; readonly why: string }

/** Types whose tables postmap makes from a text. */
const compiled = ['hash', 'btree', 'cdb', 'dbm', 'lmdb', 'sdbm']

const network = ['ldap', 'memcache', 'mongodb', 'mysql', 'netinfo', 'nis', 'nisplus', 'pgsql', 'socketmap', 'tcp']

const writeItOut = 'write its entries to a cidr: or texthash: file, or to the policy'

/** Why tables of other types cannot be imported, and what to do instead. */
const advice: Readonly<Record<string, string>> = {
  ...Object.fromEntries(network.map((type) => [type, `is queried over the network, so it cannot be imported; ${writeItOut}`])),
  environ: `has its entries in environment variables of Postfix; ${writeItOut}`,
  fail: 'always fails',
  internal: `exists only in the memory of Postfix; ${writeItOut}`,
  randmap: 'returns a random result; choose one result',
  sqlite: `is a database; ${writeItOut}`,
  unix: `has its entries in the user database of the mail host; ${writeItOut}`,
}

/**
 * The tables that are left out with a note if they cannot be read: all, or those with these names (`type:path`, path,
 * file name or parameter).
 */
export type AllowedMissing = 'all' | readonly string[]

export interface OpenOptions {
  readonly allowMissing: AllowedMissing
}

export class LookupTables {
  readonly #files: TableFiles
  readonly #findings: Findings
  readonly #allowMissing: AllowedMissing
  readonly #exempted = new Set<string>()

  constructor(files: TableFiles, findings: Findings, { allowMissing }: OpenOptions) {
    this.#files = files
    this.#findings = findings
    this.#allowMissing = allowMissing
  }

  /**
   * The table for a `type:name` of a parameter. A table that cannot be read is reported here, so the caller only leaves
   * it out.
   */
  open(specification: string, parameter: string): LookupTable {
    const table = this.look(specification, parameter)
    if (table.is === 'unreadable') this.unreadable(parameter, specification, table.why)
    return table
  }

  /** The same, without a report if it cannot be read. */
  look(specification: string, parameter: string): LookupTable {
    return this.#open(specification.replace(/^(proxy:)+/, ''), parameter)
  }

  /** Where a table of networks or keys says that it is a copy of SPF records; undefined: it does not. */
  copiedSenders(specification: string): string | undefined {
    const [, path = ''] = /^(?:proxy:)*\w+:(.*)$/.exec(specification) ?? []
    const file = path.startsWith('{') ? { why: 'in the parameter' } : this.#files.read(path)
    return 'text' in file ? copiedSenders(path, file.text) : undefined
  }

  /** Reports a table that is left out. */
  unreadable(parameter: string, specification: string, why: string): void {
    const text = `${parameter}: ${shorten(specification)}: ${why}`
    if (this.#isAllowedMissing(specification, parameter)) this.#findings.note(`${text}; omitted`)
    else this.#findings.error(`${text}; to omit it, use --allow-missing-tables=${shellQuote(specification)}`)
  }

  #isAllowedMissing(specification: string, parameter: string): boolean {
    if (this.#allowMissing === 'all') return true
    const plain = specification.replace(/^(proxy:)+/, '')
    const path = plain.slice(plain.indexOf(':') + 1)
    const names = [specification, plain, path, path.split('/').at(-1), parameter, parameter.split('/').at(-1)]
    const found = this.#allowMissing.filter((name) => names.includes(name))
    for (const name of found) this.#exempted.add(name)
    return found.length > 0
  }

  /**
   * Adds a note for each name that is not the name of an unreadable table: a misspelt name, or an exception that is not
   * needed any more.
   */
  finish(): void {
    for (const name of this.#allowMissing === 'all' ? [] : this.#allowMissing) {
      if (!this.#exempted.has(name))
        this.#findings.note(`--allow-missing-tables=${name}: no table with this name was omitted; use type:path as in the error message`)
    }
  }

  /** The lines of a plain file, for lists that name one; undefined if it cannot be read, which is reported. */
  lines(path: string, parameter: string): readonly string[] | undefined {
    const file = this.#files.read(path)
    if ('why' in file) {
      this.unreadable(parameter, path, file.why)
      return undefined
    }
    return file.text.split('\n')
  }

  #open(specification: string, parameter: string): LookupTable {
    const colon = specification.indexOf(':')
    const type = specification.slice(0, colon)
    const name = specification.slice(colon + 1)
    if (colon <= 0 || name === '') return unreadable('is not of the form type:name')
    if (type === 'static') return openStatic(name)
    if (type === 'inline') {
      const table = parseInlineTable(name)
      return 'why' in table ? unreadable(table.why) : { is: 'keys', entries: table.entries }
    }
    if (type === 'pipemap' || type === 'unionmap') return this.#openSeveral(type, name, parameter)
    if (type === 'cidr' || type === 'regexp' || type === 'pcre') return this.#openRules(type, name, parameter)
    if (type === 'texthash' || compiled.includes(type)) return this.#openKeys(type, name, parameter)
    return unreadable((Object.hasOwn(advice, type) ? advice[type] : undefined) ?? `has an unknown type; ${writeItOut}`)
  }

  /**
   * `pipemap:{a, b}` looks up the result of one table in the next one; `unionmap:{a, b}` joins the results with commas
   * (dict_pipe.c, dict_union.c).
   */
  #openSeveral(type: 'pipemap' | 'unionmap', name: string, parameter: string): LookupTable {
    const inside = insideBraces(name)
    if ('why' in inside) return unreadable(`bad syntax: ${inside.why}`)
    const tables = splitWords(inside.inside).map((word) => this.look(word, parameter))
    const bad = tables.find((table) => table.is === 'unreadable')
    if (bad !== undefined) return bad
    const find = (key: string): string | undefined => {
      if (type === 'pipemap') return tables.reduce<string | undefined>((at, table) => (at === undefined ? at : answerOf(table, at)), key)
      const answers = tables.map((table) => answerOf(table, key)).filter((answer) => answer !== undefined)
      return answers.length === 0 ? undefined : answers.join(',')
    }
    return { is: 'patterns', find }
  }

  #openRules(type: 'cidr' | 'regexp' | 'pcre', name: string, parameter: string): LookupTable {
    const inline = name.startsWith('{') ? rulesInBraces(name) : undefined
    const file = inline ?? this.#files.read(name)
    if ('why' in file) return unreadable(file.why)
    if (type !== 'cidr') {
      const table = parsePatternTable(file.text, type)
      return table === undefined
        ? unreadable('has regular expressions that cannot be converted')
        : { is: 'patterns', find: (key) => table.find(key) }
    }
    const table = parseCidrTable(file.text, Number.POSITIVE_INFINITY)
    if (table.tooMuch !== undefined) return unreadable(table.tooMuch)
    this.#notes(parameter, inline === undefined ? name : 'cidr:{...}', table.problems)
    return { is: 'networks', table, file: inline === undefined ? { path: name, from: file.from } : undefined }
  }

  #openKeys(type: string, name: string, parameter: string): LookupTable {
    const file = this.#files.read(name)
    if ('why' in file) {
      const cure = `postmap -s ${type}:${name} > ${name.split('/').at(-1) ?? name}`
      return unreadable(
        type === 'texthash' ? file.why : `the source text of the table: ${file.why}; copy it here, or create it from the table: ${cure}`,
      )
    }
    // postmap(1) writes keys in lower case; a text file is read unchanged.
    const table = parseKeyedTable(file.text, type === 'texthash' ? (key) => key : (key) => key.toLowerCase())
    this.#notes(parameter, name, table.problems)
    return { is: 'keys', entries: table.entries }
  }

  #notes(parameter: string, name: string, problems: readonly { readonly line: number; readonly why: string }[]): void {
    for (const { line, why } of problems) {
      this.#findings.noteOneOfMany(`${parameter}: ${name}`, `${parameter}: ${name}, line ${line}: ${why}: line skipped, as in Postfix`)
    }
  }
}

/** The result of a table for one key that is not an address. */
export function answerOf(table: LookupTable, key: string): string | undefined {
  if (table.is === 'always') return table.value
  if (table.is === 'patterns') return table.find(key)
  return table.is === 'keys' ? table.entries.find((entry) => entry.key === key)?.value : undefined
}

const unreadable = (why: string): LookupTable => ({ is: 'unreadable', why })

const shorten = (text: string): string => (text.length > 100 ? `${text.slice(0, 100)}...` : text)

/** `static:text` or `static:{text with blanks}`. */
function openStatic(name: string): LookupTable {
  if (!name.startsWith('{')) return { is: 'always', value: name }
  const text = insideBraces(name)
  return 'why' in text ? unreadable(`bad static:name syntax: ${text.why}`) : { is: 'always', value: text.inside }
}

/** Rules that are part of the parameter, `{{rule}, {rule}}`, as the lines of a file (dict_stream.c). */
function rulesInBraces(name: string): { readonly text: string; readonly from: string } | { readonly why: string } {
  const outer = insideBraces(name)
  if ('why' in outer) return outer
  const rules: string[] = []
  for (const word of splitWords(outer.inside)) {
    const rule = insideBraces(word)
    if ('why' in rule) return rule
    rules.push(rule.inside)
  }
  return { text: rules.join('\n'), from: '' }
}
