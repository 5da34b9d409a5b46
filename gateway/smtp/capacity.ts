// How many client connections there may be at a time, in whatever state: each costs a descriptor, and one more when it is relayed.
// Out of descriptors, the kernel's next client would be closed without a word, a backend could not be called, and probes would go unanswered.
import type { Log } from '../observability/log.ts'

/** What holds connections down. */
export interface ConnectionLimit {
  readonly connections: number
  readonly by: 'open files' | 'policy'
  readonly openFiles: number | undefined
}

/** How things are. */
export interface ConnectionStatus {
  readonly open: number
  readonly limit: ConnectionLimit
  readonly refused: number
  readonly isFull: boolean
}

/** Kept for the process itself, its log and data, admin server, DNS, Valkey, listening sockets and probes of backends. */
const reserve = (openFiles: number): number => 64 + Math.min(192, Math.floor(openFiles / 16))
/** A relayed client has a connection to its backend too. */
const descriptorsEach = 2

/**
 * The limit of one process. Every client that is let in can also be relayed.
 * @param openFiles the process's limit of open files; undefined: unknown, so that only the policy limits
 * @param asked limits.connections of the policy; 0: none
 */
export function connectionLimit(openFiles: number | undefined, asked: number): ConnectionLimit {
  const possible =
    openFiles === undefined ? Number.POSITIVE_INFINITY : Math.max(1, Math.floor((openFiles - reserve(openFiles)) / descriptorsEach))
  return {
    connections: asked > 0 ? Math.min(asked, possible) : possible,
    by: asked > 0 && asked <= possible ? 'policy' : 'open files',
    openFiles,
  }
}

/** What a person can do about it. */
export function adviceOn({ by, openFiles }: ConnectionLimit): string {
  return by === 'policy'
    ? 'raise limits.connections, or run more gateways'
    : `raise the limit of open files, which is ${openFiles} (ulimit -n, LimitNOFILE of systemd, or that of the container runtime), or run more gateways`
}

export interface CapacityParts {
  readonly limit: () => ConnectionLimit
  /** Client connections that are open now. */
  readonly open: () => number
  readonly log: Pick<Log, 'info' | 'warning'>
}

/** An episode is over when so much of the limit is free again. */
const freeShare = 0.1

/** Lets clients in while there is room. */
export class Capacity {
  readonly #parts: CapacityParts
  #refused = 0
  #refusedBefore = 0
  #isFull = false

  constructor(parts: CapacityParts) {
    this.#parts = parts
  }

  /** Whether clients were refused, and it has not become much better since. */
  get isFull(): boolean {
    if (this.#isFull && this.#parts.open() <= this.#parts.limit().connections * (1 - freeShare)) this.#endEpisode()
    return this.#isFull
  }

  get status(): ConnectionStatus {
    return { open: this.#parts.open(), limit: this.#parts.limit(), refused: this.#refused, isFull: this.isFull }
  }

  /** Whether one more client may come in. */
  admits(): boolean {
    const limit = this.#parts.limit()
    if (this.#parts.open() < limit.connections) {
      if (this.#isFull) void this.isFull
      return true
    }
    this.#refused++
    if (!this.#isFull) {
      this.#isFull = true
      this.#refusedBefore = this.#refused - 1
      this.#parts.log.warning(
        `all ${limit.connections} client connections are in use, so that further clients get 421: ${adviceOn(limit)}`,
        {
          event: 'CONNECTIONS FULL',
          connections: limit.connections,
        },
      )
    }
    return false
  }

  #endEpisode(): void {
    this.#isFull = false
    const refused = this.#refused - this.#refusedBefore
    this.#parts.log.info(`clients are let in again; ${refused} were refused while all connections were in use`, {
      event: 'CONNECTIONS FREE',
      refused,
    })
  }
}
