// The temporary allowlist as it fills during a simulation, and which of its stamps are doubtful.
import { decodeRecord } from '../../gateway/core/allowlist-record.ts'
import { mergeRecords } from '../../gateway/core/allowlist-merge.ts'
import type { TestSet } from '../../gateway/core/tests.ts'
import type { Memory } from './facts.ts'

/** Clients that are kept; beyond it, those that came first are forgotten. */
const mostClients = 1_000_000

/** What is known of a client: its record, and which stamps of it are doubtful or hold for an unknown time. */
type Entry = { -readonly [K in keyof Memory]: Memory[K] }

export class RememberedClients {
  readonly #entries = new Map<string, Entry>()
  readonly #merges: boolean
  /** How many clients were forgotten for want of room. */
  forgotten = 0

  /** @param merges as a store does that several processes write to; another one keeps the last record */
  constructor(merges: boolean) {
    this.#merges = merges
  }

  /** What the allowlist holds for a client; at its first session, that is what the log says. */
  recall(key: string, memory: Memory): Memory {
    const known = this.#entries.get(key)
    if (known !== undefined) return known
    this.#keep(key, { ...memory })
    return memory
  }

  /** Keeps what a session has written. */
  remember(key: string, record: string): void {
    const entry = this.#entries.get(key)
    if (entry === undefined) this.#keep(key, { record, doubtful: 0, loose: 0 })
    else entry.record = this.#merges ? mergeRecords(entry.record, record) : record
  }

  /** After a session: which stamps are doubtful now, which ones hold for an unknown time, and which are good. */
  mark(key: string, { doubtful, loose, good }: Readonly<Record<'doubtful' | 'loose' | 'good', TestSet>>): void {
    const entry = this.#entries.get(key)
    if (entry === undefined) return
    entry.doubtful = (entry.doubtful & ~good) | doubtful
    entry.loose = (entry.loose & ~good) | loose
  }

  #keep(key: string, entry: Entry): void {
    this.#entries.set(key, entry)
    if (this.#entries.size <= mostClients) return
    for (const oldest of this.#entries.keys()) {
      this.#entries.delete(oldest)
      this.forgotten++
      break
    }
  }
}

/** The record with this stamp (epoch seconds) for these tests. */
export function withStamps(record: string | undefined, tests: TestSet, stamp: number): string | undefined {
  if (record === undefined || tests === 0) return record
  return decodeRecord(record)
    .map((old, i) => ((tests & (1 << i)) === 0 ? old : stamp))
    .join(';')
}

/** As the core writes a stamp that is no longer good. */
export const expired = 1
