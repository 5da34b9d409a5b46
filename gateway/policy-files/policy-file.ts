// Reads the policy and the files that it names: all of them together, or none.
import { createHash } from 'node:crypto'
import { existsSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import { type Problem, readPolicyText } from '../../crds/policy.ts'
import { firstProblems } from '../../crds/problems.ts'
import type { PostscreenPolicy } from '../../crds/schema/policy.schema.ts'
import type { CompiledTable } from '../core/access-list.ts'
import { messageOf } from '../../runtime/caught.ts'
import { type ReadContext, leaveOut, type Use } from './read-context.ts'
import type { KeptPolicy } from './last-good.ts'
import type { LoadedPolicy, PolicyReading, SkippedLines } from './loaded-policy.ts'
import { readPlainFile } from './plain-file.ts'
import { missingEntry, readSiteKeys, secretFile } from './secret-file.ts'
import { findTable, readTable, type TableReader } from './table-file.ts'
import { cipherProblem, loadTls, type TlsMaterial } from './tls-context.ts'

const largestPolicy = 8 * 2 ** 20

/** The most lines shown of one table; a file in another format would fill the log. */
const linesShown = 10

/**
 * Reads a policy file; paths in it are relative to its folder. Every problem is reported, those of table, key and TLS
 * files too.
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
  return readAll(path, bytes, use, (policy, context) => readTables(policy, context, tableOf))
}

/**
 * The kept policy, with its tables. Keys and certificates come from their files as they are now, beside the policy
 * file.
 */
export function reloadKept(path: string, { bytes, tables, skipped }: KeptPolicy): PolicyReading {
  return readAll(path, Buffer.from(bytes), 'here', () => ({ tables, skipped }))
}

type Tables = Pick<LoadedPolicy, 'tables' | 'skipped'>

function readAll(
  path: string,
  bytes: Buffer,
  use: Use,
  tablesOf: (policy: PostscreenPolicy, context: ReadContext) => Tables,
): PolicyReading {
  const hash = createHash('sha256').update(bytes).digest('hex')
  const read = readPolicyText(bytes.toString('utf8'))
  if ('problems' in read) return { files: [path], problems: read.problems, hash, generation: read.generation }
  const { policy } = read
  const context: ReadContext = { folder: dirname(path), use, files: [path], problems: [], leftOut: [] }
  const { tables, skipped } = tablesOf(policy, context)
  const siteKeys = readSiteKeys(policy.spec.dnsbl.sites, context)
  const tls = readTls(policy, context)
  const { files, problems, leftOut } = context
  if (problems.length > 0) return { files, problems: firstProblems(problems), hash, generation: policy.metadata.generation }
  return { files, loaded: { policy, bytes, hash, tables, skipped, siteKeys, tls, leftOut } }
}

const onlyByOperator =
  'can only be used in a cluster, where the operator puts the table into a file for the gateway; here name a file: table: {file: …}'

function readTables({ spec }: PostscreenPolicy, { folder, use, files, problems }: ReadContext, tableOf: TableReader): Tables {
  const tables = new Map<string, CompiledTable>()
  const skipped: SkippedLines[] = []
  for (const [i, { table }] of spec.access.entries()) {
    if (table?.configMap !== undefined && use === 'here') problems.push({ path: `spec.access[${i}].table.configMap`, why: onlyByOperator })
    if (table?.file === undefined || tables.has(table.file)) continue
    const path = `spec.access[${i}].table.file`
    const file = resolve(folder, table.file)
    const found = findTable(file)
    files.push(...found.watched)
    const reading = tableOf(file, found)
    if ('error' in reading) {
      problems.push({ path, why: `cannot be read: ${reading.error}` })
      continue
    }
    tables.set(table.file, reading.table)
    const lines = reading.problems.length + reading.furtherProblems
    if (lines > 0) skipped.push({ table: table.file, lines, first: reading.problems.slice(0, linesShown) })
  }
  return { tables, skipped }
}

/**
 * Where TLS is optional, a certificate that is missing or invalid is left out: clients continue in plaintext, as they
 * do without STARTTLS. Where TLS passes through, the gateway's own certificate is for clients that have failed a test.
 */
function readTls({ spec: { tls, deepTests } }: PostscreenPolicy, context: ReadContext): TlsMaterial | undefined {
  const { folder, use, files, problems } = context
  const passesThrough = deepTests.handoff === 'SameSession' && deepTests.tls === 'PassThrough'
  const withoutTls = ({ path, why }: Problem): void => {
    if (passesThrough) leaveOut(context, { path, why: `${why}; clients that have failed a test get no TLS without the certificate` })
    else if (tls.level === 'May') leaveOut(context, { path, why: `${why}; STARTTLS is not offered without the certificate` })
    else problems.push({ path, why })
  }
  if (tls.level === 'None') return undefined
  if (passesThrough && tls.secretName === '' && tls.certFile === '' && tls.keyFile === '') return undefined
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
