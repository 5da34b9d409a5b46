// Access tables on their way to the gateways: every table that a policy takes from a ConfigMap, and every list too long for the policy's own
// ConfigMap, becomes a compressed file of its own, named after its content.
import { createHash } from 'node:crypto'
import { gzipSync } from 'node:zlib'
import { parseAccessTable } from '../../crds/values/access-table.ts'
import type { Problem } from '../../crds/problems.ts'

/** A table as the gateways find it beside their policy. */
export interface TableFile {
  readonly name: string
  /** A gzip stream. */
  readonly bytes: Buffer
  readonly rules: number
}

/** What a ConfigMap had to say: a table's text, or why there is none. */
export type TableText = { readonly text: string } | { readonly why: string }

/** Such as `senders/mx.cidr`: the ConfigMap and the key in it. */
export const tableKey = (name: string, key: string): string => `${name}/${key}`

/** Problems shown of one table; a file of another kind would fill the status. */
const problemsShown = 5

/** The file of a table's text, or what is wrong with it. `path` and `where` are for the problems. */
export function tableFile(text: string, path: string, where: string): TableFile | readonly Problem[] {
  const { rules, problems, furtherProblems } = parseAccessTable(text)
  if (problems.length > 0) {
    const shown = problems.slice(0, problemsShown).map(({ line, why }) => ({ path, why: `${where} line ${line}: ${why}` }))
    const more = problems.length + furtherProblems - shown.length
    return more > 0 ? [...shown, { path, why: `${where}: ${more} more such lines` }] : shown
  }
  const sum = createHash('sha256').update(text).digest('hex').slice(0, 16)
  return { name: `table-${sum}.cidr.gz`, bytes: gzipSync(text), rules: rules.length }
}

export const isTableFile = (made: TableFile | readonly Problem[]): made is TableFile => 'bytes' in made

/** Rules of the policy as lines of a table: what they decide is the same. */
export function tableText(rules: readonly { readonly action: string; readonly cidrs: readonly string[] }[]): string {
  return rules.flatMap(({ action, cidrs }) => cidrs.map((cidr) => `${cidr} ${action.toLowerCase()}\n`)).join('')
}
