// Keeps a connection to the Valkey: finds out that it is gone or stalled, replaces it in the background, and meanwhile lets nobody wait for it.
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
  /** Asked before every connection, so that secrets are read anew. Throws a ValkeyError. */
  readonly settings: () => ValkeySettings
  /** Files whose change means other settings. */
  readonly files: readonly string[]
  /** The longest that anybody waits for an answer. */
  readonly timeoutMs: number
  readonly info: (text: string) => void
  readonly warn: Warn
  readonly failed: (reason: ValkeyReason) => void
  /** For tests. */
  readonly open?: (settings: ValkeySettings, attempt: number) => Promise<ValkeyConnection>
}

/** So many questions without an answer, each asked after the one before had failed, and the connection is given up: one short stall is no episode. */
const failuresAtMost = 3
const heartbeatMs = 1000
const pauses = { firstMs: 100, longestMs: 2000, jitter: { least: 0.75, most: 1.25 } }
/** A connection that held less long than this counts as one more failed attempt: no flapping. */
const steadyMs = 10_000
const renewEveryMs = 2000
/** No client has such a key. */
const probeKey = '_PROBE_'

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

  /** The connection, while it answers. */
  get connection(): ValkeyConnection | undefined {
    return this.#connection
  }

  /** Resolves when there is a connection, or none is wanted any more. */
  available(): Promise<void> {
    if (this.#connection !== undefined || this.#closing.signal.aborted) return Promise.resolve()
    return new Promise((resolve) => this.#waiting.push(resolve))
  }

  /** A question within the time budget; rejects with a ValkeyError. Counts what becomes of it. */
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

  /** Counts a failure of this connection, and gives it up when it was one too many. `asked` is performance.now() of the question. */
  unanswered(connection: ValkeyConnection, why: ValkeyError, asked: number): void {
    this.#options.failed(why.reason)
    if (connection !== this.#connection || asked < this.#lastFailure) return
    this.#lastFailure = performance.now()
    if (++this.#failures >= failuresAtMost) this.#giveUp(why)
  }

  /** Opens another connection while this one serves, and takes it if it is good: another primary, or another password. */
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

  /** Until there is a connection that answers in time. */
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

  /** Sees to a connection that nobody has asked for a while, and to secrets. */
  #beat(): void {
    const now = fileSignature(this.#options.files)
    if (now !== this.#signature) {
      this.#signature = now
      this.renew()
    }
    const connection = this.#connection
    if (connection !== undefined && this.#answers === this.#answersAtBeat) void this.#probe(connection)
    this.#answersAtBeat = this.#answers
  }

  /** Until it answers, or is given up. */
  async #probe(connection: ValkeyConnection): Promise<void> {
    while (connection === this.#connection) {
      try {
        await this.ask(connection, connection.get(probeKey))
        return
      } catch {
        // Counted already.
      }
    }
  }
}

/** The first answer over a new connection may be late for reasons of its own; the second or third must not. */
async function answersInTime(connection: ValkeyConnection, timeoutMs: number): Promise<void> {
  let last: unknown
  for (let i = 0; i < failuresAtMost; i++) {
    try {
      await answered(connection.get(probeKey), timeoutMs)
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
