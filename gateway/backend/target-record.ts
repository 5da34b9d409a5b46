// What is known of one backend address, and how events change it.
import { backOffDelay } from '../../runtime/back-off.ts'
import { type Endpoint, formatEndpoint } from '../../crds/values/endpoint.ts'
import { ConnectRateLimiter } from './connect-rate-limiter.ts'
import type { Candidate } from './load-balancing.ts'
import type { ProbeResult } from './backend-probe.ts'
import { TargetKeywords } from './target-keywords.ts'

/** One address of a backend. */
export interface Target extends Endpoint {
  /** `10.0.0.5:10025`, `[2001:db8::5]:10025`: for logs. */
  readonly label: string
}

type Mutable<T> = { -readonly [key in keyof T]: T[key] }

export interface TargetRecord extends Target, Mutable<Candidate> {
  /**
   * Whether a probe has shown that it reads the PROXY header of the policy, and nothing has shown the opposite since.
   */
  proven: boolean
  provenAt: number
  /** Failures in a row; those during a rest count once. */
  failures: number
  lastError: string | undefined
  /** When a session or a probe last had a result. */
  heardAt: number
  greetedAt: number
  /** When it last greeted a client without delay. */
  promptAt: number
  /** When a client first had to wait for a greeting since the last one. */
  silentAt: number
  /** How long the last successful probe waited for its greeting. */
  slowMs: number
  /** When the last probe began or was asked for, and the last one that looks for the reason of a failure. */
  probedAt: number
  diagnosedAt: number
  /** Networks of clients that it has refused since its last greeting; at most two are kept. */
  readonly refused: Set<string>
  /** The last client with which it failed after its greeting; undefined once a client has got an answer. */
  lostClient: string | undefined
  readonly connectRate: ConnectRateLimiter
  /** When its state became what it is. */
  stateSince: number
  lastProbe: ProbeResult | undefined
  readonly keywords: TargetKeywords
}

const never = Number.NEGATIVE_INFINITY
const firstRestMs = 1000
/** A probe without a greeting for this long counts as a failure, although it continues to wait. */
const probePatienceMs = 10_000

export function newTargetRecord(address: string, port: number): TargetRecord {
  return {
    label: formatEndpoint({ address, port }),
    address,
    port,
    sessions: 0,
    state: 'unknown',
    proven: false,
    provenAt: never,
    failures: 0,
    restUntil: 0,
    trying: false,
    lastError: undefined,
    heardAt: 0,
    greetedAt: never,
    promptAt: never,
    silentAt: never,
    slowMs: 0,
    probedAt: never,
    diagnosedAt: never,
    workingSince: 0,
    usedAs: 0,
    refused: new Set(),
    lostClient: undefined,
    connectRate: new ConnectRateLimiter(),
    stateSince: 0,
    lastProbe: undefined,
    keywords: new TargetKeywords(),
  }
}

/** It has sent a greeting. */
export function markWorking(record: TargetRecord, now: number): void {
  if (record.state !== 'working') record.workingSince = record.stateSince = now
  record.state = 'working'
  record.greetedAt = now
  record.heardAt = now
  record.failures = 0
  record.restUntil = 0
  record.lastError = undefined
  record.refused.clear()
}

/** It rests, twice as long each time, `longestRestMs` at most. Failures during a rest count once. */
export function markFailed(
  record: TargetRecord,
  state: 'failing' | 'misconfigured',
  reason: string,
  now: number,
  longestRestMs: number,
): void {
  const rests = record.state === state && now < record.restUntil
  record.heardAt = now
  record.lastError = reason
  if (record.state !== state) record.stateSince = now
  record.state = state
  if (rests) return
  record.restUntil = now + backOffDelay({ firstMs: firstRestMs, longestMs: longestRestMs }, record.failures)
  record.failures = Math.min(record.failures + 1, 16)
}

/**
 * Whether the silence during a probe is a failure. A mail server with a slow name server greets late, so a silence
 * counts only if it is much longer than during the last successful probe. A short silence counts only if another
 * address is fast: with a common name server all are slow.
 */
export function hangs(record: TargetRecord, silentMs: number, all: Iterable<TargetRecord>): boolean {
  if (silentMs <= 2 * record.slowMs) return false
  if (silentMs >= probePatienceMs) return true
  if (record.silentAt <= record.greetedAt) return false
  return [...all].some((other) => other !== record && other.state === 'working' && other.promptAt >= record.silentAt)
}

/** Discards what was learned about it. */
export function forgetProof(record: TargetRecord): void {
  record.proven = false
  if (record.state === 'working' || record.state === 'misconfigured') record.state = 'unknown'
  record.restUntil = 0
  record.failures = 0
  record.refused.clear()
  record.lastProbe = undefined
}
