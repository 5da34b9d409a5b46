// What a pass over a policy reports to the rest of the operator.
import type { Applied } from './apply.ts'
import type { KubeObject } from './kube/object.ts'
import type { Findings } from './status/findings.ts'

/** What a pass has done and found. */
export interface PassReport {
  readonly policy: KubeObject
  readonly applied: readonly Applied[]
  readonly findings: Findings
}

/** Makes events, metrics and log lines of passes. */
export interface Reporter {
  /** Called in each pass, before the status is written. */
  report(pass: PassReport): void
  /**
   * Called in each pass after the status was written or found unchanged: then the fields that the cluster's CRD does
   * not contain are known.
   */
  statusWritten(policy: KubeObject): void
  /** Called in each pass over a policy that another operator manages. */
  otherOperator(policy: KubeObject, operator: string): void
  /**
   * The CRD is older than the operator, and these fields of statuses are omitted. An empty list: the CRD is no longer
   * older.
   */
  statusFieldsOmitted(fields: readonly string[]): void
  /** The policy was deleted, and no pass over it is in progress. */
  forget(namespace: string, name: string): void
}
