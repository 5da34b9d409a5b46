// What every store of the temporary allowlist is to the gateway. It is only a cache: a store that fails never refuses anybody.

import { systemClock } from '../../runtime/clock.ts'
import { messageOf } from '../../runtime/caught.ts'

/** The key under which a cleanup leaves the epoch second of its completion, as Postfix does (dict_cache.c). */
export const cleanupKey = '_LAST_CACHE_CLEANUP_COMPLETED_'

/** One record: the client's address or network in canonical text, and its five stamps as text. */
export type AllowlistEntry = readonly [key: string, record: string]

/**
 * Records by client address. No call but `entries` throws or rejects: a lookup that fails finds nothing, so that the client is tested like a new one,
 * and a write that fails leaves a warning.
 */
export interface AllowlistStore {
  readonly kind: 'memory' | 'lmdb' | 'valkey'
  /** What warnings and the cleanup's line call it, in Postfix's form `type:path`. */
  readonly name: string
  /** The record, or undefined when there is none. Memory and LMDB answer at once, a store across the network with a promise. */
  get(key: string): string | undefined | Promise<string | undefined>
  /** Seen by `get` at once; reaches the disk a little later, many in one go. */
  put(key: string, record: string): void
  remove(key: string): void
  /**
   * Everything, the cleanup's key included, in no particular order; read little by little, so writes meanwhile may or may not be seen.
   * The one call that throws: a reader who took a failure for the end would lose half of the records.
   */
  entries(): Iterable<AllowlistEntry> | AsyncIterable<AllowlistEntry>
  /** How many clients are remembered, without those whose write still waits; of a shared store, about how many. */
  size(): number
  /** Resolves when what was put so far is kept, or keeping it has failed. */
  flush(): Promise<void>
  /** Flushes, then lets go; takes at most some seconds. Afterwards nothing is found and nothing is kept. */
  close(): Promise<void>
}

/** A store of this machine: it cleans up after itself by allowlist-cleanup.ts, which a server that drops what has expired does not need. */
export interface LocalAllowlist extends AllowlistStore {
  readonly kind: 'memory' | 'lmdb'
  entries(): Iterable<AllowlistEntry>
  /** What keeps the store from being written, for as long as it does. */
  trouble?(): LocalStoreProblem | undefined
}

/** The numbers that a shared store has as well, and what is wrong. */
export interface LocalStoreProblem {
  readonly up: false
  readonly pendingWrites: number
  readonly droppedWrites: number
  readonly nearCacheHits: 0
  readonly problem: string
}

/** Takes a warning's text, without the word `warning:` in front. */
export type Warn = (text: string) => void

/** What can go wrong with a store, in Postfix's words (dict_cache.c). */
const troubles = {
  lookup: (name: string, key: string) => `${name}: cache lookup for '${key}' failed due to error`,
  update: (name: string, key: string) => `${name}: could not update entry for ${key}`,
  delete: (name: string, key: string) => `${name}: could not delete entry for ${key}`,
  sequence: (name: string) => `${name}: sequence error`,
} as const

export type Trouble = keyof typeof troubles

/** Says what went wrong; the cause goes behind Postfix's words. */
export type Complain = (trouble: Trouble, key: string, cause: unknown) => void

const quietMs = 1000

/**
 * Warnings of one store, each kind at most once a second as in Postfix.
 * `clock` tells milliseconds that never go back.
 */
export function complaints(name: string, warn: Warn, clock: () => number = systemClock.now): Complain {
  const last = new Map<Trouble, number>()
  return (trouble, key, cause) => {
    const now = clock()
    const before = last.get(trouble)
    if (before !== undefined && now - before < quietMs) return
    last.set(trouble, now)
    warn(`${troubles[trouble](name, key)}: ${messageOf(cause)}`)
  }
}
