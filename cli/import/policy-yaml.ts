// Writes a policy as YAML with comments: in the order of its fields, safe for YAML 1.1 readers such as kubectl.

/** A value with comments for the user. */
export class Commented {
  readonly value: unknown
  /** After the value on the same line; for a list or an object, on the line of its name. */
  readonly beside: string | undefined
  /** On separate lines before the value. */
  readonly above: readonly string[]

  constructor(value: unknown, comments: { readonly beside?: string | undefined; readonly above?: readonly string[] | undefined }) {
    this.value = value
    this.beside = comments.beside
    this.above = comments.above ?? []
  }
}

type Fields = Readonly<Record<string, unknown>>

const isFields = (value: unknown): value is Fields =>
  typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof Commented)

const bare = (value: unknown): unknown => (value instanceof Commented ? bare(value.value) : value)

/** The value without its comments. */
export function withoutComments(value: unknown): unknown {
  const plain = bare(value)
  if (Array.isArray(plain)) return plain.map((entry) => withoutComments(entry))
  if (!isFields(plain)) return plain
  return Object.fromEntries(Object.entries(plain).map(([name, entry]) => [name, withoutComments(entry)]))
}

const width = 120

/** Words that some YAML readers do not read as text. */
const reserved = /^(y|n|yes|no|on|off|true|false|null)$/i

/**
 * Texts that no YAML reader reads as a number, a time or another type. The last two are addresses, and times such as
 * 30d.
 */
const plainText = /^([A-Za-z/][A-Za-z0-9_./@+-]*|[0-9]+(\.[0-9]+){3}(\/[0-9]+)?|[0-9]+[smhdw])$/

/** `\x85`, `\u2028` or `\U0001F600`; Go's reader interprets JSON's surrogate pairs differently. */
function escaped(character: string): string {
  const code = (character.codePointAt(0) ?? 0).toString(16)
  if (code.length <= 2) return `\\x${code.padStart(2, '0')}`
  return code.length <= 4 ? `\\u${code.padStart(4, '0')}` : `\\U${code.padStart(8, '0')}`
}

/**
 * In double quotes. Of the characters outside ASCII, only letters and digits are written unchanged, because readers
 * interpret the others differently (NEL ends a line in YAML 1.1).
 */
const quoted = (text: string): string => JSON.stringify(text).replaceAll(/[^ -~\p{L}\p{N}]/gu, escaped)

function scalar(value: unknown): string {
  if (typeof value !== 'string') return String(value)
  return plainText.test(value) && !reserved.test(value) ? value : quoted(value)
}

/** On one line: `{domain: a.example, weight: 2}`. */
function flow(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(flow).join(', ')}]`
  if (!isFields(value)) return scalar(value)
  return `{${Object.entries(value)
    .map(([name, entry]) => `${scalar(name)}: ${flow(entry)}`)
    .join(', ')}}`
}

const isScalar = (value: unknown): boolean => !Array.isArray(value) && !isFields(value)

/** Whether a value contains a comment. */
function hasComments(value: unknown): boolean {
  if (value instanceof Commented) return true
  if (Array.isArray(value)) return value.some(hasComments)
  return isFields(value) && Object.values(value).some(hasComments)
}

/** A list of scalars, or an entry of a list, is written on one line if it is short; a field of the policy never is. */
function fitsOnLine(value: unknown, room: number): boolean {
  if (hasComments(value)) return false
  if (isScalar(value)) return true
  if (Array.isArray(value) && value.length > room) return false
  return flow(value).length <= room
}

/** Removes control characters, which could end a comment, and characters that Go's reader refuses everywhere. */
const printable = (text: string): string =>
  // oxlint-disable-next-line no-control-regex -- these are the very characters
  text.replaceAll(/[\u0000-\u001f\u007f-\u009f\u2028\u2029\ud800-\udfff\ufeff\ufffe\uffff]+/gu, ' ')

/** Comment lines, broken between words; the lines of a list entry `- …` are indented. */
function commentLines(text: string, indent: string): readonly string[] {
  const start = `${indent}# `
  const hang = text.startsWith('- ') ? '  ' : ''
  const lines: string[] = []
  let line = ''
  for (const word of printable(text).split(' ')) {
    const longer = line === '' ? word : `${line} ${word}`
    if (line.trim() !== '' && start.length + longer.length > width) {
      lines.push(start + line)
      line = hang + word
    } else line = longer
  }
  return [...lines, start + line]
}

class Writer {
  readonly lines: string[] = []

  fields(fields: Fields, indent: string): void {
    for (const [name, value] of Object.entries(fields)) this.#field(name, value, indent)
  }

  #comments(value: unknown, indent: string): string {
    if (!(value instanceof Commented)) return ''
    for (const text of value.above) this.lines.push(...commentLines(text, indent))
    const inner = this.#comments(value.value, indent)
    return value.beside === undefined ? inner : `  # ${printable(value.beside)}${inner}`
  }

  #field(name: string, value: unknown, indent: string): void {
    const beside = this.#comments(value, indent)
    const plain = bare(value)
    const start = `${indent}${scalar(name)}:`
    const short =
      isScalar(plain) ||
      (Array.isArray(plain) && plain.every((entry) => isScalar(bare(entry))) && fitsOnLine(plain, width - start.length - 1))
    const empty = !isScalar(plain) && Object.keys(plain as object).length === 0
    if (short || empty) {
      this.lines.push(`${start} ${flow(plain)}${beside}`)
      return
    }
    this.lines.push(`${start}${beside}`)
    if (Array.isArray(plain)) for (const entry of plain) this.#entry(entry, `${indent}  `)
    else this.fields(plain as Fields, `${indent}  `)
  }

  #entry(value: unknown, indent: string): void {
    const beside = this.#comments(value, indent)
    const plain = bare(value)
    if (fitsOnLine(plain, width - indent.length - 2) || !isFields(plain)) {
      this.lines.push(`${indent}- ${flow(withoutComments(plain))}${beside}`)
      return
    }
    const at = this.lines.length
    this.fields(plain, `${indent}  `)
    const first = this.lines[at] ?? ''
    if (first.trimStart().startsWith('#')) this.lines.splice(at, 0, `${indent}-`)
    else this.lines[at] = `${indent}- ${first.trimStart()}${beside}`
  }
}

/** The YAML text of a manifest, with comment lines at its head. The fields keep their order. */
export function writePolicyYaml(manifest: Fields, head: readonly string[]): string {
  const writer = new Writer()
  for (const text of head) writer.lines.push(...commentLines(text, ''))
  writer.fields(manifest, '')
  return `${writer.lines.join('\n')}\n`
}
