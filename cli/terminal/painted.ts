// Lines with colours: their width, cut and put side by side. Colours are those of style.ts.
const colour = /\u001b\[\d+m/g
const parts = /\u001b\[\d+m|[^\u001b]/gu

/** How many columns the line takes. */
export const paintedWidth = (line: string): number => line.replace(colour, '').length

/** The line in at most `width` columns. What is cut leaves no colour on. */
export function cutPainted(line: string, width: number): string {
  let used = 0
  return (line.match(parts) ?? []).filter((part) => part.startsWith('\u001b') || ++used <= width).join('')
}

/** The lines of both, the right ones from this column on. */
export function beside(left: readonly string[], right: readonly string[], column: number): readonly string[] {
  return Array.from({ length: Math.max(left.length, right.length) }, (_, at) => {
    const [one = '', other = ''] = [left[at], right[at]]
    return other === '' ? one : `${one}${' '.repeat(Math.max(1, column - paintedWidth(one)))}${other}`
  })
}
