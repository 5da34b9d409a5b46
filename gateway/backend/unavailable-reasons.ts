// Texts: why no backend address gets a client.
import type { TargetRecord } from './target-record.ts'

/** How many failures the text names. */
const reasonLimit = 5

export const silence = (ms: number): string => `no greeting for ${Math.round(ms / 100) / 10} s`

/** For the log line of a client that no backend accepts. */
export function whyNone(records: readonly TargetRecord[]): string {
  if (records.length === 0) return 'no backend address is known'
  const known = records.filter(({ lastError }) => lastError !== undefined)
  if (known.length === 0) return 'no backend has been proven yet'
  return known
    .slice(0, reasonLimit)
    .map(({ label, lastError }) => `${label}: ${lastError}`)
    .join('; ')
}

/** For readiness. */
export function whyNotReady(records: readonly TargetRecord[]): string {
  const wrong = records.find(({ state }) => state === 'misconfigured')
  return wrong === undefined ? 'no backend is reachable' : `no backend can be used: ${wrong.label} is misconfigured: ${wrong.lastError}`
}
