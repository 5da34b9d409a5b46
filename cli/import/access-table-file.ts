// Decides which cidr tables stay outside the policy, as a file or a ConfigMap.
import type { LookupTable } from './lookup-table.ts'
import type { Source } from './source.ts'

type NetworksTable = Extract<LookupTable, { is: 'networks' }>

/** People read the policy, and it must fit into a ConfigMap of 1 MiB together with everything else in it. */
const longest = 1000

/**
 * Whether the gateway reads the table in the same way as Postfix: it is a file, and each result begins with one of the
 * three words. The gateway does not know mynetworks.
 */
function readableByGateway({ table, file }: NetworksTable): boolean {
  return file !== undefined && table.rules.every(({ result }) => /^(permit|reject|dunno)([, \t\r\n]|$)/i.test(result))
}

/** Whether a table should stay in its file instead of becoming part of the policy. */
export function goesIntoFile(table: NetworksTable, { tableStyle, findings }: Source, where: string): boolean {
  if (tableStyle === 'inline' || (tableStyle === 'auto' && table.table.rules.length <= longest)) return false
  const readable = readableByGateway(table)
  if (!readable && table.file !== undefined)
    findings.note(
      `${where}: has results other than permit, reject and dunno, which depend on main.cf; the table was written into the policy instead of a file`,
    )
  return readable
}
