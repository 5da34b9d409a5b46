// Watches a policy file and the files that it names, and reads them again when one of them changes, appears or
// disappears.
import { type FSWatcher, watch } from 'node:fs'
import { dirname } from 'node:path'
import { compileTable } from '../core/access-list.ts'
import { messageOf } from '../../runtime/caught.ts'
import { fileSignature } from '../../runtime/file-signature.ts'
import type { LoadedPolicy, PolicyReading, RefusedPolicy } from './loaded-policy.ts'
import { loadPolicy } from './policy-file.ts'
import { readTable, type TableFiles, type TableReader, type TableReading } from './table-file.ts'
import { isLarge, readTableInThread } from './table-thread.ts'

/** Receives each new policy, valid or refused. */
export interface PolicyEvents {
  /** An exception is reported as a problem of the policy: it cannot be activated, and the last one stays active. */
  onPolicy(loaded: LoadedPolicy): void
  onRefused(refused: RefusedPolicy): void
}

export interface PolicyWatch {
  /** Reads everything again now. */
  reload(): void
  close(): void
}

/** A change without a notification is seen within this time. */
const lookMs = 500
/**
 * Files are read when they have not changed for this long, so that a file that is being written is not read in part.
 */
const settleMs = 100
/** The delay between a notification and reading: one change causes many events. */
const gatherMs = 20

/** The placeholder for a table that is not read yet. */
const unread: TableReading = { table: compileTable([]), problems: [], furtherProblems: 0 }

/**
 * Reads the policy (the first event comes before this returns), then looks at its files twice a second, and when its
 * folder tells of a change: that is where the kubelet swaps its link. Being told is quick but not sure (inotify may be
 * used up, or blind to a file system), and looking often costs: a look is a microsecond a file, but waking an idle
 * process is some 200 µs. Measured with 20 files: 0.05 % of a core (0.22 % with ten looks a second), and a swap of the
 * kubelet's link is taken after 0.13 s.
 */
export function watchPolicy(path: string, events: PolicyEvents): PolicyWatch {
  const watcher = new PolicyWatcher(path, events)
  watcher.readFirst()
  return watcher
}

class PolicyWatcher implements PolicyWatch {
  readonly #path: string
  readonly #events: PolicyEvents
  readonly #timer = setInterval(() => this.#look(), lookMs).unref()
  #files: readonly string[]
  /** The signature of the files when they were read. */
  #taken = ''
  /** The signature of the files at the last check. */
  #seen = ''
  #seenAt = 0
  #soon: NodeJS.Timeout | undefined
  #folder: FSWatcher | undefined
  #closed = false
  /** Whether threads are reading tables for the next policy, and whether the files have changed since. */
  #preparing = false
  #changedMeanwhile = false

  constructor(path: string, events: PolicyEvents) {
    this.#path = path
    this.#events = events
    this.#files = [path]
  }

  /** Reads everything before this returns: no client is served yet. */
  readFirst(): void {
    this.#listen()
    this.#announce(this.#read())
  }

  reload(): void {
    if (this.#closed) return
    this.#changedMeanwhile = this.#preparing
    if (this.#preparing) return
    this.#listen()
    const large = new Map<string, TableFiles>()
    const reading = this.#read((file, found) => {
      if (!isLarge(file, found)) return readTable(file, found)
      large.set(file, found)
      return unread
    })
    if (large.size === 0) this.#announce(reading)
    else void this.#prepare(large)
  }

  /** Reads large tables in threads, then the policy with them, if the files have not changed meanwhile. */
  async #prepare(large: ReadonlyMap<string, TableFiles>): Promise<void> {
    this.#preparing = true
    const read = new Map(await Promise.all([...large].map(async ([file, found]) => [file, await readTableInThread(file, found)] as const)))
    this.#preparing = false
    if (this.#closed) return
    const reading = loadPolicy(this.#path, 'here', (file, found) => read.get(file) ?? readTable(file, found))
    if (this.#changedMeanwhile) this.reload()
    else if (fileSignature(reading.files) === this.#taken) this.#announce(reading)
    // The file may be incomplete.
    else this.#lookIn(gatherMs)
  }

  #announce(reading: PolicyReading): void {
    if ('loaded' in reading) this.#offer(reading.loaded)
    else this.#events.onRefused(reading)
  }

  close(): void {
    this.#closed = true
    clearInterval(this.#timer)
    clearTimeout(this.#soon)
    this.#folder?.close()
  }

  /** The signature is taken before the files are read: a change meanwhile shows at the next check. */
  #read(tableOf?: TableReader): PolicyReading {
    this.#note()
    const reading = loadPolicy(this.#path, 'here', tableOf)
    if (reading.files.join('\n') === this.#files.join('\n')) return reading
    this.#files = reading.files
    this.#note()
    const again = loadPolicy(this.#path, 'here', tableOf)
    // Only while the files change: then the next look sees that.
    this.#files = again.files
    return again
  }

  #note(): void {
    this.#taken = fileSignature(this.#files)
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

  /** Called again for each policy: the folder may have been replaced. */
  #listen(): void {
    this.#folder?.close()
    this.#folder = undefined
    try {
      this.#folder = watch(dirname(this.#path), { persistent: false }, () => this.#lookIn(gatherMs)).on('error', () =>
        this.#folder?.close(),
      )
    } catch {
      // Then only the regular checks remain.
    }
  }

  #lookIn(ms: number): void {
    this.#soon ??= setTimeout(() => {
      this.#soon = undefined
      this.#look()
    }, ms).unref()
  }

  #look(): void {
    if (this.#closed) return
    const now = fileSignature(this.#files)
    if (now !== this.#seen) {
      this.#seen = now
      this.#seenAt = performance.now()
    }
    if (now === this.#taken) return
    if (performance.now() - this.#seenAt >= settleMs) this.reload()
    else this.#lookIn(settleMs + 1)
  }
}
