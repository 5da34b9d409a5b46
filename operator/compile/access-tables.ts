// Prepares access tables for the gateways: each table that a policy takes from a ConfigMap, and each list that is too
// long for the policy's own ConfigMap, becomes a compressed file, named after its content.
import { createHash } from 'node:crypto'
import { gzipSync } from 'node:zlib'
import { parseAccessTable } from '../../crds/values/access-table.ts'
import type { TableProblem } from '../../crds/values/cidr-table.ts'
import type { Problem } from '../../crds/problems.ts'

/** A table as the gateways find it beside their policy. */
export interface TableFile {
  readonly name: string
  /** A gzip stream. */
  readonly bytes: Buffer
  readonly rules: number
  /** At least one rule has reject. */
  readonly rejects?: boolean
  /** A description of the lines that do not parse; undefined if all lines parse. */
  readonly skipped?: string
}

/** The text of a table in a ConfigMap, or why it is missing. */
export type TableText = { readonly text: string } | { readonly why: string; readonly isMissing?: boolean }

/** The ConfigMap and the key in it, such as `senders/mx.cidr`. */
export const tableKey = (name: string, key: string): string => `${name}/${key}`

/** The number of bad lines that are shown for one table. All lines of a file of another kind would fill the status. */
const linesShown = 5

/**
 * The file for a table's text, or why the whole table cannot be used. Lines that do not parse are skipped; the gateways
 * skip them too.
 */
export function tableFile(text: string, path: string, where: string): TableFile | readonly Problem[] {
  const { rules, problems, furtherProblems, tooMuch } = parseAccessTable(text)
  if (tooMuch !== undefined) return [{ path, why: `${where} ${tooMuch}` }]
  const sum = createHash('sha256').update(text).digest('hex').slice(0, 16)
  const skipped = skippedInWords(where, problems, furtherProblems)
  return {
    name: `table-${sum}.cidr.gz`,
    bytes: gzipSync(text),
    rules: rules.length,
    rejects: rules.some(({ decision }) => decision === 'Reject'),
    ...(skipped !== undefined && { skipped }),
  }
}

function skippedInWords(where: string, problems: readonly TableProblem[], further: number): string | undefined {
  const count = problems.length + further
  if (count === 0) return undefined
  const shown = problems.slice(0, linesShown).map(({ line, why }) => `line ${line}: ${why}`)
  const more = count - shown.length
  const lines = count === 1 ? 'a line is' : `${count} lines are`
  return `${where}: ${lines} skipped: ${[...shown, ...(more > 0 ? [`and ${more} more`] : [])].join('; ')}`
}

export const isTableFile = (made: TableFile | readonly Problem[]): made is TableFile => 'bytes' in made

/** Rules of the policy as lines of a table with the same decisions. */
export function tableText(rules: readonly { readonly action: string; readonly cidrs: readonly string[] }[]): string {
  return rules.flatMap(({ action, cidrs }) => cidrs.map((cidr) => `${cidr} ${action.toLowerCase()}\n`)).join('')
}
