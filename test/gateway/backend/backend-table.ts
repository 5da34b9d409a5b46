// A table of backends whose time stands still until a test moves it, and questions to it.
import assert from 'node:assert/strict'
import type { TestContext } from 'node:test'
import type { BackendOptions } from '../../../gateway/backend/backend-options.ts'
import { Backends } from '../../../gateway/backend/backends.ts'
import type { Target } from '../../../gateway/backend/target-record.ts'
import type { TargetStatus } from '../../../gateway/backend/backend-status.ts'
import type { ProbeResult } from '../../../gateway/backend/backend-probe.ts'
import type { SharedProbes } from '../../../gateway/backend/probe-sharing.ts'
import { longTimeouts } from './long-timeouts.ts'
import { endpointsOf } from '../../support/endpoints.ts'

export const three = endpointsOf('10.0.0.1:25', '10.0.0.2:25', '[2001:db8::3]:25')
export const twoOfThem = endpointsOf('10.0.0.1:25', '10.0.0.2:25')

/**
 * `pass` moves the time. `previous` is the table whose place this one takes. Probes have longer than a busy machine ever takes: one that failed
 * would not be made again while the time stands still.
 */
export function table(
  t: TestContext,
  options: Partial<BackendOptions>,
  previous?: Backends,
): { backends: Backends; pass: (ms: number) => void } {
  let now = 0
  const backends = new Backends({ addresses: [], now: () => now, ...longTimeouts, probeAfterMs: 0, ...options }, previous)
  t.after(() => backends.close())
  return { backends, pass: (ms) => void (now += ms) }
}

/** The next address that has not been tried; there must be one. */
export function take(backends: Backends, ...tried: Target[]): Target {
  const target = backends.take(new Set(tried))
  assert.ok(target !== undefined)
  return target
}

/** What the table says of an address; it must know it. */
export function statusOf(backends: Backends, target: Target): TargetStatus {
  const found = backends.status().flatMap(({ addresses }) => addresses.filter(({ label }) => label === target.label))
  assert.ok(found[0] !== undefined)
  return found[0]
}

/** For a table that learns from another process what a probe has shown. */
export const follower: SharedProbes = { isProber: () => false, ask: () => undefined, tell: () => undefined }

/** Tells a follower's table what a probe has shown of an address. */
export function learn(backends: Backends, label: string, verdict: ProbeResult): void {
  backends.hear({ label, proxyProtocol: backends.options.proxyProtocol, result: verdict })
}

export const proven = { is: 'proven' } as const
export const refused = { is: 'failed', reason: 'ECONNREFUSED', refused: true } as const
