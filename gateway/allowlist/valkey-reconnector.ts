// Keeps a connection to the Valkey: detects that it is lost or stalled, and replaces it in the background. Lookups do
// not wait for that.
import { setTimeout as sleep } from 'node:timers/promises'
import { BackOff } from '../../runtime/back-off.ts'
import { fileSignature } from '../../runtime/file-signature.ts'
import { withinBudget } from '../../runtime/time-budget.ts'
import type { Warn } from './allowlist-store.ts'
import { Outage } from './outage.ts'
import { ValkeyError, valkeyError, type ValkeyReason } from './valkey-errors.ts'
import { openValkeyConnection, type ValkeyConnection } from './valkey-connection.ts'
import type { ValkeySettings } from './valkey-settings.ts'

export interface ReconnectorOptions {
  /** What the log calls the store. */
  readonly name: string
  /** Called before every connection, so that secrets are read again. Throws a ValkeyError. */
  readonly settings: () => ValkeySettings
  /** Files whose change means other settings. */
  readonly files: readonly string[]
  /** The longest wait for an answer. */
  readonly timeoutMs: number
  readonly info: (text: string) => void
  readonly warn: Warn
  readonly failed: (reason: ValkeyReason) => void
  /** For tests. */
  readonly open?: (settings: ValkeySettings, attempt: number) => Promise<ValkeyConnection>
}

/**
 * The connection is closed after this many requests without an answer, each sent after the one before had failed: a
 * short stall is not an outage.
 */
const failuresAtMost = 3
const heartbeatMs = 1000
const pauses = { firstMs: 100, longestMs: 2000, jitter: { least: 0.75, most: 1.25 } }
/** A connection that lasted for less than this counts as one more failed attempt, so that reconnects slow down. */
const steadyMs = 10_000
const renewEveryMs = 2000
/** Not the key of any client. */
const heartbeatKey = '_PROBE_'

export class ValkeyReconnector {
  readonly #options: ReconnectorOptions
  readonly #away = new Outage()
  readonly #heartbeat: NodeJS.Timeout
  readonly #closing = new AbortController()
  #connection: ValkeyConnection | undefined
  #opened = 0
  #failures = 0
  #lastFailure = 0
  #answers = 0
  #answersAtBeat = 0
  #attempt = 0
  readonly #backOff = new BackOff(pauses)
  #signature: string
  #renewed = 0
  #waiting: (() => void)[] = []

  constructor(options: ReconnectorOptions) {
    this.#options = options
    this.#signature = fileSignature(options.files)
    this.#heartbeat = setInterval(() => this.#beat(), heartbeatMs).unref()
    void this.#reopen()
  }

  /** The connection; undefined while there is none that answers. */
  get connection(): ValkeyConnection | undefined {
    return this.#connection
  }

  /** Resolves when there is a connection, or after `close`. */
  available(): Promise<void> {
    if (this.#connection !== undefined || this.#closing.signal.aborted) return Promise.resolve()
    return new Promise((resolve) => this.#waiting.push(resolve))
  }

  /** Waits for the answer within the time budget; rejects with a ValkeyError. Counts the outcome. */
  async ask<T>(connection: ValkeyConnection, question: Promise<T>): Promise<T> {
    const asked = performance.now()
    try {
      const answer = await answered(question, this.#options.timeoutMs)
      this.#failures = 0
      this.#answers++
      return answer
    } catch (error) {
      const why = valkeyError(error)
      this.unanswered(connection, why, asked)
      throw why
    }
  }

  /** Counts a failure of this connection, and closes it after too many. `asked` is performance.now() of the request. */
  unanswered(connection: ValkeyConnection, why: ValkeyError, asked: number): void {
    this.#options.failed(why.reason)
    if (connection !== this.#connection || asked < this.#lastFailure) return
    this.#lastFailure = performance.now()
    if (++this.#failures >= failuresAtMost) this.#giveUp(why)
  }

  /**
   * Opens another connection while this one is used, and switches to it if it works: for another primary, or another
   * password.
   */
  renew(): void {
    const now = performance.now()
    if (this.#connection === undefined || (this.#renewed > 0 && now - this.#renewed < renewEveryMs)) return
    this.#renewed = now
    void this.#replace()
  }

  close(): void {
    this.#closing.abort()
    clearInterval(this.#heartbeat)
    this.#connection?.close()
    this.#connection = undefined
    this.#release()
  }

  async #replace(): Promise<void> {
    try {
      this.#use(await this.#open())
    } catch (error) {
      this.#options.failed(valkeyError(error).reason)
    }
  }

  #giveUp(why: ValkeyError): void {
    this.#connection?.close()
    this.#connection = undefined
    if (this.#closing.signal.aborted) return
    if (performance.now() - this.#opened > steadyMs) this.#backOff.reset()
    this.#begin(why)
    void this.#reopen()
  }

  #begin(why: ValkeyError): void {
    const { name, warn } = this.#options
    this.#away.begin(() =>
      warn(
        `${name}: the shared allowlist is away (${why.reason}: ${why.message}); clients that it knows are tested like new ones meanwhile`,
      ),
    )
  }

  /** Tries until there is a connection that answers in time. */
  async #reopen(): Promise<void> {
    while (!this.#closing.signal.aborted) {
      try {
        this.#use(await this.#open())
        return
      } catch (error) {
        const why = valkeyError(error)
        this.#options.failed(why.reason)
        this.#begin(why)
      }
      await sleep(this.#backOff.next(), undefined, { ref: false, signal: this.#closing.signal }).catch(() => undefined)
    }
  }

  async #open(): Promise<ValkeyConnection> {
    const { open = openValkeyConnection, settings, timeoutMs } = this.#options
    const connection = await open(settings(), this.#attempt++)
    try {
      await answersInTime(connection, timeoutMs)
      return connection
    } catch (error) {
      connection.close()
      throw error
    }
  }

  #use(connection: ValkeyConnection): void {
    if (this.#closing.signal.aborted) return connection.close()
    this.#connection?.close()
    this.#connection = connection
    this.#failures = 0
    this.#opened = performance.now()
    connection.onLost((why) => {
      if (connection !== this.#connection) return
      this.#options.failed(why.reason)
      this.#giveUp(why)
    })
    const { name, info } = this.#options
    this.#away.end((seconds) => info(`${name}: the shared allowlist is back after ${seconds.toFixed(1)} s`))
    this.#release()
  }

  #release(): void {
    for (const resolve of this.#waiting.splice(0)) resolve()
  }

  /** Checks a connection that was not used for a while, and whether secrets have changed. */
  #beat(): void {
    const now = fileSignature(this.#options.files)
    if (now !== this.#signature) {
      this.#signature = now
      this.renew()
    }
    const connection = this.#connection
    if (connection !== undefined && this.#answers === this.#answersAtBeat) void this.#ping(connection)
    this.#answersAtBeat = this.#answers
  }

  /** Tries until it answers or is closed. */
  async #ping(connection: ValkeyConnection): Promise<void> {
    while (connection === this.#connection) {
      try {
        await this.ask(connection, connection.get(heartbeatKey))
        return
      } catch {
        // Counted already.
      }
    }
  }
}

/** The first answer on a new connection may be late; the second or third must not be. */
async function answersInTime(connection: ValkeyConnection, timeoutMs: number): Promise<void> {
  let last: unknown
  for (let i = 0; i < failuresAtMost; i++) {
    try {
      await answered(connection.get(heartbeatKey), timeoutMs)
      return
    } catch (error) {
      last = error
    }
  }
  throw last
}

function answered<T>(question: Promise<T>, ms: number): Promise<T> {
  return withinBudget(question, ms, () => new ValkeyError('timeout', `no answer within ${ms} ms`))
}
