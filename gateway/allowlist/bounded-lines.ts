// Text from a stream, line by line, with a limit for the length of a line.

/** One line without its end; only the beginning of a line that is too long. */
export interface Line {
  /** Counts from 1. */
  readonly number: number
  readonly text: string
  readonly tooLong: boolean
}

/**
 * The lines of a text that comes in pieces. Keeps at most one piece and `limit` characters. Lines end with LF or CR LF;
 * the last one may have no end.
 */
export async function* boundedLines(pieces: AsyncIterable<string> | Iterable<string>, limit: number): AsyncGenerator<Line, void> {
  let number = 0
  let rest = ''
  let tooLong = false
  const finish = (text: string): Line => {
    number++
    const line = { number, text: text.slice(0, limit).replace(/\r$/, ''), tooLong: tooLong || text.length > limit }
    tooLong = false
    return line
  }
  for await (const piece of pieces) {
    let start = 0
    for (let end = piece.indexOf('\n'); end !== -1; end = piece.indexOf('\n', start)) {
      yield finish(rest + piece.slice(start, end))
      rest = ''
      start = end + 1
    }
    rest += piece.slice(start)
    if (rest.length > limit + 1) {
      rest = rest.slice(0, limit)
      tooLong = true
    }
  }
  if (rest !== '') yield finish(rest)
}
