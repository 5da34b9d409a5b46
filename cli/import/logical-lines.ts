// Logical lines of a Postfix text file, with those that Postfix skips put aside.
import { logicalLines as eachLine, type LogicalLine as AnyLine } from '../../crds/values/logical-lines.ts'

export { blank as space, trimSpace } from '../../crds/values/logical-lines.ts'

export type LogicalLine = Pick<AnyLine, 'line' | 'text'>

/** `stray` holds the lines that start with white space and continue nothing; Postfix warns of them and skips them. */
export function logicalLines(text: string): { readonly lines: readonly LogicalLine[]; readonly stray: readonly LogicalLine[] } {
  const { lines = [], stray = [] } = Object.groupBy(eachLine(text), (one) => (one.stray ? 'stray' : 'lines'))
  return { lines, stray }
}
