// Logical lines of a Postfix text file: without comments and empty lines; a line that begins with white space continues
// the previous one.

/** The white space of C's isspace, for a character class. To Postfix, a no-break space is an ordinary character. */
export const blanks = ' \\t\\n\\v\\f\\r'
export const blank = `[${blanks}]`

/** Removes the white space of C's isspace at both ends. */
export function trimSpace(text: string): string {
  let start = 0
  let end = text.length
  while (start < end && isBlank(text.charCodeAt(start))) start++
  while (end > start && isBlank(text.charCodeAt(end - 1))) end--
  return text.slice(start, end)
}

const isBlank = (code: number): boolean => code === 0x20 || (code >= 0x09 && code <= 0x0d)

export interface LogicalLine {
  /** Number of the first physical line, from 1. */
  readonly line: number
  readonly text: string
  /** The line begins with white space but has no line to continue. Postfix skips it with a warning. */
  readonly stray: boolean
}

/** Whether a physical line is empty, only white space, or only a comment. */
function saysNothing(text: string, from: number, end: number): boolean {
  let at = from
  while (at < end && isBlank(text.charCodeAt(at))) at++
  return at === end || text.charAt(at) === '#'
}

/**
 * Splits text as readlline(3) does. Continuation lines are appended unchanged, so their white space separates the
 * words.
 * A line ends at its first NUL, as any C string does.
 */
export function* logicalLines(text: string): Generator<LogicalLine> {
  let parts: string[] = []
  let first = 0
  const finished = (): LogicalLine => {
    const joined = parts.join('')
    const nul = joined.indexOf('\0')
    parts = []
    return { line: first, text: nul < 0 ? joined : joined.slice(0, nul), stray: isBlank(joined.charCodeAt(0)) }
  }
  let number = 0
  for (let from = 0; from < text.length;) {
    const newline = text.indexOf('\n', from)
    const end = newline < 0 ? text.length : newline
    number++
    if (!saysNothing(text, from, end)) {
      if (parts.length > 0 && !isBlank(text.charCodeAt(from))) yield finished()
      if (parts.length === 0) first = number
      parts.push(text.slice(from, end))
    }
    from = end + 1
  }
  if (parts.length > 0) yield finished()
}
