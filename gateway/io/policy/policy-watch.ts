// Follows a policy file and the files that it names: read again when one of them changes, appears or goes.
import { statSync } from 'node:fs'
import { codeOf, messageOf } from '../caught.ts'
import { type LoadedPolicy, loadPolicy, type PolicyReading, type RefusedPolicy } from './policy-file.ts'

/** Who is told of a new policy, and of one that is refused. */
export interface PolicyEvents {
  /** What this throws is reported as a problem of the policy: it cannot be put in force, and the last one stays. */
  onPolicy(loaded: LoadedPolicy): void
  onRefused(refused: RefusedPolicy): void
}

export interface PolicyWatch {
  /** Reads everything again now. */
  reload(): void
  close(): void
}

/** A change is taken when it has stood still for one more look, and a file that is being written is not read half. */
const lookMs = 100
/**
 * Every so many looks are at all files, the others at the policy alone: a change of that is taken within 0.2 s, one of another file within 0.6 s.
 * The kubelet writes all files of a mount anew when one has changed, so that there the policy stands for all.
 * Measured with 20 files: 0.01 % of a core.
 */
const looksAtAll = 5

/** What tells one state of some files from another, through symbolic links: the kubelet swaps one to change what is mounted. */
function signature(files: readonly string[]): string {
  return files.map(signatureOf).join(' ')
}

function signatureOf(file: string): string {
  try {
    const found = statSync(file, { bigint: true, throwIfNoEntry: false })
    return found === undefined ? '-' : `${found.dev}:${found.ino}:${found.size}:${found.mtimeNs}:${found.ctimeNs}`
  } catch (error) {
    return codeOf(error) ?? 'unknown'
  }
}

/**
 * Reads the policy (the first event comes before this returns), then looks at its files ten times a second. Looking is cheaper and surer than being told:
 * inotify may be missing, used up, or blind to a file system; a look is a microsecond a file.
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
  /** The state in which the files were read. */
  #taken = ''
  /** The state at the last look at all of them. */
  #seen = ''
  /** The policy file's own state at the last look. */
  #own = ''
  #looks = 0
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
    else this.#events.onRefused(reading)
  }

  close(): void {
    this.#closed = true
    clearInterval(this.#timer)
  }

  /** The state of the files is noted before they are read: what is written meanwhile shows at the next look. */
  #read(): PolicyReading {
    this.#note()
    const reading = loadPolicy(this.#path)
    if (reading.files.join('\n') === this.#files.join('\n')) return reading
    this.#files = reading.files
    this.#note()
    const again = loadPolicy(this.#path)
    // Only while the files change: then the next look sees that.
    this.#files = again.files
    return again
  }

  #note(): void {
    this.#taken = signature(this.#files)
    this.#seen = this.#taken
  }

  #offer(loaded: LoadedPolicy): void {
    try {
      this.#events.onPolicy(loaded)
    } catch (error) {
      const problems = [{ path: 'manifest', why: `cannot be put in force: ${messageOf(error)}` }]
      this.#events.onRefused({ problems, hash: loaded.hash, generation: loaded.policy.metadata.generation })
    }
  }

  #look(): void {
    const own = signatureOf(this.#path)
    const isSettling = this.#seen !== this.#taken
    if (own === this.#own && !isSettling && ++this.#looks % looksAtAll !== 0) return
    this.#own = own
    const now = signature(this.#files)
    if (now !== this.#taken && now === this.#seen) this.reload()
    this.#seen = now
  }
}
