// What the status page and the metrics show of backends.
import { formatEndpoint } from '../../crds/values/endpoint.ts'
import { keywordStatus, type KeywordStatus } from './keyword-status.ts'
import type { TargetState } from './load-balancing.ts'
import type { Target, TargetRecord } from './target-record.ts'
import type { TargetTable } from './target-table.ts'

export interface TargetStatus extends Target {
  readonly sessions: number
  readonly state: TargetState
  /** For how long it has had this state, in milliseconds; undefined for one that is unknown. */
  readonly stateForMs?: number
  /** Why it failed the last time, if it has not worked since. */
  readonly lastError: string | undefined
  /** Milliseconds until it is tried again while others work; 0 when it may be tried now. */
  readonly restMs: number
  /** Where sessions are continued at backends. */
  readonly ehlo?: KeywordStatus
}

export interface BackendStatus {
  readonly backend: string
  /** Why the last lookup of the name failed. */
  readonly lookupError: string | undefined
  readonly addresses: readonly TargetStatus[]
}

/**
 * @param showsKeywords whether the EHLO keywords matter
 * @param now on the clock of the table
 */
export function backendStatus(table: TargetTable, showsKeywords: boolean, now: number): BackendStatus[] {
  return table.names().map(({ name, addresses, error }) => ({
    backend: formatEndpoint(name),
    lookupError: error,
    addresses: addresses.flatMap((address) => {
      const record = table.find(formatEndpoint({ address, port: name.port }))
      return record === undefined ? [] : [targetStatus(record, showsKeywords, now)]
    }),
  }))
}

function targetStatus(record: TargetRecord, showsKeywords: boolean, now: number): TargetStatus {
  const { label, address, port, sessions, state, lastError, restUntil, keywords } = record
  const ehlo = showsKeywords ? { ehlo: keywordStatus(keywords, now) } : {}
  const since = state === 'unknown' ? {} : { stateForMs: Math.round(Math.max(0, now - record.stateSince)) }
  return { label, address, port, sessions, state, ...since, lastError, restMs: Math.max(0, restUntil - now), ...ehlo }
}

/** Addresses by state, each state included. */
export function countStates(listed: Iterable<TargetRecord>): Readonly<Record<TargetState, number>> {
  const counts = { unknown: 0, working: 0, failing: 0, misconfigured: 0 }
  for (const { state } of listed) counts[state]++
  return counts
}
