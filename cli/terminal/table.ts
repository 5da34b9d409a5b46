// Tables for a terminal: numbers to the right, colours that do not count as width.
import { visibleText } from '../../crds/values/visible-text.ts'
import { coloured, type Style, type Tone } from './style.ts'

export interface Cell {
  readonly text: string
  readonly tone?: Tone | undefined
}

export interface Column<Row> {
  readonly head: string
  readonly isRight?: boolean
  readonly of: (row: Row) => string | Cell
}

const blanks = '  '

/**
 * The lines of the table. A column is as wide as its longest cell. The last one is cut with `…` where the terminal
 * ends; the others never are.
 */
export function tableLines<Row>(columns: readonly Column<Row>[], rows: readonly Row[], style: Style): readonly string[] {
  const cells = [columns.map(({ head }): Cell => ({ text: head })), ...rows.map((row) => columns.map(({ of }) => cellOf(of(row))))]
  const widths = columns.map((_, at) => Math.max(...cells.map((row) => row[at]?.text.length ?? 0)))
  return cells.map((row) => lineOf(row, columns, widths, style))
}

function lineOf<Row>(row: readonly Cell[], columns: readonly Column<Row>[], widths: readonly number[], style: Style): string {
  let used = 0
  return row
    .map(({ text, tone }, at) => {
      const isLast = at === row.length - 1
      const room = isLast && style.width !== undefined ? Math.max(1, style.width - used) : Number.POSITIVE_INFINITY
      const shown = text.length > room ? `${text.slice(0, room - 1)}${style.hasUtf8 ? '…' : '.'}` : text
      const padding = ' '.repeat(Math.max(0, (widths[at] ?? 0) - shown.length))
      used += (widths[at] ?? 0) + blanks.length
      const painted = coloured(shown, tone, style)
      if (columns[at]?.isRight === true) return padding + painted
      return isLast ? painted : painted + padding
    })
    .join(blanks)
    .trimEnd()
}

/** Texts come from other programs. */
function cellOf(cell: string | Cell): Cell {
  const { text, tone }: Cell = typeof cell === 'string' ? { text: cell } : cell
  return { text: visibleText(text), tone }
}
