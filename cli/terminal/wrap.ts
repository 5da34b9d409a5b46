// Sentences as lines that fit into the terminal.

/**
 * The text in lines of at most `width` columns, broken at blanks. A longer word has a line of its own. The lines after
 * the first begin with `indent`. Without a width, it is one line.
 */
export function wrapped(text: string, width: number | undefined, indent = ''): readonly string[] {
  if (width === undefined) return [text]
  const lines: string[] = []
  let line = ''
  for (const word of text.match(/ *[^ ]+/g) ?? []) {
    if (line !== '' && line.length + word.length > width) {
      lines.push(line)
      line = indent + word.trimStart()
    } else line += word
  }
  return [...lines, line]
}
