// When to ask which backend address for its EHLO keywords: when it begins to work, and every five minutes. One process
// of a gateway asks and tells the others.
import { randomInt } from 'node:crypto'
import { connectNodeSocket } from '../sockets/node-connect.ts'
import type { BackendOptions } from './backend-options.ts'
import type { ClientFamily } from './client-family.ts'
import { KeywordProbe, type KeywordsHeard } from './keyword-probe.ts'
import type { TargetRecord } from './target-record.ts'

const usualIntervalMs = 300_000
/** After a refusal, or a conversation that broke off. */
const retryMs = 60_000
/** An interval is up to so much longer or shorter: gateways that start together must not always ask together. */
const jitterPercent = 20
/** Conversations at once: a Service may stand for many addresses. */
const atOnce = 4
const longestGreetingMs = 30_000

interface Asked {
  /** When it was last asked, and when it is due again while it works. */
  readonly at: number
  readonly nextAt: number
}

export class KeywordSchedule {
  readonly #options: BackendOptions
  readonly #now: () => number
  readonly #heard: (record: TargetRecord, family: ClientFamily, heard: KeywordsHeard) => void
  readonly #running = new Map<string, KeywordProbe>()
  /** By record and family; entries go with their records. */
  readonly #asked = new WeakMap<TargetRecord, Map<ClientFamily, Asked>>()

  constructor(
    options: BackendOptions,
    now: () => number,
    heard: (record: TargetRecord, family: ClientFamily, heard: KeywordsHeard) => void,
  ) {
    this.#options = options
    this.#now = now
    this.#heard = heard
  }

  /** Asks the addresses that are due. @param families of the clients that come */
  askDue(records: Iterable<TargetRecord>, families: Iterable<ClientFamily>): void {
    const { shared, isOwn } = this.#options
    if (shared?.isProber() === false) return
    for (const family of families) {
      for (const record of records) {
        if (this.#running.size >= atOnce) return
        if (this.#isDue(record, family) && isOwn?.(record) !== true) this.#ask(record, family)
      }
    }
  }

  /** Another process has asked this address. */
  askedElsewhere(record: TargetRecord, family: ClientFamily): void {
    this.#note(record, family, this.#intervalMs())
  }

  close(): void {
    for (const probe of this.#running.values()) probe.giveUp()
    this.#running.clear()
  }

  #isDue(record: TargetRecord, family: ClientFamily): boolean {
    if (record.state !== 'working' || this.#running.has(keyOf(record, family))) return false
    const asked = this.#asked.get(record)?.get(family)
    return asked === undefined || asked.at < record.workingSince || this.#now() >= asked.nextAt
  }

  #ask(record: TargetRecord, family: ClientFamily): void {
    const { proxyProtocol, connectTimeoutMs, greetingTimeoutMs, connect } = this.#options
    this.#note(record, family, this.#intervalMs())
    const options = {
      proxyProtocol,
      family,
      connectTimeoutMs,
      greetingTimeoutMs: Math.min(greetingTimeoutMs, longestGreetingMs),
      connect: connect ?? connectNodeSocket,
      now: this.#now,
    }
    const probe = new KeywordProbe(record, options, (heard) => {
      this.#running.delete(keyOf(record, family))
      if (heard.is === 'nothing') this.#note(record, family, Math.min(retryMs, this.#intervalMs()))
      this.#heard(record, family, heard)
    })
    this.#running.set(keyOf(record, family), probe)
  }

  #intervalMs(): number {
    return this.#options.keywordIntervalMs ?? usualIntervalMs
  }

  #note(record: TargetRecord, family: ClientFamily, waitMs: number): void {
    const at = this.#now()
    const nextAt = at + (waitMs * (100 + randomInt(-jitterPercent, jitterPercent + 1))) / 100
    const known = this.#asked.get(record) ?? new Map<ClientFamily, Asked>()
    this.#asked.set(record, known.set(family, { at, nextAt }))
  }
}

const keyOf = ({ label }: TargetRecord, family: ClientFamily): string => `${family} ${label}`
