// The log lines about a backend address: one when it stops working, one when it works again.
import type { Log } from '../observability/log.ts'
import type { TargetState } from './load-balancing.ts'

export interface BackendChange {
  readonly label: string
  readonly from: TargetState
  readonly to: TargetState
  /** The reason of a failure. */
  readonly why: string | undefined
}

/** Logs a change of a backend address: the beginning of a failure and its end. */
export function logBackendChange(log: Pick<Log, 'info' | 'warning'>, { label, from, to, why }: BackendChange): void {
  const fields = { backend: label, state: to, ...(why !== undefined && { why }) }
  if (to === 'failing' || to === 'misconfigured') log.warning(`mail server ${label} is ${to}: ${why ?? 'the reason is unknown'}`, fields)
  else if (to === 'working' && from !== 'unknown') log.info(`mail server ${label} works again`, fields)
}
