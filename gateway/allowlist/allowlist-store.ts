// The interface of all stores of the temporary allowlist. It is only a cache: a store that fails never makes the
// gateway refuse a client.

import { systemClock } from '../../runtime/clock.ts'
import { messageOf } from '../../runtime/caught.ts'

/** The key under which a cleanup stores the epoch second of its completion, as in Postfix (dict_cache.c). */
export const cleanupKey = '_LAST_CACHE_CLEANUP_COMPLETED_'

/** One record: the client's address or network in canonical form, and its five time stamps as text. */
export type AllowlistEntry = readonly [key: string, record: string]

/**
 * Records by client address. Only `entries` throws or rejects: a lookup that fails finds nothing, so that the client is
 * tested like a new one, and a write that fails logs a warning.
 */
export interface AllowlistStore {
  readonly kind: 'memory' | 'lmdb' | 'valkey'
  /** Its name in the log, in Postfix's form `type:path`. */
  readonly name: string
  /**
   * The record, or undefined when there is none. Memory and LMDB return it directly, a store on the network returns a
   * promise.
   */
  get(key: string): string | undefined | Promise<string | undefined>
  /** Visible to `get` at once; written to disk a little later, many records together. */
  put(key: string, record: string): void
  remove(key: string): void
  /**
   * Everything, the cleanup's key included, in no particular order. It is read in pieces, so later writes may or may
   * not be included. The only call that throws: a reader that takes a failure for the end would lose records.
   */
  entries(): Iterable<AllowlistEntry> | AsyncIterable<AllowlistEntry>
  /** The number of clients, without those that are not written yet; of a shared store, an estimate. */
  size(): number
  /** Resolves when everything put so far is written, or writing has failed. */
  flush(): Promise<void>
  /** Flushes and closes; takes at most some seconds. Afterwards `get` finds nothing and `put` does nothing. */
  close(): Promise<void>
}

/** A store on this machine. cleanup-run.ts removes expired records; a server does that by itself. */
export interface LocalAllowlist extends AllowlistStore {
  readonly kind: 'memory' | 'lmdb'
  entries(): Iterable<AllowlistEntry>
  /** Why the store cannot be written; undefined while it can. */
  problem?(): LocalStoreProblem | undefined
}

/** The numbers of a shared store, and the problem. */
export interface LocalStoreProblem {
  readonly up: false
  readonly pendingWrites: number
  readonly droppedWrites: number
  readonly nearCacheHits: 0
  readonly problem: string
}

/** Logs a warning; the text is without `warning:`. */
export type Warn = (text: string) => void

/** The warnings about a failed operation, in Postfix's words (dict_cache.c). */
const warnings = {
  lookup: (name: string, key: string) => `${name}: cache lookup for '${key}' failed due to error`,
  update: (name: string, key: string) => `${name}: could not update entry for ${key}`,
  delete: (name: string, key: string) => `${name}: could not delete entry for ${key}`,
  sequence: (name: string) => `${name}: sequence error`,
} as const

export type StoreOperation = keyof typeof warnings

/** Warns of a failed operation; the cause follows Postfix's words. */
export type WarnOfFailure = (operation: StoreOperation, key: string, cause: unknown) => void

const quietMs = 1000

/**
 * Warnings of one store, for each operation at most once a second as in Postfix.
 * @param clock monotonic time in milliseconds
 */
export function failureWarnings(name: string, warn: Warn, clock: () => number = systemClock.now): WarnOfFailure {
  const last = new Map<StoreOperation, number>()
  return (operation, key, cause) => {
    const now = clock()
    const before = last.get(operation)
    if (before !== undefined && now - before < quietMs) return
    last.set(operation, now)
    warn(`${warnings[operation](name, key)}: ${messageOf(cause)}`)
  }
}
