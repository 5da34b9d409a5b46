// Long cidr tables stay files beside the policy: when, and what the entry says.
import type { Findings } from './findings.ts'
import type { LookupTable } from './lookup-table.ts'
import { Commented } from './policy-yaml.ts'
import type { TableStyle } from './source.ts'

type NetworksTable = Extract<LookupTable, { is: 'networks' }>

/** A policy is read by people, and has to fit into a ConfigMap of 1 MiB with all else in it. */
const longest = 1000

/** Whether the gateway can read the table as it is: from a file, one network a line, and only its three words as results. */
function readableByGateway({ table, file }: NetworksTable): boolean {
  return file !== undefined && table.flat && table.rules.every(({ result }) => /^(permit|reject|dunno)$/i.test(result))
}

/** Whether a table is better left in its file than written into the policy. */
export function goesIntoFile(table: NetworksTable, style: TableStyle): boolean {
  if (style === 'inline' || !readableByGateway(table)) return false
  return style === 'files' || table.table.rules.length > longest
}

/** Two files of one name cannot lie in one folder: the second takes its whole path for a name. */
function nameInFolder(path: string, taken: Map<string, string>): string {
  const base = path.split('/').at(-1) ?? path
  const name = (taken.get(base) ?? path) === path ? base : path.replace(/^\/+/, '').replaceAll('/', '-')
  taken.set(name, path)
  return name
}

/** The entry that names the file; it has to be copied beside the policy. `taken`: names of files that are there already, and their paths. */
export function fileEntry(
  word: string,
  { table, file }: NetworksTable,
  name: string,
  findings: Findings,
  taken: Map<string, string>,
): Commented {
  const base = nameInFolder(file?.path ?? '', taken)
  const path = file?.path ?? ''
  findings.note(
    `${name}: ${path} has ${table.rules.length} networks: it stays a file; copy it beside the policy as ${base}, or write it out with --tables inline`,
  )
  if (table.problems.length > 0) findings.note(`${name}: correct the bad lines in the copy of ${base}`)
  return new Commented({ table: { file: base } }, { above: [`${word}, ${table.rules.length} networks; copy the file beside the policy`] })
}
