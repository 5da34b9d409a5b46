// Logical lines of a Postfix text file: comments and empty lines left out, a line that starts with white space continues the one before.

/** The white space of C's isspace; a no-break space is an ordinary character to Postfix. */
export const space = '[ \\t\\n\\v\\f\\r]'

/** Without the white space at both ends, as C's isspace knows it. */
export function trimSpace(text: string): string {
  let start = 0
  let end = text.length
  while (start < end && ' \t\n\v\f\r'.includes(text.charAt(start))) start++
  while (end > start && ' \t\n\v\f\r'.includes(text.charAt(end - 1))) end--
  return text.slice(start, end)
}

export interface LogicalLine {
  /** Number of the first physical line, from 1. */
  readonly line: number
  readonly text: string
}

const blank = new RegExp(`^${space}*$`)
const comment = new RegExp(`^${space}*#`)
const startsWithSpace = new RegExp(`^${space}`)

/**
 * Splits text as readlline(3) does. Continuations are appended as they are, so that their white space separates the words.
 * `stray` holds the lines that start with white space and continue nothing; Postfix warns of them and skips them.
 */
export function logicalLines(text: string): { readonly lines: readonly LogicalLine[]; readonly stray: readonly LogicalLine[] } {
  const lines: LogicalLine[] = []
  const stray: LogicalLine[] = []
  let parts: string[] = []
  let first = 0
  const finish = (): void => {
    if (parts.length === 0) return
    const joined = parts.join('')
    ;(startsWithSpace.test(joined) ? stray : lines).push({ line: first, text: joined })
    parts = []
  }
  let number = 0
  for (const physical of text.split('\n')) {
    number++
    if (physical === '' || blank.test(physical) || comment.test(physical)) continue
    if (!startsWithSpace.test(physical)) finish()
    if (parts.length === 0) first = number
    parts.push(physical)
  }
  finish()
  return { lines, stray }
}
