// The contents of a Lease (coordination.k8s.io/v1): how it names the leader, and how it is written.

import { microTime } from './micro-time.ts'
import { fieldsOf } from '../../crds/is-object.ts'
import type { KubeObject } from './object.ts'

export interface LeaseRecord {
  /** undefined: the lease is free. */
  readonly holder: string | undefined
  /** How long the holder leads after a renewal, in milliseconds; undefined if the Lease does not have it. */
  readonly durationMs: number | undefined
  readonly transitions: number
  readonly acquireTime: string | undefined
  /** A text that differs after each write about the leader. */
  readonly fingerprint: string
}

const longestDurationSeconds = 3600

/** Reads a Lease, whichever program wrote it. */
export function leaseRecordOf(lease: KubeObject): LeaseRecord {
  const spec = fieldsOf(lease['spec'])
  const { holderIdentity: holder, leaseDurationSeconds: seconds, leaseTransitions: transitions, acquireTime, renewTime } = spec
  const isDuration = Number.isInteger(seconds) && Number(seconds) > 0 && Number(seconds) <= longestDurationSeconds
  return {
    holder: typeof holder === 'string' && holder !== '' ? holder : undefined,
    durationMs: isDuration ? Number(seconds) * 1000 : undefined,
    transitions: Number.isSafeInteger(transitions) ? Number(transitions) : 0,
    acquireTime: typeof acquireTime === 'string' ? acquireTime : undefined,
    fingerprint: JSON.stringify([holder, seconds, transitions, acquireTime, renewTime]),
  }
}

/** What is written to a Lease. */
export interface LeaseClaim {
  /** The holder; an empty text releases the lease. */
  readonly holder: string
  readonly durationMs: number
  readonly transitions: number
  /** Milliseconds since 1970, or the time as it was written before. */
  readonly acquired: number | string
  /** Milliseconds since 1970. */
  readonly renewed: number
}

/** The Lease with a claim. Everything else stays the same, including its resource version. */
export function claimLease(lease: KubeObject, { holder, durationMs, transitions, acquired, renewed }: LeaseClaim): KubeObject {
  const before = fieldsOf(lease['spec'])
  const spec = {
    ...before,
    holderIdentity: holder,
    leaseDurationSeconds: Math.max(1, Math.round(durationMs / 1000)),
    leaseTransitions: transitions,
    acquireTime: typeof acquired === 'string' ? acquired : microTime(acquired),
    renewTime: microTime(renewed),
  }
  return { ...lease, spec }
}
