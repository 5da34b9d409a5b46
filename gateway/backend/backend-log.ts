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

/** Says what has become of a backend address, where that is worth a line. */
export function tellOfBackend(log: Pick<Log, 'info' | 'warning'>, { label, from, to, why }: BackendChange): void {
  const fields = { backend: label, state: to, ...(why !== undefined && { why }) }
  if (to === 'failing' || to === 'misconfigured') log.warning(`mail server ${label} is ${to}: ${why ?? 'no reason is known'}`, fields)
  else if (to === 'working' && from !== 'unknown') log.info(`mail server ${label} works again`, fields)
}
