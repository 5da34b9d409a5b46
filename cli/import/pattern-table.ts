// regexp: and pcre: tables, if JavaScript's regular expressions mean the same. Other expressions are refused.
import { logicalLines, trimSpace } from './logical-lines.ts'

export interface PatternTable {
  /** The result for a key; undefined if no rule matches. */
  find(key: string): string | undefined
}

interface Rule {
  readonly is: 'match' | 'if' | 'endif'
  readonly pattern?: RegExp
  readonly negated?: boolean
  readonly result?: string
}

/** Letters after a backslash that mean the same in PCRE and JavaScript; for POSIX expressions there are none. */
const sharedEscapes = { pcre: 'dDwWsSb', regexp: '' }

/** The characters of the POSIX classes in the C locale, in which Postfix's programs run. */
const classes: Readonly<Record<string, string>> = {
  alnum: '0-9A-Za-z',
  alpha: 'A-Za-z',
  blank: ' \\t',
  cntrl: '\\x00-\\x1f\\x7f',
  digit: '0-9',
  graph: '!-~',
  lower: 'a-z',
  print: ' -~',
  punct: '!-\\/:-@\\[-`{-~',
  space: ' \\t\\n\\v\\f\\r',
  upper: 'A-Z',
  xdigit: '0-9A-Fa-f',
}

const bracket = /\[\^?\]?(?:\[:[a-z]+:\]|\\.|[^\]\\])*\]/y

/**
 * A bracket expression in the notation of JavaScript: the classes are written out, and a `]` in first position is a
 * character.
 */
function translateBracket(text: string, type: 'pcre' | 'regexp'): string | undefined {
  const [, start = '', inside = ''] = /^(\[\^?)([^]*)\]$/.exec(text) ?? []
  // In POSIX, a backslash between brackets is an ordinary character.
  if (/\[[.=]/.test(inside) || (type === 'regexp' && inside.includes('\\'))) return undefined
  let unknown = false
  const spelled = inside.replace(/^\]/, String.raw`\]`).replaceAll(/\[:([a-z]+):\]/g, (_, name: string) => {
    unknown ||= !Object.hasOwn(classes, name)
    return classes[name] ?? ''
  })
  return unknown ? undefined : `${start}${spelled}]`
}

/** Whether the text outside brackets means the same in JavaScript and in the library of the table's type. */
function meansTheSame(expression: string, type: 'pcre' | 'regexp'): boolean {
  if (/\(\?(?!:)|\(\*|[*+?}][+]/.test(expression)) return false
  if (type === 'regexp' && /\(\?|[*+?}]\?/.test(expression)) return false
  for (const [, letter = ''] of expression.matchAll(/\\(.)/g))
    if (/[A-Za-z0-9]/.test(letter) && !sharedEscapes[type].includes(letter)) return false
  return true
}

/** An expression in the notation of JavaScript; undefined if the meaning would be different. */
function translate(expression: string, type: 'pcre' | 'regexp'): string | undefined {
  let plain = ''
  let result = ''
  for (let at = 0; at < expression.length; at++) {
    const letter = expression.charAt(at)
    if (letter === '[') {
      bracket.lastIndex = at
      const found = bracket.exec(expression)?.[0]
      const translated = found === undefined ? undefined : translateBracket(found, type)
      if (found === undefined || translated === undefined) return undefined
      result += translated
      plain += '[]'
      at += found.length - 1
    } else {
      const piece = letter === '\\' ? expression.slice(at, at + 2) : letter
      result += piece
      plain += piece
      at += piece.length - 1
    }
  }
  const escapes = [...expression.matchAll(/\\(.)/g)].every(
    ([, letter = '']) => !/[A-Za-z0-9]/.test(letter) || sharedEscapes[type].includes(letter),
  )
  return escapes && meansTheSame(plain, type) ? result : undefined
}

interface ParsedPattern {
  readonly pattern: RegExp
  readonly negated: boolean
  readonly rest: string
}

/**
 * `!/expression/flags` at the start of a line; the delimiter can be any character. Expressions ignore case unless the
 * flag `i` is given.
 */
function parsePattern(text: string, type: 'pcre' | 'regexp'): ParsedPattern | undefined {
  const [signs = ''] = /^[! \t\n\v\f\r]*/.exec(text) ?? []
  const delimiter = text.charAt(signs.length)
  if (delimiter === '') return undefined
  let end = signs.length + 1
  while (end < text.length && text.charAt(end) !== delimiter) end += text.charAt(end) === '\\' ? 2 : 1
  if (end >= text.length) return undefined
  const [flags = ''] = /^[A-Za-z]*/.exec(text.slice(end + 1)) ?? []
  const expression = text.slice(signs.length + 1, end)
  const translated = translate(expression, type)
  if (/[^i]/.test(flags) || translated === undefined) return undefined
  try {
    const pattern = new RegExp(translated, flags.length % 2 === 1 ? '' : 'i')
    return { pattern, negated: (signs.match(/!/g)?.length ?? 0) % 2 === 1, rest: text.slice(end + 1 + flags.length) }
  } catch {
    return undefined
  }
}

function parseRule(text: string, type: 'pcre' | 'regexp'): Rule | undefined {
  if (/^endif(?![A-Za-z0-9])/i.test(text)) return { is: 'endif' }
  const condition = /^if(?![A-Za-z0-9])/i.test(text)
  if (!condition && /^[A-Za-z0-9]/.test(text)) return undefined
  const parsed = parsePattern(condition ? text.slice(2) : text, type)
  if (parsed === undefined || !/^([ \t\n\v\f\r]|$)/.test(parsed.rest)) return undefined
  const { pattern, negated, rest } = parsed
  // POSIX matches the longest alternative, JavaScript the first one, so the text in the parentheses may differ.
  if (type === 'regexp' && pattern.source.includes('|') && /\$[({]?[0-9]/.test(rest.replaceAll('$$', ''))) return undefined
  return condition ? { is: 'if', pattern, negated } : { is: 'match', pattern, negated, result: trimSpace(rest) }
}

/** `$1`, `${1}` and `$(1)` in a result; `$$` is a dollar sign. */
function fillIn(result: string, match: RegExpExecArray | null): string {
  return result.replaceAll(/\$(?:\$|(\d+)|\{(\d+)\}|\((\d+)\))/g, (written, ...numbers) =>
    written === '$$' ? '$' : (match?.[Number(numbers.slice(0, 3).find((number) => number !== undefined))] ?? ''),
  )
}

/** Parses a table; undefined if one of its lines cannot be converted with the same meaning. */
export function parsePatternTable(text: string, type: 'pcre' | 'regexp'): PatternTable | undefined {
  const { lines, stray } = logicalLines(text)
  const rules: Rule[] = []
  for (const { text: line } of lines) {
    const rule = parseRule(line, type)
    if (rule === undefined) return undefined
    rules.push(rule)
  }
  if (stray.length > 0) return undefined
  return { find: (key) => findIn(rules, key) }
}

function findIn(rules: readonly Rule[], key: string): string | undefined {
  /** The depth of nested `if` blocks, and the depth from which lines are skipped. */
  let depth = 0
  let skippedFrom = Number.POSITIVE_INFINITY
  for (const { is, pattern, negated, result } of rules) {
    if (is === 'endif') {
      depth = Math.max(0, depth - 1)
      if (depth < skippedFrom) skippedFrom = Number.POSITIVE_INFINITY
      continue
    }
    const match = pattern?.exec(key) ?? null
    const holds = (match !== null) !== negated
    if (is === 'if') {
      depth++
      if (!holds && skippedFrom === Number.POSITIVE_INFINITY) skippedFrom = depth
    } else if (holds && depth < skippedFrom) {
      return fillIn(result ?? '', match)
    }
  }
  return undefined
}
