// When to probe which backend address, and in which process: one process of a gateway makes the probes and tells the
// others.
import { connectNodeSocket } from '../sockets/node-connect.ts'
import type { BackendOptions } from './backend-options.ts'
import type { TargetRecord } from './target-record.ts'
import { type BackendProbe, startProbe, type ProbeResult } from './backend-probe.ts'

export interface ProbeScheduleEvents {
  readonly result: (record: TargetRecord, result: ProbeResult) => void
  /** A probe has waited for a greeting for this long. */
  readonly silent: (record: TargetRecord, silentMs: number) => void
}

const usualIntervalMs = 30_000
/** A proof may be this many intervals old while sessions show that the address works. */
const oldestProof = 2
/** The shortest time between two probes of one address while clients are held, and when there is a reason for doubt. */
const heldGapMs = 500
const soonGapMs = 1000
const longestGreetingMs = 30_000
const patienceMs = 1000
/** Finding the reason of a failure takes several conversations. */
const diagnosisGapMs = 60_000

export class ProbeSchedule {
  readonly #options: BackendOptions
  readonly #now: () => number
  readonly #events: ProbeScheduleEvents
  readonly #running = new Map<TargetRecord, BackendProbe>()
  readonly #timers = new Map<TargetRecord, NodeJS.Timeout>()

  constructor(options: BackendOptions, now: () => number, events: ProbeScheduleEvents) {
    this.#options = options
    this.#now = now
    this.#events = events
  }

  /** Whether addresses must be proven before they get clients. */
  get active(): boolean {
    return this.#options.probeAfterMs !== 0
  }

  /** Whether probes are made regularly. */
  get regular(): boolean {
    return this.active && this.#options.refreshMs !== 0
  }

  /** Probes the addresses that are due. @param held whether clients wait for an address to work */
  probeDue(records: Iterable<TargetRecord>, held: boolean): void {
    if (!this.active) return
    for (const record of records) if (!record.trying && this.#isDue(record, held)) this.#probe(record, false)
  }

  /** Probes the address, because of a doubt, but not within a second after the last probe. */
  soon(record: TargetRecord): void {
    if (!this.active || record.trying || this.#timers.has(record)) return
    const waitMs = record.probedAt + soonGapMs - this.#now()
    if (waitMs <= 0) return this.#probe(record, true)
    const timer = setTimeout(() => {
      this.#timers.delete(record)
      if (!record.trying) this.#probe(record, true)
    }, waitMs).unref()
    this.#timers.set(record, timer)
  }

  /** Another process asks. No answer if a probe is due or running: its result will be told. */
  asked(record: TargetRecord, urgent: boolean): void {
    if (urgent) this.soon(record)
    else if (record.lastProbe !== undefined && !record.trying && !this.#timers.has(record)) this.tell(record, record.lastProbe)
  }

  /**
   * A client has found that no program accepts connections there: the last proof is not valid any more, in any process.
   */
  failed(record: TargetRecord, reason: string): void {
    if (this.#options.shared?.isProber() === false) this.soon(record)
    else this.tell(record, { is: 'failed', reason, refused: true })
  }

  /** Tells the other processes of a result. */
  tell(record: TargetRecord, result: ProbeResult): void {
    record.lastProbe = result
    const { shared, proxyProtocol } = this.#options
    if (shared?.isProber() === true) shared.tell({ label: record.label, proxyProtocol, result })
  }

  close(): void {
    for (const timer of this.#timers.values()) clearTimeout(timer)
    for (const [record, probe] of this.#running) {
      probe.giveUp()
      // The record may be used in the next table.
      record.trying = false
      record.probedAt = Number.NEGATIVE_INFINITY
    }
    this.#timers.clear()
    this.#running.clear()
  }

  #isDue(record: TargetRecord, held: boolean): boolean {
    const now = this.#now()
    const sinceProbe = now - record.probedAt
    if (this.#options.shared?.isProber() === false) return record.state !== 'working' && sinceProbe >= heldGapMs
    switch (record.state) {
      case 'unknown':
        return sinceProbe >= heldGapMs
      case 'failing':
        return now >= record.restUntil || (held && !record.proven && sinceProbe >= heldGapMs)
      case 'misconfigured':
        return now >= record.restUntil
      case 'working': {
        const interval = this.#options.probeAfterMs ?? usualIntervalMs
        return now - record.heardAt >= interval || now - record.provenAt >= oldestProof * interval
      }
    }
  }

  #probe(record: TargetRecord, urgent: boolean): void {
    const { shared, isOwn, proxyProtocol, connectTimeoutMs, greetingTimeoutMs, connect } = this.#options
    const now = this.#now()
    record.probedAt = now
    if (shared?.isProber() === false) return shared.ask(record.label, urgent)
    if (isOwn?.(record) === true) return this.#settle(record, { is: 'misconfigured', reason: loopText })
    const diagnose = now - record.diagnosedAt >= diagnosisGapMs
    const options = {
      proxyProtocol,
      connectTimeoutMs,
      greetingTimeoutMs: Math.min(greetingTimeoutMs, longestGreetingMs),
      connect: connect ?? connectNodeSocket,
      patienceMs,
      onSilent: (silentMs: number) => {
        slowMs = silentMs
        this.#events.silent(record, silentMs)
      },
      diagnose,
      onDiagnosis: () => (record.diagnosedAt = now),
    }
    let slowMs = 0
    record.trying = true
    const probe = startProbe(record, options, (result) => {
      this.#running.delete(record)
      record.trying = false
      if (result.is === 'proven') record.slowMs = slowMs
      const { lastError } = record
      // The reason of this failure was found before.
      const known = !diagnose && record.state === 'misconfigured' && result.is === 'failed' && !result.refused && lastError !== undefined
      this.#settle(record, known ? { is: 'misconfigured', reason: lastError } : result)
    })
    this.#running.set(record, probe)
  }

  #settle(record: TargetRecord, result: ProbeResult): void {
    this.#options.onProbed?.(result.is)
    this.#events.result(record, result)
    this.tell(record, result)
  }
}

const loopText = 'it is an address of this gateway itself, which would be a loop: spec.backend must name the port of an smtpd behind it'
