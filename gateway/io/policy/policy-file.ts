// The policy and the files that it names: read together, taken together or not at all.
import { createHash } from 'node:crypto'
import { existsSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import { type Problem, readPolicyText } from '../../../crds/policy.ts'
import type { PostscreenPolicy } from '../../../crds/policy.schema.ts'
import type { CompiledTable } from '../../core/access-list.ts'
import type { DnsblKey } from '../../core/dnsbl-key.ts'
import { messageOf } from '../caught.ts'
import { type Around, leaveOut, type Use } from './around.ts'
import { readPlainFile } from './plain-file.ts'
import { missingEntry, readSiteKeys, secretFile } from './secret-file.ts'
import { findTable, readTable, type TableReader, type TableReading } from './table-file.ts'
import { cipherProblem, loadTls, type TlsMaterial } from './tls-context.ts'

/** A good policy with everything that belongs to it. */
export interface LoadedPolicy {
  readonly policy: PostscreenPolicy
  /** SHA-256 of the policy file, in hex, as sha256sum prints it. */
  readonly hash: string
  /** Access tables by the name of their file in the policy. */
  readonly tables: ReadonlyMap<string, CompiledTable>
  /** Keys of DNS lists by the index of their site. */
  readonly siteKeys: ReadonlyMap<number, DnsblKey>
  readonly tls: TlsMaterial | undefined
  /** Optional parts that the gateway goes on without, because what they need is missing or cannot be used. */
  readonly leftOut: readonly Problem[]
}

/** What cannot be used, and as far as it is known which text it was. */
export interface RefusedPolicy {
  readonly problems: readonly Problem[]
  /** SHA-256 of the policy file; undefined when that cannot be read. */
  readonly hash: string | undefined
  /** As the text says it, also where the rest of the text is wrong. */
  readonly generation: number | undefined
}

/** What came of reading: also which files took part, those that are missing included, for whoever watches them. */
export type PolicyReading = { readonly files: readonly string[] } & ({ readonly loaded: LoadedPolicy } | RefusedPolicy)

const largestPolicy = 8 * 2 ** 20

/** Problems shown of one table; a file of another kind would fill the log. */
const tableProblemsShown = 10

/**
 * Reads a policy file; paths in it are relative to its folder. Every problem is reported, those of table, key and TLS files too.
 * @param tableOf reads the table in a file
 */
export function loadPolicy(path: string, use: Use = 'here', tableOf: TableReader = readTable): PolicyReading {
  let bytes: Buffer
  try {
    bytes = readPlainFile(path, largestPolicy)
  } catch (error) {
    const problems = [{ path: 'manifest', why: `cannot be read: ${messageOf(error)}` }]
    return { files: [path], problems, hash: undefined, generation: undefined }
  }
  const hash = createHash('sha256').update(bytes).digest('hex')
  const read = readPolicyText(bytes.toString('utf8'))
  if ('problems' in read) return { files: [path], problems: read.problems, hash, generation: read.generation }
  const { policy } = read
  const around: Around = { folder: dirname(path), use, files: [path], problems: [], leftOut: [] }
  const tables = readTables(policy, around, tableOf)
  const siteKeys = readSiteKeys(policy.spec.dnsbl.sites, around)
  const tls = readTls(policy, around)
  const { files, problems, leftOut } = around
  if (problems.length > 0) return { files, problems, hash, generation: policy.metadata.generation }
  return { files, loaded: { policy, hash, tables, siteKeys, tls, leftOut } }
}

const onlyByOperator =
  'can only be used in a cluster, where the operator puts the table into a file for the gateway; here name a file: table: {file: …}'

function readTables(
  { spec }: PostscreenPolicy,
  { folder, use, files, problems }: Around,
  tableOf: TableReader,
): Map<string, CompiledTable> {
  const tables = new Map<string, CompiledTable>()
  for (const [i, { table }] of spec.access.entries()) {
    if (table?.configMap !== undefined && use === 'here') problems.push({ path: `spec.access[${i}].table.configMap`, why: onlyByOperator })
    if (table?.file === undefined || tables.has(table.file)) continue
    const path = `spec.access[${i}].table.file`
    const file = resolve(folder, table.file)
    const found = findTable(file)
    files.push(...found.watched)
    const reading = tableOf(file, found)
    if ('table' in reading) tables.set(table.file, reading.table)
    problems.push(...tableProblems(table.file, reading).map((why) => ({ path, why })))
  }
  return tables
}

function tableProblems(name: string, reading: TableReading): readonly string[] {
  if ('error' in reading) return [`cannot be read: ${reading.error}`]
  const shown = reading.problems.slice(0, tableProblemsShown)
  const more = reading.problems.length + reading.furtherProblems - shown.length
  const lines = shown.map(({ line, why }) => `${name} line ${line}: ${why}`)
  return more > 0 ? [...lines, `${name}: ${more} more such lines`] : lines
}

/** Where TLS is optional a certificate that is missing or cannot be used is left out: clients go on in plaintext, as they do without STARTTLS. */
function readTls({ spec: { tls } }: PostscreenPolicy, around: Around): TlsMaterial | undefined {
  const { folder, use, files, problems } = around
  const withoutTls = ({ path, why }: Problem): void => {
    if (tls.level === 'May') leaveOut(around, { path, why: `${why}; STARTTLS is not offered without the certificate` })
    else problems.push({ path, why })
  }
  if (tls.level === 'None') return undefined
  const unusable = cipherProblem(tls)
  if (unusable !== undefined) problems.push(unusable)
  if (unusable !== undefined || (tls.secretName !== '' && use === 'elsewhere')) return undefined
  const fromSecret = tls.secretName !== ''
  const [cert, key] = [
    { name: tls.secretName, key: 'tls.crt' },
    { name: tls.secretName, key: 'tls.key' },
  ] as const
  const certFile = resolve(folder, fromSecret ? secretFile(cert) : tls.certFile)
  const keyFile = resolve(folder, fromSecret ? secretFile(key) : tls.keyFile)
  files.push(certFile, keyFile)
  if (fromSecret) {
    const missing = [!existsSync(certFile) && cert, !existsSync(keyFile) && key].filter((entry) => entry !== false)
    for (const entry of missing) withoutTls({ path: 'spec.tls.secretName', why: missingEntry(entry) })
    if (missing.length > 0) return undefined
  }
  const loaded = loadTls({ certFile, keyFile }, tls)
  if ('context' in loaded) return loaded
  withoutTls(fromSecret ? { path: 'spec.tls.secretName', why: loaded.why } : loaded)
  return undefined
}
