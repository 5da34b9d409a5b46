// Splits a Postfix text file into logical lines, and separates those that Postfix skips.
import { logicalLines as eachLine, type LogicalLine as AnyLine } from '../../crds/values/logical-lines.ts'

export { blank as space, trimSpace } from '../../crds/values/logical-lines.ts'

export type LogicalLine = Pick<AnyLine, 'line' | 'text'>

/**
 * `stray` contains the lines that begin with white space but continue no other line; Postfix skips them with a warning.
 */
export function logicalLines(text: string): { readonly lines: readonly LogicalLine[]; readonly stray: readonly LogicalLine[] } {
  const { lines = [], stray = [] } = Object.groupBy(eachLine(text), (one) => (one.stray ? 'stray' : 'lines'))
  return { lines, stray }
}
