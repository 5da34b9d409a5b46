// What is known of one backend address, and how what happens changes it.
import type { Destination } from './backend-call.ts'
import { Pace } from './pace.ts'
import type { Candidate } from './precedence.ts'
import type { Verdict } from './proof.ts'

/** One address of a backend. */
export interface Target extends Destination {
  /** `10.0.0.5:10025`, `[2001:db8::5]:10025`: for logs. */
  readonly label: string
}

type Mutable<T> = { -readonly [key in keyof T]: T[key] }

export interface Entry extends Target, Mutable<Candidate> {
  /** Whether a conversation of our own has shown that it reads the PROXY header as specified, and nothing has told otherwise since. */
  proven: boolean
  provenAt: number
  /** Failures in a row, one a rest. */
  failures: number
  lastError: string | undefined
  /** When a session or a probe last told something of it. */
  heardAt: number
  greetedAt: number
  /** When a client was last kept waiting for a greeting. */
  silentAt: number
  /** When the last proof was begun or asked for, and when the last one that looks for the reason of a failure. */
  probedAt: number
  diagnosedAt: number
  /** Networks of clients that it has refused since it last greeted; at most two are kept. */
  readonly refused: Set<string>
  readonly pace: Pace
  lastVerdict: Verdict | undefined
}

const never = Number.NEGATIVE_INFINITY
const firstRestMs = 1000

export function labelOf(address: string, port: number): string {
  return address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`
}

export function newEntry(address: string, port: number): Entry {
  return {
    label: labelOf(address, port),
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
    silentAt: never,
    probedAt: never,
    diagnosedAt: never,
    workingSince: 0,
    usedAs: 0,
    refused: new Set(),
    pace: new Pace(),
    lastVerdict: undefined,
  }
}

/** It has greeted. */
export function markWorking(entry: Entry, now: number): void {
  if (entry.state !== 'working') entry.workingSince = now
  entry.state = 'working'
  entry.greetedAt = now
  entry.heardAt = now
  entry.failures = 0
  entry.restUntil = 0
  entry.lastError = undefined
  entry.refused.clear()
}

/** It rests, twice as long each time, `longestRestMs` at most. What fails during a rest counts once. */
export function markFailed(entry: Entry, state: 'failing' | 'misconfigured', reason: string, now: number, longestRestMs: number): void {
  const rests = entry.state === state && now < entry.restUntil
  entry.heardAt = now
  entry.lastError = reason
  entry.state = state
  if (rests) return
  entry.restUntil = now + Math.min(firstRestMs * 2 ** entry.failures, longestRestMs)
  entry.failures = Math.min(entry.failures + 1, 16)
}

/** Nothing that was learnt of it counts any more. */
export function forgetProof(entry: Entry): void {
  entry.proven = false
  if (entry.state === 'working' || entry.state === 'misconfigured') entry.state = 'unknown'
  entry.restUntil = 0
  entry.failures = 0
  entry.refused.clear()
  entry.lastVerdict = undefined
}
