// The state of backend addresses: how calls for clients and probes change it, and whether any address can be reached.
import { allowlistKeys } from '../core/allowlist-key.ts'
import type { CallFailed } from './backend-call.ts'
import type { BackendOptions } from './backend-options.ts'
import type { ProbeResult } from './backend-probe.ts'
import { ProbeSchedule } from './probe-schedule.ts'
import type { ProbeNews } from './probe-sharing.ts'
import { forgetProof, hangs, markFailed, markWorking, type Target, type TargetRecord } from './target-record.ts'
import type { TargetTable } from './target-table.ts'
import { silence } from './unavailable-reasons.ts'

const longestRestMs = 30_000
/** A probe costs a backend very little, and a backend that is back should not wait for it. */
const longestRestBetweenProbesMs = 4000
/** Each probe of a misconfigured backend may write several lines to its log. */
const longestRestMisconfiguredMs = 10_000
/** A probe is made when clients of this many networks were refused and no client was accepted in between. */
const refusedNetworks = 2
const networkOf = allowlistKeys({ ipv4: 24, ipv6: 64 })

export interface TargetHealthOptions {
  readonly options: BackendOptions
  readonly table: TargetTable
  /** Monotonic time in milliseconds. */
  readonly now: () => number
  /** An address has begun to work. */
  readonly works: () => void
}

export class TargetHealth {
  readonly probes: ProbeSchedule
  readonly #options: BackendOptions
  readonly #table: TargetTable
  readonly #now: () => number
  readonly #works: () => void
  /** When the last address that worked stopped working; undefined while one works. */
  #lostAt: number | undefined = Number.NEGATIVE_INFINITY

  /** @param previous of the table that is replaced */
  constructor({ options, table, now, works }: TargetHealthOptions, previous?: TargetHealth) {
    this.#options = options
    this.#table = table
    this.#now = now
    this.#works = works
    this.probes = new ProbeSchedule(options, now, {
      result: (record, result) => this.#probed(record, result),
      silent: (record, silentMs) => this.#probeIsSilent(record, silentMs),
    })
    if (previous === undefined) return
    // Clients that come while the new addresses are being probed are held; that is not a reason to turn them away.
    this.#lostAt = previous.#lostAt ?? now()
    if (previous.#options.proxyProtocol !== options.proxyProtocol) for (const record of table.records) forgetProof(record)
  }

  /**
   * The address has greeted a client: it works.
   * @param silentMs how long the client waited, 0 for less than the usual patience
   */
  greeted(target: Target, silentMs = 0): void {
    this.#change(target, (record, now) => {
      if (silentMs === 0) record.promptAt = now
      if (record.proven || !this.probes.active) markWorking(record, now)
    })
  }

  /**
   * A call for a client has failed. Only what does not depend on the client is a failure of the address; a probe finds
   * out the rest.
   */
  callFailed(target: Target, { cause, reason }: CallFailed): void {
    if (cause === 'local') return this.abandoned(target)
    if (cause === 'refused' || !this.probes.active) return this.failed(target, reason)
    if (cause === 'malformed') return this.doubted(target)
    this.suspect(target)
  }

  /**
   * The address has failed: it rests, twice as long each time. Sessions that fail together count once.
   * It must be proven again: another program may listen there later.
   */
  failed(target: Target, reason: string): void {
    this.#change(target, (record, now) => {
      record.proven = false
      markFailed(record, 'failing', reason, now, this.probes.regular ? longestRestBetweenProbesMs : longestRestMs)
      this.probes.failed(record, reason)
    })
    if (this.#options.refreshMs !== 0) this.#table.lookUpSoon()
  }

  /**
   * The address has refused the client with 4xx. This says something about the client, until clients of other networks
   * are refused too: then a probe is made.
   */
  refused(target: Target, client: string, reason: string): void {
    if (!this.probes.active) return this.failed(target, reason)
    const record = this.#table.find(target.label)
    if (record === undefined) return
    if (record.refused.size < refusedNetworks) record.refused.add(networkOf(client))
    if (record.refused.size >= refusedNetworks) this.suspect(target)
  }

  /**
   * The address has failed with a client after it had greeted it: it closed the connection, was too slow, or did not
   * speak SMTP. A policy of the backend may do that to one client, so only a second client in a row makes it a failure.
   */
  lost(target: Target, client: string, reason: string): void {
    const record = this.#table.find(target.label)
    if (record === undefined) return
    const isSecond = record.lostClient !== undefined && record.lostClient !== client
    record.lostClient = isSecond ? undefined : client
    if (isSecond) this.failed(target, reason)
  }

  /** The address has answered a client's commands. */
  answered(target: Target): void {
    const record = this.#table.find(target.label)
    if (record !== undefined) record.lostClient = undefined
  }

  /** The address does not do what was proven: no client is sent there until it is proven again. */
  doubted(target: Target): void {
    const isProven = this.#table.find(target.label)?.proven === true
    if (isProven || !this.probes.active) this.#change(target, (record) => forgetProof(record))
    this.suspect(target)
  }

  /** Something looks wrong and may be caused by the client: a probe finds out. */
  suspect(target: Target): void {
    const record = this.#table.find(target.label)
    if (record !== undefined && this.#table.listed.has(record)) this.probes.soon(record)
  }

  /**
   * The address accepted a client's connection `silentMs` ago and has sent nothing. If it has greeted no client since,
   * it may hang (the kernel accepts connections for its listen queue anyway), which a probe finds out. An address that
   * greets other clients is slow for this client only, for example because of a slow lookup of the client's name.
   * @returns whether another address should be tried in parallel. Never when no other address works: a busy one is
   * better than none.
   */
  silent(target: Target, silentMs: number): boolean {
    const record = this.#table.find(target.label)
    if (record === undefined || record.greetedAt > this.#now() - silentMs) return false
    const otherWorks = [...this.#table.listed].some((other) => other !== record && other.state === 'working')
    if (this.probes.active) {
      if (record.silentAt <= record.greetedAt) record.silentAt = this.#now()
      this.suspect(target)
    } else if (otherWorks) this.failed(target, silence(silentMs))
    return otherWorks
  }

  /** The client left before the address had greeted or failed: nothing was learned. */
  abandoned(target: Target): void {
    const record = this.#table.find(target.label)
    if (record !== undefined && !this.probes.active) record.trying = false
  }

  /** The addresses have changed, or one has changed its state. */
  updateReach(): void {
    this.#lostAt = this.reachable() ? undefined : (this.#lostAt ?? this.#now())
  }

  /** Whether a client would find a backend now, as far as is known. */
  reachable(): boolean {
    return [...this.#table.listed].some(({ state }) => state === 'working' || (!this.probes.active && state === 'unknown'))
  }

  /**
   * For readiness: whether to accept a client that comes now. True while a backend is reachable, and while the last one
   * was lost so recently that the client would be held.
   */
  worthwhile(): boolean {
    return this.#lostAt === undefined || this.reachable() || this.#now() - this.#lostAt < (this.#options.holdMs ?? 0)
  }

  /** Another process of this gateway has learned something. */
  hear({ label, proxyProtocol, result }: ProbeNews): void {
    const record = this.#table.find(label)
    const { proxyProtocol: ours, shared } = this.#options
    if (record === undefined || proxyProtocol !== ours || shared?.isProber() !== false) return
    record.lastProbe = result
    this.#probed(record, result)
  }

  /** Another process of this gateway asks for what is known of an address, or for a new probe of it. */
  asked(label: string, urgent: boolean): void {
    const record = this.#table.find(label)
    if (record !== undefined && this.#table.listed.has(record)) this.probes.asked(record, urgent)
  }

  #probeIsSilent(record: TargetRecord, silentMs: number): void {
    if (!hangs(record, silentMs, this.#table.listed)) return
    const result = { is: 'failed', reason: silence(silentMs), refused: false } as const
    this.#probed(record, result)
    this.probes.tell(record, result)
  }

  /** The result of a probe by this process or by another one of this gateway. */
  #probed(record: TargetRecord, result: ProbeResult): void {
    this.#change(record, (_, now) => {
      switch (result.is) {
        case 'proven':
          record.proven = true
          record.provenAt = now
          markWorking(record, now)
          return
        case 'misconfigured':
          record.proven = false
          markFailed(record, 'misconfigured', result.reason, now, longestRestMisconfiguredMs)
          return
        case 'failed':
          if (result.refused) record.proven = false
          markFailed(record, 'failing', result.reason, now, longestRestBetweenProbesMs)
          return
        case 'local':
          if (record.state === 'unknown') record.lastError = result.reason
      }
    })
  }

  #change({ label }: Target, change: (record: TargetRecord, now: number) => void): void {
    const record = this.#table.find(label)
    if (record === undefined) return
    const before = record.state
    record.trying &&= this.probes.active
    change(record, this.#now())
    this.updateReach()
    if (record.state === before) return
    this.#options.onChange?.(record.label, before, record.state, record.lastError)
    if (record.state === 'working') this.#works()
  }
}
