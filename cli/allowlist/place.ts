// The places of a temporary allowlist: the data directory of a gateway, a Valkey server, or the text of `postmap -s`.
// Unlike the stores of the gateway, a place reports every failure.
import { createReadStream } from 'node:fs'
import { stat } from 'node:fs/promises'
import { mergeRecords } from '../../gateway/core/allowlist-merge.ts'
import { openLmdbAllowlist } from '../../gateway/allowlist/allowlist-lmdb.ts'
import { memoryAllowlist } from '../../gateway/allowlist/allowlist-memory.ts'
import { type AllowlistEntry, cleanupKey, type LocalAllowlist } from '../../gateway/allowlist/allowlist-store.ts'
import { type BadLine, importAllowlist } from '../../gateway/allowlist/allowlist-text.ts'
import { openValkeyConnection, type ValkeyConnection } from '../../gateway/allowlist/valkey-connection.ts'
import type { ValkeySettings } from '../../gateway/allowlist/valkey-settings.ts'

/** Every call may reject with the reason. */
export interface Place {
  readonly writable: boolean
  get(key: string): Promise<string | undefined>
  /** A failure is reported by `flush` at the latest. */
  put(key: string, record: string): void
  /** Whether the key existed. */
  remove(key: string): Promise<boolean>
  entries(): Iterable<AllowlistEntry> | AsyncIterable<AllowlistEntry>
  flush(): Promise<void>
  close(): Promise<void>
}

/** @param mayMake whether a missing directory is created */
export async function openDirectory(directory: string, mayMake: boolean, warn: (text: string) => void): Promise<Place> {
  if (!mayMake) await stat(directory)
  return new LocalPlace(await openLmdbAllowlist({ directory, warn }), true)
}

/** `-` is standard input. */
export async function openText(file: string, onBadLine: (bad: BadLine) => void): Promise<Place> {
  const store = memoryAllowlist(Number.MAX_SAFE_INTEGER)
  await importAllowlist({ store, pieces: textOf(file), onBadLine })
  return new LocalPlace(store, false)
}

/** @param retention seconds that the server keeps an entry after its last test has expired */
export async function openValkey(settings: ValkeySettings, retention: number): Promise<Place> {
  return new ValkeyPlace(await openValkeyConnection(settings), retention)
}

/** The text of a file, in pieces. */
export function textOf(file: string | undefined): AsyncIterable<string> {
  return file === undefined || file === '-' ? process.stdin.setEncoding('utf8') : createReadStream(file, 'utf8')
}

class LocalPlace implements Place {
  readonly writable: boolean
  readonly #store: LocalAllowlist

  constructor(store: LocalAllowlist, writable: boolean) {
    this.#store = store
    this.writable = writable
  }

  async get(key: string): Promise<string | undefined> {
    return this.#store.get(key)
  }

  /** The result for a network may come from several of its addresses. */
  put(key: string, record: string): void {
    const before = key.includes('/') ? this.#store.get(key) : undefined
    this.#store.put(key, typeof before === 'string' ? mergeRecords(before, record) : record)
  }

  async remove(key: string): Promise<boolean> {
    const there = (await this.get(key)) !== undefined
    this.#store.remove(key)
    return there
  }

  entries(): Iterable<AllowlistEntry> {
    return this.#store.entries()
  }

  flush(): Promise<void> {
    return this.#store.flush()
  }

  close(): Promise<void> {
    return this.#store.close()
  }
}

class ValkeyPlace implements Place {
  readonly writable = true
  readonly #link: ValkeyConnection
  readonly #retention: number
  #merging: Promise<string>[] = []

  constructor(link: ValkeyConnection, retention: number) {
    this.#link = link
    this.#retention = retention
  }

  get(key: string): Promise<string | undefined> {
    return this.#link.get(key)
  }

  /** The server cleans up by itself, so the key for cleanups is not used there. */
  put(key: string, record: string): void {
    if (key === cleanupKey) return
    const merging = this.#link.merge(key, record, this.#retention)
    merging.catch(() => undefined)
    this.#merging.push(merging)
  }

  remove(key: string): Promise<boolean> {
    return this.#link.remove(key)
  }

  entries(): AsyncIterable<AllowlistEntry> {
    return this.#link.entries()
  }

  async flush(): Promise<void> {
    await Promise.all(this.#merging.splice(0))
  }

  async close(): Promise<void> {
    this.#link.close()
  }
}
