// A page /explain as a gateway sends it, made by the core.
import { newScreening } from '../../../gateway/core/clients.ts'
import { explain } from '../../../gateway/core/explain/explanation.ts'
import type { ExplainPage } from '../../../gateway/observability/explain/explain-page.ts'
import { policyOf, rulesOf, type SpecFragment, startTime } from '../../support/core-session.ts'

/** The client that is asked about. */
export const address = '192.0.2.1'

/** @param spec the policy in force */
export function pageOf(spec: SpecFragment, hash = 'a'.repeat(64)): ExplainPage {
  const server = { address: '198.51.100.1', port: 25 }
  const about = {
    spec: policyOf(spec),
    rules: rulesOf(spec),
    screening: newScreening(),
    record: undefined,
    answers: [],
    server,
    tlsReady: false,
  }
  const explained = explain({ ...about, address, now: startTime, isHealthCheck: false, isFull: false })
  return {
    version: '1.2.3',
    at: '2026-12-01T00:00:00Z',
    policy: { name: 'mx', namespace: 'mail', generation: 3, hash, mode: 'Enforce' },
    leftOut: [],
    unhealthyLists: [],
    allowlist: { name: 'memory:allowlist', problem: null },
    address: { ...explained, ptr: { names: ['mail.example.com'] }, needsProxyHeader: false },
    recent: { kept: 10, sessions: [] },
  }
}
