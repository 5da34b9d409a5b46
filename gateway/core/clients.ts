// What the sessions of one gateway share: counters, stress mode, and per client address what parallel sessions must agree on.
import type { Stamps } from './allowlist-record.ts'

/** Shared by the sessions of one client address that run at the same time (postscreen.h PSC_CLIENT_INFO). */
export interface Visitor {
  concurrency: number
  passNewCount: number
  /** Per test the second until which a pass is valid; -1 before anything is known. */
  readonly stamps: Stamps
}

/** One gateway's sessions under screening. `checkQueue` counts all that are not handed off, `postQueue` those that wait for a backend. */
export interface Screening {
  readonly visitors: Map<string, Visitor>
  checkQueue: number
  postQueue: number
  stress: boolean
}

export function newScreening(): Screening {
  return { visitors: new Map(), checkQueue: 0, postQueue: 0, stress: false }
}

/** Water marks of stress mode for a pre-queue limit (postscreen_state.c: 90 % and 70 %). */
const highWater = (limit: number): number => Math.floor(limit * 0.9)
const lowWater = (limit: number): number => Math.floor(limit * 0.7)

/** Counts a session in. @returns true when this one began stress mode */
export function beginStress(screening: Screening, preQueueLimit: number): boolean {
  if (screening.stress || screening.checkQueue < highWater(preQueueLimit)) return false
  screening.stress = true
  return true
}

/** @returns true when stress mode ended with the session that has just left */
export function endStress(screening: Screening, preQueueLimit: number): boolean {
  if (!screening.stress || screening.checkQueue > lowWater(preQueueLimit)) return false
  screening.stress = false
  return true
}

/** The shared record of a client address; the caller's session is counted. */
export function enter(screening: Screening, client: string): Visitor {
  screening.checkQueue++
  const known = screening.visitors.get(client)
  if (known !== undefined) {
    known.concurrency++
    return known
  }
  const visitor: Visitor = { concurrency: 1, passNewCount: 0, stamps: [-1, -1, -1, -1, -1] }
  screening.visitors.set(client, visitor)
  return visitor
}

/** The session is over or handed off. */
export function leave(screening: Screening, client: string, visitor: Visitor): void {
  screening.checkQueue--
  if (--visitor.concurrency === 0) screening.visitors.delete(client)
}
