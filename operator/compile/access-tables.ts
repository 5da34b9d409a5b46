// Access tables on their way to the gateways: every table that a policy takes from a ConfigMap, and every list too long
// for the policy's own ConfigMap, becomes a compressed file of its own, named after its content.
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
  /** A rule has reject. */
  readonly rejects?: boolean
  /** Lines that do not parse, in words; undefined when there are none. */
  readonly skipped?: string
}

/** The text of a table in a ConfigMap, or why there is none. */
export type TableText = { readonly text: string } | { readonly why: string; readonly isMissing?: boolean }

/** Such as `senders/mx.cidr`: the ConfigMap and the key in it. */
export const tableKey = (name: string, key: string): string => `${name}/${key}`

/** Lines shown of one table; a file of another kind would fill the status. */
const linesShown = 5

/**
 * The file of a table's text, or why the table as a whole cannot be used. Lines that do not parse are skipped, by the
 * gateways too.
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

/** Rules of the policy as lines of a table: what they decide is the same. */
export function tableText(rules: readonly { readonly action: string; readonly cidrs: readonly string[] }[]): string {
  return rules.flatMap(({ action, cidrs }) => cidrs.map((cidr) => `${cidr} ${action.toLowerCase()}\n`)).join('')
}
