// Opens the lookup tables that parameters name (type:name): their text comes from files beside the input, or from the parameter itself.
import { type CidrTable, parseCidrTable } from '../../crds/values/cidr-table.ts'
import type { Findings } from './findings.ts'
import { type KeyedEntry, parseInlineTable, parseKeyedTable } from './keyed-table.ts'
import { parsePatternTable } from './pattern-table.ts'
import { insideBraces, splitWords } from './word-list.ts'

/** Where the text of table files comes from; the only way out of this folder to the file system. */
export interface TableFiles {
  /** `path` is the one that Postfix uses; `from` where the text was found. */
  read(path: string): { readonly text: string; readonly from: string } | { readonly why: string }
}

export type LookupTable =
  | { readonly is: 'networks'; readonly table: CidrTable; readonly file: { readonly path: string; readonly from: string } | undefined }
  | { readonly is: 'keys'; readonly entries: readonly KeyedEntry[] }
  /** One answer for every key. */
  | { readonly is: 'always'; readonly value: string }
  | { readonly is: 'patterns'; find(key: string): string | undefined }
  | { readonly is: 'unreadable'; readonly why: string }

/** Types whose tables are made from a text by postmap. */
const compiled = ['hash', 'btree', 'cdb', 'dbm', 'lmdb', 'sdbm']

const network = ['ldap', 'memcache', 'mongodb', 'mysql', 'netinfo', 'nis', 'nisplus', 'pgsql', 'socketmap', 'tcp']

const writeItOut = 'write its entries into a cidr: or texthash: file, or into the policy'

/** Why tables of other types cannot be imported, and what to do instead. */
const advice: Readonly<Record<string, string>> = {
  ...Object.fromEntries(network.map((type) => [type, `is asked over the network, so that there is no text to import; ${writeItOut}`])),
  environ: `has its entries in the environment of Postfix; ${writeItOut}`,
  fail: 'always fails',
  internal: `lives in the memory of Postfix; ${writeItOut}`,
  pipemap: `hands the answer of one table on to the next; ${writeItOut}`,
  randmap: 'gives an answer by chance; choose one',
  sqlite: `is a database; ${writeItOut}`,
  unionmap: 'joins the answers of other tables; name those themselves',
  unix: `has its entries in the system of the mail host; ${writeItOut}`,
}

export interface OpenOptions {
  /** Unreadable tables are noted and left out instead of being errors. */
  readonly allowMissing: boolean
}

export class LookupTables {
  readonly #files: TableFiles
  readonly #findings: Findings
  readonly #allowMissing: boolean

  constructor(files: TableFiles, findings: Findings, { allowMissing }: OpenOptions) {
    this.#files = files
    this.#findings = findings
    this.#allowMissing = allowMissing
  }

  /** The table that a `type:name` of a parameter stands for. What cannot be read is reported here; the caller only leaves it out. */
  open(specification: string, parameter: string): LookupTable {
    const table = this.#open(specification.replace(/^(proxy:)+/, ''), parameter)
    if (table.is === 'unreadable') this.unreadable(parameter, specification, table.why)
    return table
  }

  /** Reports a table that is left out. */
  unreadable(parameter: string, specification: string, why: string): void {
    const text = `${parameter}: ${shorten(specification)}: ${why}`
    if (this.#allowMissing) this.#findings.note(`${text}; left out`)
    else this.#findings.error(`${text}; with --allow-missing-tables it is left out`)
  }

  /** The lines of a plain file, for lists that name one; undefined when it cannot be read, which is reported. */
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
    if (type === 'cidr' || type === 'regexp' || type === 'pcre') return this.#openRules(type, name, parameter)
    if (type === 'texthash' || compiled.includes(type)) return this.#openKeys(type, name, parameter)
    return unreadable((Object.hasOwn(advice, type) ? advice[type] : undefined) ?? `is of a type that is not known here; ${writeItOut}`)
  }

  #openRules(type: 'cidr' | 'regexp' | 'pcre', name: string, parameter: string): LookupTable {
    const inline = name.startsWith('{') ? rulesInBraces(name) : undefined
    const file = inline ?? this.#files.read(name)
    if ('why' in file) return unreadable(file.why)
    if (type !== 'cidr') {
      const table = parsePatternTable(file.text, type)
      return table === undefined
        ? unreadable('has expressions that are not understood here')
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
        type === 'texthash' ? file.why : `the text that it was made from: ${file.why}; copy it here or make it from the table: ${cure}`,
      )
    }
    const table = parseKeyedTable(file.text)
    this.#notes(parameter, name, table.problems)
    return { is: 'keys', entries: table.entries }
  }

  #notes(parameter: string, name: string, problems: readonly { readonly line: number; readonly why: string }[]): void {
    for (const { line, why } of problems) {
      this.#findings.noteOneOfMany(`${parameter}: ${name}`, `${parameter}: ${name}, line ${line}: ${why}: line left out, as in Postfix`)
    }
  }
}

const unreadable = (why: string): LookupTable => ({ is: 'unreadable', why })

const shorten = (text: string): string => (text.length > 100 ? `${text.slice(0, 100)}...` : text)

/** `static:text` or `static:{text with blanks}`. */
function openStatic(name: string): LookupTable {
  if (!name.startsWith('{')) return { is: 'always', value: name }
  const text = insideBraces(name)
  return 'why' in text ? unreadable(`bad static:name syntax: ${text.why}`) : { is: 'always', value: text.inside }
}

/** Rules that stand in the parameter itself, `{{rule}, {rule}}`, as the lines of a file (dict_stream.c). */
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
