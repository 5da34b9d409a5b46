// Tables of exact keys: the text from which postmap makes hash: and similar tables (also texthash:), and inline:{…}.
import { logicalLines, trimSpace } from './logical-lines.ts'
import { insideBraces, splitWords } from './word-list.ts'

export interface KeyedEntry {
  readonly key: string
  readonly value: string
  /** The line in the file, or the number of the entry in an inline table. */
  readonly line: number
}

export interface KeyedTable {
  readonly entries: readonly KeyedEntry[]
  readonly problems: readonly { readonly line: number; readonly why: string }[]
}

/**
 * The position where an unquoted key ends: at one of the characters of `ends`, outside double quotes. A backslash
 * escapes the next character.
 */
function keyEnd(text: string, ends: string): number | undefined {
  let quoted = false
  for (let at = 0; at < text.length; at++) {
    const letter = text.charAt(at)
    if (letter === '\\') at++
    else if (letter === '"') quoted = !quoted
    else if (!quoted && ends.includes(letter)) return at
  }
  return quoted ? undefined : text.length
}

/**
 * The entries of `key value` lines (dict_thash.c). Quotes stay part of the key, because Postfix does not remove them.
 * If a key occurs twice, the first one counts. `fold` gives the form in which a key is stored.
 */
export function parseKeyedTable(text: string, fold: (key: string) => string = (key) => key): KeyedTable {
  const entries = new Map<string, KeyedEntry>()
  const problems: { line: number; why: string }[] = []
  const { lines, stray } = logicalLines(text)
  for (const { line } of stray) problems.push({ line, why: 'logical line must not start with whitespace' })
  for (const { line, text: logical } of lines) {
    const end = keyEnd(logical, ' \t\n\v\f\r')
    const key = fold(logical.slice(0, end))
    const value = end === undefined ? '' : trimSpace(logical.slice(end))
    if (end === undefined) problems.push({ line, why: `unbalanced '"' in '${logical}'` })
    else if (value === '') problems.push({ line, why: 'expected format: key whitespace value' })
    else if (entries.has(key)) problems.push({ line, why: `duplicate entry: "${key}"` })
    else entries.set(key, { key, value, line })
  }
  return { entries: [...entries.values()], problems: problems.toSorted((a, b) => a.line - b.line) }
}

/**
 * The entries of the `{key=value, {key = value with blanks}}` of an inline: table (dict_inline.c). If a key occurs
 * twice, the last one counts. `why` is the error message of Postfix.
 */
export function parseInlineTable(text: string): KeyedTable | { readonly why: string } {
  const outer = insideBraces(text)
  if ('why' in outer || outer.inside === '') return { why: `bad syntax: "inline:${text}"; need "inline:{name=value...}"` }
  const entries = new Map<string, KeyedEntry>()
  for (const [index, word] of splitWords(outer.inside).entries()) {
    const pair = word.startsWith('{') ? insideBraces(word) : { inside: word }
    if ('why' in pair) return pair
    const end = keyEnd(pair.inside, ' \t\n\v\f\r=')
    const rest = end === undefined ? '' : trimSpace(pair.inside.slice(end))
    if (end === undefined) return { why: `unbalanced '"' in "inline:${text}"` }
    if (!rest.startsWith('=')) return { why: `missing '=' after attribute name: "inline:${text}"; need "inline:{name=value...}"` }
    const key = pair.inside.slice(0, end)
    entries.set(key, { key, value: trimSpace(rest.slice(1)), line: index + 1 })
  }
  return { entries: [...entries.values()], problems: [] }
}
