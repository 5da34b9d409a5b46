// The policy and the files that it names: read together, taken together or not at all, and read again when one of them changes.
import { createHash } from 'node:crypto'
import { statSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import { type Problem, readPolicyText } from '../../../crds/policy.ts'
import type { PostscreenPolicy } from '../../../crds/policy.schema.ts'
import { parseCidrTable } from '../../../crds/cidr-table.ts'
import { codeOf, messageOf } from '../caught.ts'
import { readPlainFile } from './plain-file.ts'
import { loadTls, type TlsMaterial } from './tls-context.ts'

/** A good policy with everything that belongs to it. */
export interface LoadedPolicy {
  readonly policy: PostscreenPolicy
  /** SHA-256 of the policy file, in hex, as sha256sum prints it. */
  readonly hash: string
  /** Texts of access tables by the name that the policy gives them. */
  readonly tables: ReadonlyMap<string, string>
  readonly tls: TlsMaterial | undefined
}

/** What came of reading: also which files took part, for whoever watches them. */
export type PolicyReading = { readonly files: readonly string[] } & (
  | { readonly loaded: LoadedPolicy }
  | { readonly problems: readonly Problem[] }
)

const largestPolicy = 8 * 2 ** 20
/** A million networks. */
const largestTable = 64 * 2 ** 20

/** Problems shown of one table; a file of another kind would fill the log. */
const tableProblemsShown = 10

/** Reads a policy file; paths in it are relative to its folder. Every problem is reported, those of table and TLS files too. */
export function loadPolicy(path: string): PolicyReading {
  let bytes: Buffer
  try {
    bytes = readPlainFile(path, largestPolicy)
  } catch (error) {
    return { files: [path], problems: [{ path: 'manifest', why: `cannot be read: ${messageOf(error)}` }] }
  }
  const read = readPolicyText(bytes.toString('utf8'))
  if ('problems' in read) return { files: [path], problems: read.problems }
  const { policy } = read
  const folder = dirname(path)
  const files = [path]
  const problems: Problem[] = []
  const tables = readTables(policy, folder, files, problems)
  const tls = readTls(policy, folder, files, problems)
  if (problems.length > 0) return { files, problems }
  return { files, loaded: { policy, hash: createHash('sha256').update(bytes).digest('hex'), tables, tls } }
}

function readTables({ spec }: PostscreenPolicy, folder: string, files: string[], problems: Problem[]): Map<string, string> {
  const tables = new Map<string, string>()
  for (const [i, { table }] of spec.access.entries()) {
    if (table?.file === undefined) continue
    const path = `spec.access[${i}].table.file`
    const file = resolve(folder, table.file)
    files.push(file)
    try {
      const text = readPlainFile(file, largestTable).toString('utf8')
      tables.set(table.file, text)
      const wrong = parseCidrTable(text)
      for (const { line, why } of wrong.problems.slice(0, tableProblemsShown))
        problems.push({ path, why: `${table.file} line ${line}: ${why}` })
      const more = wrong.problems.length + wrong.furtherProblems - tableProblemsShown
      if (more > 0) problems.push({ path, why: `${table.file}: ${more} more such lines` })
    } catch (error) {
      problems.push({ path, why: `cannot be read: ${messageOf(error)}` })
    }
  }
  return tables
}

function readTls({ spec }: PostscreenPolicy, folder: string, files: string[], problems: Problem[]): TlsMaterial | undefined {
  if (spec.tls.level === 'None') return undefined
  const certFile = resolve(folder, spec.tls.certFile)
  const keyFile = resolve(folder, spec.tls.keyFile)
  files.push(certFile, keyFile)
  const loaded = loadTls({ certFile, keyFile })
  if ('context' in loaded) return loaded
  problems.push(loaded)
  return undefined
}

/** Who is told of a new policy, and of one that is refused. */
export interface PolicyEvents {
  /** What this throws is reported as a problem of the policy: it cannot be put in force, and the last one stays. */
  onPolicy(loaded: LoadedPolicy): void
  onProblems(problems: readonly Problem[]): void
}

export interface PolicyWatch {
  /** Reads everything again now. */
  reload(): void
  close(): void
}

/** A change is taken when it has stood still for one more look, so within 0.5 s, and a file that is being written is not read half. */
const lookMs = 200

/** What tells one state of a file from another, through symbolic links: the kubelet swaps one to change a mounted ConfigMap. */
function signature(files: readonly string[]): string {
  return files.map(signatureOf).join(' ')
}

function signatureOf(file: string): string {
  try {
    const { dev, ino, size, mtimeNs, ctimeNs } = statSync(file, { bigint: true })
    return `${dev}:${ino}:${size}:${mtimeNs}:${ctimeNs}`
  } catch (error) {
    return codeOf(error) ?? 'unknown'
  }
}

/**
 * Reads the policy (the first event comes before this returns), then looks at its files five times a second. Looking is cheaper and surer than being told:
 * inotify may be missing, used up, or blind to a file system; a look is a few microseconds a file.
 */
export function watchPolicy(path: string, events: PolicyEvents): PolicyWatch {
  const watcher = new PolicyWatcher(path, events)
  watcher.reload()
  return watcher
}

class PolicyWatcher implements PolicyWatch {
  readonly #path: string
  readonly #events: PolicyEvents
  readonly #timer = setInterval(() => this.#look(), lookMs).unref()
  #files: readonly string[]
  #taken = ''
  #seen = ''
  #closed = false

  constructor(path: string, events: PolicyEvents) {
    this.#path = path
    this.#events = events
    this.#files = [path]
  }

  reload(): void {
    if (this.#closed) return
    const reading = this.#read()
    if ('loaded' in reading) this.#offer(reading.loaded)
    else this.#events.onProblems(reading.problems)
  }

  close(): void {
    this.#closed = true
    clearInterval(this.#timer)
  }

  /** The state of the files is noted before they are read: what is written meanwhile shows at the next look. */
  #read(): PolicyReading {
    this.#taken = signature(this.#files)
    this.#seen = this.#taken
    const reading = loadPolicy(this.#path)
    if (reading.files.join('\n') === this.#files.join('\n')) return reading
    this.#files = reading.files
    this.#taken = signature(this.#files)
    this.#seen = this.#taken
    return loadPolicy(this.#path)
  }

  #offer(loaded: LoadedPolicy): void {
    try {
      this.#events.onPolicy(loaded)
    } catch (error) {
      this.#events.onProblems([{ path: 'manifest', why: `cannot be put in force: ${messageOf(error)}` }])
    }
  }

  #look(): void {
    const now = signature(this.#files)
    if (now !== this.#taken && now === this.#seen) this.reload()
    this.#seen = now
  }
}
