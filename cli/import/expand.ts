// Expands $name, ${name?yes}, ${name?{yes}:{no}} and ${{a} == {b} ? {yes} : {no}} like mac_parse(3) and mac_expand(3),
// with the same errors.
import { compareLevels } from './compatibility-level.ts'

/**
 * The text of a parameter, not expanded; undefined if the parameter does not exist. `test`: the caller only needs to
 * know whether it is empty, as in `${name?…}`.
 */
export type Lookup = (name: string, use: 'value' | 'test') => string | undefined

export type Expansion = { readonly text: string } | { readonly why: string }

/** The limit of mac_expand for macros within macros. */
const deepest = 100
/** Our own limits. Without them, a few lines of main.cf could need any amount of memory and time. */
const mostSteps = 100_000
const longest = 1_000_000

class ExpansionError extends Error {}

const white = /^[ \t\r\n]*/
const word = /^[A-Za-z0-9_]$/

const skipWhite = (text: string): string => text.replace(white, '')

/** The inside of a balanced `{…}` at the start of the text, and the text after it without leading white space. */
function takeBraced(text: string): { readonly inside: string; readonly rest: string } {
  let level = 0
  for (let at = 0; at < text.length; at++) {
    if (text[at] === '{') level++
    else if (text[at] === '}' && --level === 0) return { inside: text.slice(1, at), rest: skipWhite(text.slice(at + 1)) }
  }
  throw new ExpansionError(`unbalanced {} in attribute expression: "${text}"`)
}

/** The text after `?` or `:`: a `{…}` that is followed by more text, or all of the remaining text. */
function takeResult(text: string): { readonly inside: string; readonly rest: string } {
  const trimmed = skipWhite(text)
  return trimmed.startsWith('{') ? takeBraced(trimmed) : { inside: text, rest: '' }
}

const operators: Readonly<Record<string, (order: number) => boolean>> = {
  '==': (order) => order === 0,
  '!=': (order) => order !== 0,
  '<': (order) => order < 0,
  '<=': (order) => order <= 0,
  '>=': (order) => order >= 0,
  '>': (order) => order > 0,
}

/** Compares numbers as numbers, and other texts as texts. */
function compareValues(left: string, right: string): number {
  const numbers = /^[0-9]+$/.test(left) && /^[0-9]+$/.test(right)
  if (!numbers) return left < right ? -1 : left > right ? 1 : 0
  const delta = BigInt(left) - BigInt(right)
  return delta < 0n ? -1 : delta > 0n ? 1 : 0
}

/** Splits text into literal pieces and macros, like mac_parse; `$$` is a dollar sign. */
function* pieces(text: string): Generator<{ readonly is: 'literal' | 'macro'; readonly text: string }> {
  let literal = ''
  for (let at = 0; at < text.length;) {
    const dollar = text.indexOf('$', at)
    if (dollar < 0 || text[dollar + 1] === '$') {
      literal += dollar < 0 ? text.slice(at) : text.slice(at, dollar + 1)
      at = dollar < 0 ? text.length : dollar + 2
      continue
    }
    literal += text.slice(at, dollar)
    if (literal !== '') yield { is: 'literal', text: literal }
    literal = ''
    const end = macroEnd(text, dollar + 1)
    const enclosed = text[dollar + 1] === '{' || text[dollar + 1] === '('
    const macro = enclosed ? text.slice(dollar + 2, end - 1) : text.slice(dollar + 1, end)
    if (macro === '') throw new ExpansionError(`empty macro name: "${text}"`)
    yield { is: 'macro', text: macro }
    at = end
  }
  if (literal !== '') yield { is: 'literal', text: literal }
}

/** The position after a macro whose name, or opening bracket, is at `start`. */
function macroEnd(text: string, start: number): number {
  const open = text[start]
  if (open !== '{' && open !== '(') {
    let end = start
    while (word.test(text.charAt(end))) end++
    return end
  }
  const close = open === '{' ? '}' : ')'
  let level = 0
  for (let at = start; at < text.length; at++) {
    if (text[at] === open) level++
    else if (text[at] === close && --level === 0) return at + 1
  }
  throw new ExpansionError(`truncated macro reference: "${text}"`)
}

class Expander {
  readonly #lookup: Lookup
  #steps = 0
  #length = 0

  constructor(lookup: Lookup) {
    this.#lookup = lookup
  }

  expand(text: string, level: number): string {
    let result = ''
    for (const piece of pieces(text)) {
      if (level > deepest || ++this.#steps > mostSteps) throw new ExpansionError(`unreasonable macro call nesting: "${piece.text}"`)
      if (piece.is === 'literal') {
        this.#length += piece.text.length
        if (this.#length > longest) throw new ExpansionError(`expands to more than ${longest} characters`)
        result += piece.text
      } else {
        result += this.#macro(piece.text, level + 1)
      }
    }
    return result
  }

  /** Expands the inside of one macro (mac_expand_callback). */
  #macro(macro: string, level: number): string {
    const trimmed = skipWhite(macro)
    if (trimmed.startsWith('{')) {
      const { holds, rest } = this.#comparison(trimmed, level)
      if (rest === '') return holds ? 'true' : ''
      const operator = rest.charAt(0)
      if (operator !== '?' && operator !== ':') throw new ExpansionError(`"?" or ":" expected at: "...}>>>${rest.slice(0, 20)}"`)
      return this.#conditional(operator, rest.slice(1), holds, level)
    }
    const { name, operator, rest } = splitMacro(macro, trimmed)
    const value = this.#lookup(name, operator === '' ? 'value' : 'test')
    if (operator === '') return value === undefined ? '' : this.expand(value, level)
    return this.#conditional(operator, rest, value !== undefined && value !== '', level)
  }

  /**
   * `?yes`, `:no`, `?{yes}:{no}`. The branch that is not used is not read, so mistakes in it are not noticed, as in
   * Postfix.
   */
  #conditional(operator: '?' | ':', text: string, holds: boolean, level: number): string {
    let result = ''
    let rest = text
    if (operator === '?') {
      const yes = takeResult(text)
      if (holds) result = this.expand(yes.inside, level)
      if (yes.rest === '') return result
      if (!yes.rest.startsWith(':')) throw new ExpansionError(`":" expected at: "...${yes.inside}}>>>${yes.rest.slice(0, 20)}"`)
      rest = yes.rest.slice(1)
    }
    const no = takeResult(rest)
    if (!holds) result = this.expand(no.inside, level)
    if (no.rest !== '') throw new ExpansionError(`unexpected input at: "...${no.inside}}>>>${no.rest.slice(0, 20)}"`)
    return result
  }

  /** `{left} operator {right}` at the start of the text (mac_exp_parse_relational). */
  #comparison(text: string, level: number): { readonly holds: boolean; readonly rest: string } {
    const left = takeBraced(text)
    const sign = /^[<>!=?+\-*/~&|%]*/.exec(left.rest)?.[0] ?? ''
    const holds = operators[sign]
    if (!Object.hasOwn(operators, sign) || holds === undefined) {
      const known = Object.keys(operators).map((one) => `"${one}"`)
      throw new ExpansionError(`${known.join(' or ')} expected at: "...${left.inside}}>>>${left.rest.slice(0, 20)}"`)
    }
    const suffix = /^[A-Za-z0-9]*/.exec(left.rest.slice(sign.length))?.[0] ?? ''
    if (suffix !== '' && suffix !== 'level') throw new ExpansionError(`bad operator suffix at: "...${sign}>>>${suffix}"`)
    const behind = skipWhite(left.rest.slice(sign.length + suffix.length))
    if (!behind.startsWith('{')) {
      throw new ExpansionError(`"{expression}" expected at: "...{${left.inside}} ${sign}>>>${behind.slice(0, 20)}"`)
    }
    const right = takeBraced(behind)
    const values = [this.expand(left.inside, level), this.expand(right.inside, level)] as const
    const order = suffix === 'level' ? compareLevels(...values) : compareValues(...values)
    if (typeof order === 'string') throw new ExpansionError(order)
    return { holds: holds(order), rest: right.rest }
  }
}

interface SplitMacro {
  readonly name: string
  readonly operator: '' | '?' | ':'
  readonly rest: string
}

/** `name`, `name?…` or `name:…`, with white space around the name. */
function splitMacro(macro: string, trimmed: string): SplitMacro {
  const name = /^[A-Za-z0-9_]*/.exec(trimmed)?.[0] ?? ''
  const behind = skipWhite(trimmed.slice(name.length))
  if (behind === '') return { name, operator: '', rest: '' }
  const operator = behind.charAt(0)
  if (operator === '?' || operator === ':') return { name, operator, rest: behind.slice(1) }
  const at = macro.length - trimmed.length + name.length
  throw new ExpansionError(`attribute name syntax error at: "...${macro.slice(0, at)}>>>${macro.slice(at, at + 20)}"`)
}

/** Expands a parameter's text, recursively. `why` is the error message of Postfix. */
export function expand(text: string, lookup: Lookup): Expansion {
  try {
    return { text: new Expander(lookup).expand(text, 0) }
  } catch (error) {
    if (error instanceof ExpansionError) return { why: error.message }
    throw error
  }
}
