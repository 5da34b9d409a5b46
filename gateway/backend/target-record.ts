// What is known of one backend address, and how what happens changes it.
import { backOffDelay } from '../../runtime/back-off.ts'
import { type Endpoint, formatEndpoint } from '../../crds/values/endpoint.ts'
import { ConnectRateLimiter } from './connect-rate-limiter.ts'
import type { Candidate } from './load-balancing.ts'
import type { ProbeResult } from './backend-probe.ts'

/** One address of a backend. */
export interface Target extends Endpoint {
  /** `10.0.0.5:10025`, `[2001:db8::5]:10025`: for logs. */
  readonly label: string
}

type Mutable<T> = { -readonly [key in keyof T]: T[key] }

export interface TargetRecord extends Target, Mutable<Candidate> {
  /** Whether a conversation of our own has shown that it reads the PROXY header as specified, and nothing has told otherwise since. */
  proven: boolean
  provenAt: number
  /** Failures in a row, one a rest. */
  failures: number
  lastError: string | undefined
  /** When a session or a probe last told something of it. */
  heardAt: number
  greetedAt: number
  /** When it last greeted a client without keeping it waiting. */
  promptAt: number
  /** When a client was first kept waiting for a greeting since it last greeted. */
  silentAt: number
  /** How long the last proof was kept waiting for its greeting. */
  slowMs: number
  /** When the last proof was begun or asked for, and when the last one that looks for the reason of a failure. */
  probedAt: number
  diagnosedAt: number
  /** Networks of clients that it has refused since it last greeted; at most two are kept. */
  readonly refused: Set<string>
  readonly connectRate: ConnectRateLimiter
  lastProbe: ProbeResult | undefined
}

const never = Number.NEGATIVE_INFINITY
const firstRestMs = 1000
/** A probe that has got no greeting for this long is a failure, although it goes on to wait. */
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
    connectRate: new ConnectRateLimiter(),
    lastProbe: undefined,
  }
}

/** It has greeted. */
export function markWorking(record: TargetRecord, now: number): void {
  if (record.state !== 'working') record.workingSince = now
  record.state = 'working'
  record.greetedAt = now
  record.heardAt = now
  record.failures = 0
  record.restUntil = 0
  record.lastError = undefined
  record.refused.clear()
}

/** It rests, twice as long each time, `longestRestMs` at most. What fails during a rest counts once. */
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
  record.state = state
  if (rests) return
  record.restUntil = now + backOffDelay({ firstMs: firstRestMs, longestMs: longestRestMs }, record.failures)
  record.failures = Math.min(record.failures + 1, 16)
}

/**
 * Whether the silence that a probe meets is a failure. A mail server whose name server is slow greets late, so a silence counts only where it is much
 * longer than that of the last proof; and after a short one only where another address is quick: with a name server in common all of them are slow.
 */
export function hangs(record: TargetRecord, silentMs: number, all: Iterable<TargetRecord>): boolean {
  if (silentMs <= 2 * record.slowMs) return false
  if (silentMs >= probePatienceMs) return true
  if (record.silentAt <= record.greetedAt) return false
  return [...all].some((other) => other !== record && other.state === 'working' && other.promptAt >= record.silentAt)
}

/** Nothing that was learnt of it counts any more. */
export function forgetProof(record: TargetRecord): void {
  record.proven = false
  if (record.state === 'working' || record.state === 'misconfigured') record.state = 'unknown'
  record.restUntil = 0
  record.failures = 0
  record.refused.clear()
  record.lastProbe = undefined
}
