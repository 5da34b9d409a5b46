// Reads attributes from the output of Zimbra's and Carbonio's tools (zmprov gacf, zmprov gs HOST, LDIF) and from
// commands that set them.
import { commandsIn, shellWords } from './zimbra-commands.ts'

/** An attribute with all its values, and the line of the first one. */
export interface Attribute {
  readonly name: string
  readonly values: readonly string[]
  readonly line: number
}

export interface ZimbraText {
  /** By name in lower case, as LDAP compares names. */
  readonly attributes: ReadonlyMap<string, Attribute>
  readonly errors: readonly string[]
  /** Lines that name an attribute of the MTA but are not in one of the known forms. */
  readonly notes: readonly string[]
  /** The names of the servers whose settings are in the text. */
  readonly servers: readonly string[]
}

interface Line {
  readonly number: number
  readonly text: string
}

/**
 * A name of LDAP, possibly with options, then a colon; two colons before base64, `:<` before a URL. The blanks after it
 * may be missing (RFC 2849).
 */
const printed = /^([A-Za-z][A-Za-z0-9-]*)(?:;[A-Za-z0-9-]+)*(::|:<|:)[ \t]*(.*)$/
const assigned = /^(?:export +)?([A-Za-z][A-Za-z0-9-]*) *= *(.*)$/
const bareWords = /^((?:zimbra|carbonio)[A-Za-z0-9]+)[ \t]+(.*)$/

const ofMta = /(?:zimbra|carbonio)Mta[A-Z]/

/** Joins continued lines: LDIF breaks lines before a blank, a shell after a backslash. */
function joinLines(text: string): readonly Line[] {
  const lines: { number: number; text: string }[] = []
  for (const [at, raw] of text
    .replace(/^\uFEFF/, '')
    .split('\n')
    .entries()) {
    const line = raw.replace(/\r$/, '')
    const last = lines.at(-1)
    if (last?.text.endsWith('\\') === true && commandsIn(last.text) !== undefined)
      last.text = `${last.text.slice(0, -1)} ${line.trimStart()}`
    else if (last !== undefined && line.startsWith(' ') && printed.test(last.text)) last.text += line.slice(1)
    else lines.push({ number: at + 1, text: line })
  }
  return lines
}

class AttributeReader {
  readonly attributes = new Map<string, Attribute>()
  readonly errors: string[] = []
  readonly notes: string[] = []
  /**
   * Attributes since the last header: their values are added. Values from before a header are replaced, as a server's
   * values replace the global ones.
   */
  #seen = new Set<string>()

  newSection(): void {
    this.#seen = new Set()
  }

  set(name: string, text: string, line: number): void {
    const key = name.toLowerCase()
    const value = text.trim()
    const old = this.#seen.has(key) ? (this.attributes.get(key)?.values ?? []) : []
    this.#seen.add(key)
    this.attributes.set(key, { name, values: [...old, value], line })
  }

  /** A line of LDIF. A value in base64 is text like any other. */
  printed(name: string, colons: string, value: string, line: number): void {
    const isOfMta = /^(zimbra|carbonio)Mta/i.test(name)
    if (colons === ':<') {
      if (isOfMta) this.errors.push(`line ${line}: ${name}: the value is in another file (${value}); write it in this line`)
      return
    }
    if (colons === ':') return this.set(name, value, line)
    const bytes = Buffer.from(value, 'base64')
    const text = bytes.toString('utf8')
    const valid = /^[A-Za-z0-9+/]*={0,2}$/.test(value) && Buffer.from(text).equals(bytes)
    if (valid) this.set(name, text, line)
    else if (isOfMta) this.errors.push(`line ${line}: ${name}: the value after "::" is not text in base64; write "${name}: VALUE"`)
  }

  /** `+name` adds a value, `-name` removes one. */
  change(sign: '+' | '-', name: string, value: string, line: number): void {
    const key = name.toLowerCase()
    const old = this.attributes.get(key)?.values ?? []
    this.#seen.add(key)
    this.attributes.set(key, { name, values: sign === '+' ? [...old, value] : old.filter((one) => one !== value), line })
  }

  /** `mcf NAME VALUE …` or `ms HOST NAME VALUE …`, also in the long form. */
  command(words: readonly string[], line: number): void {
    this.newSection()
    const pairs = words.slice(/^(mcf|modifyConfig)$/.test(words[0] ?? '') ? 1 : 2)
    for (let i = 0; i < pairs.length; i += 2) {
      const [name = '', value] = [pairs[i], pairs[i + 1]]
      if (value === undefined) this.errors.push(`line ${line}: ${name}: has no value`)
      else if (name.startsWith('+') || name.startsWith('-')) this.change(name.startsWith('+') ? '+' : '-', name.slice(1), value, line)
      else this.set(name, value, line)
    }
  }
}

/** The server of a header: `# name HOST` of zmprov, or the LDIF entry below cn=servers. */
function serverOf(header: string): string | undefined {
  const [, coded] = /^dn::[ \t]*(.*)$/i.exec(header) ?? []
  const line = coded === undefined ? header : `dn: ${Buffer.from(coded, 'base64').toString('utf8')}`
  return (/^# name (\S+)[ \t]*$/.exec(line) ?? /^dn:[ \t]*cn=([^,]+),[ \t]*cn=servers,/i.exec(line))?.[1]
}

/** Removes the quotes of a shell assignment. */
const unquote = (text: string): string => (/^(["']).*\1$/.test(text) ? (shellWords(text)[0] ?? '') : text)

/**
 * Lines in none of the forms belong to a value of several lines. No attribute of the MTA has such a value, so they are
 * skipped.
 */
export function parseZimbraText(text: string, file: string): ZimbraText {
  const reader = new AttributeReader()
  const servers = new Set<string>()
  for (const { number, text: line } of joinLines(text)) {
    if (/^#|^dn:/i.test(line)) {
      reader.newSection()
      const server = serverOf(line)
      if (server !== undefined) servers.add(server)
      continue
    }
    const changes = commandsIn(line)
    for (const words of changes ?? []) reader.command(words, number)
    if (changes !== undefined && (changes.length > 0 || !ofMta.test(line))) continue
    const [, name, colons, value = ''] = printed.exec(line) ?? []
    const [, key, word] = name === undefined ? (assigned.exec(line) ?? bareWords.exec(line) ?? []) : []
    if (name !== undefined) reader.printed(name, colons ?? '', value, number)
    else if (key !== undefined) reader.set(key, unquote((word ?? '').trim()), number)
    else if (ofMta.test(line)) reader.notes.push(`line ${number}: skipped, although it contains an attribute; write it as NAME: VALUE`)
  }
  const inFile = (what: string): string => `${file}, ${what}`
  return { attributes: reader.attributes, errors: reader.errors.map(inFile), notes: reader.notes.map(inFile), servers: [...servers] }
}
