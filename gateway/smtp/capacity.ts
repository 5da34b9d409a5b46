// The limit of client connections, in any state: each takes a descriptor, and a second one when it is relayed. Without
// a free descriptor, the next client would be closed without a reply, backends could not be called, and health checks
// would not be answered.
import type { Log } from '../observability/log.ts'

/** The limit, and where it comes from. */
export interface ConnectionLimit {
  readonly connections: number
  readonly by: 'open files' | 'policy'
  readonly openFiles: number | undefined
}

/** The state of the limit, for status page and metrics. */
export interface ConnectionStatus {
  readonly open: number
  readonly limit: ConnectionLimit
  readonly refused: number
  readonly isFull: boolean
}

/**
 * Descriptors reserved for the process itself: log and data, admin server, DNS, Valkey, listening sockets and probes of
 * backends.
 */
const reserve = (openFiles: number): number => 64 + Math.min(192, Math.floor(openFiles / 16))
/** A relayed client has a connection to its backend as well. */
const descriptorsEach = 2

/**
 * The limit of one process. Every client that is accepted can also be relayed.
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

/** How to raise the limit. */
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

/** The gateway counts as full until this share of the limit is free again. */
const freeShare = 0.1

/** Accepts clients while the limit allows it. */
export class Capacity {
  readonly #parts: CapacityParts
  #refused = 0
  #refusedBefore = 0
  #isFull = false

  constructor(parts: CapacityParts) {
    this.#parts = parts
  }

  /** Whether clients were refused, and connections have not become much fewer since. */
  get isFull(): boolean {
    if (this.#isFull && this.#parts.open() <= this.#parts.limit().connections * (1 - freeShare)) this.#endEpisode()
    return this.#isFull
  }

  get status(): ConnectionStatus {
    return { open: this.#parts.open(), limit: this.#parts.limit(), refused: this.#refused, isFull: this.isFull }
  }

  /** Whether one more client is accepted. */
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
