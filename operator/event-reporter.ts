// Reports what happened to policies, as events on the policy, metrics and log lines. It reports changes, not each pass.
import type { Logger } from 'pino'
import { changeNote, changeReason, isChange } from './change-note.ts'
import { keyOf, type KubeObject } from './kube/object.ts'
import type { OperatorMetrics } from './operator-metrics.ts'
import type { PolicyMemories } from './policy-memory.ts'
import type { PassReport, Reporter } from './pass-report.ts'
import type { Findings } from './status/findings.ts'
import { conditionsOf } from './status/condition.ts'

/** The destination of events (operator/kube/event-recorder.ts). */
export interface Events {
  record(
    object: KubeObject,
    event: { readonly type: 'Normal' | 'Warning'; readonly reason: string; readonly action: string; readonly note: string },
  ): void
}

/** The findings that a person must know at once; the conditions have the rest. */
const worth = ['Accepted', 'Programmed', 'BackendReachable', 'DNSBLHealthy', 'ClientAddressPreserved', 'SPFCurrent'] as const
/** That these are good is news only after they were not. */
const observed: ReadonlySet<string> = new Set(['DNSBLHealthy', 'ClientAddressPreserved', 'SPFCurrent'])
/** The texts for states that pass without an action. */
const passing = new Set(['Progressing', 'NoReport', 'NotChecked', 'NoGateway', 'NotAccepted', 'TooFewConnections', 'NotRead'])

export class EventReporter implements Reporter {
  readonly #events: Events
  readonly #metrics: OperatorMetrics
  readonly #log: Logger
  readonly #memories: PolicyMemories
  /** The fields of statuses that the cluster's CRD does not contain. */
  #omitted: readonly string[] = []

  constructor(events: Events, metrics: OperatorMetrics, log: Logger, memories: PolicyMemories) {
    this.#events = events
    this.#memories = memories
    this.#metrics = metrics
    this.#log = log
  }

  /** What a pass has done and found, before the status is written. */
  report({ policy, applied, findings }: PassReport): void {
    const { namespace = '', name, generation } = policy.metadata
    this.#managesItself(namespace, name)
    this.#metrics.conditions(namespace, name, findings)
    const changes = applied.filter(isChange)
    for (const { is, object } of changes) {
      const { kind, metadata } = object
      this.#metrics.change(kind, is)
      this.#log.info(
        { policy: `${namespace}/${name}`, generation, kind, object: metadata.name, change: is },
        `${kind} ${metadata.name} ${is}`,
      )
    }
    // One event for all: with one for each object, a cluster with many policies would have thousands of events.
    if (changes.length > 0)
      this.#events.record(policy, { type: 'Normal', reason: changeReason(changes), action: 'Reconcile', note: changeNote(changes) })
    this.#reportFindings(policy, findings)
  }

  /** A policy of our scope that another operator manages: reported once, until that changes. */
  otherOperator(policy: KubeObject, operator: string): void {
    const { namespace = '', name } = policy.metadata
    const key = `${namespace}/${name}`
    if (this.#memories.of(key).otherOperator === operator) return
    this.#managesItself(namespace, name)
    this.#memories.of(key).otherOperator = operator
    this.#metrics.forget(namespace, name)
    this.#metrics.otherOperator(namespace, name, operator)
    const note = `This policy is managed by the operator ${operator}, so this operator leaves it unchanged. Let one operator watch each namespace: set watchNamespaces in both releases, or uninstall one of them`
    this.#log.warn({ policy: key, operator }, note)
    this.#events.record(policy, { type: 'Warning', reason: 'ManagedByOtherOperator', action: 'Leave', note })
  }

  /** The CRD has become older than the operator, or is no longer older. */
  statusFieldsOmitted(fields: readonly string[]): void {
    if (fields.length === 0) for (const memory of this.#memories.all()) memory.outdatedCRDNote = undefined
    this.#omitted = fields
    this.#metrics.omittedStatusFields(fields.length)
    if (fields.length > 0) this.#log.warn({ fields }, this.#olderCRD())
  }

  /** Called after the status was written: only then all fields are known that the CRD does not contain. */
  statusWritten(policy: KubeObject): void {
    const memory = this.#memories.of(keyOf(policy))
    const note = this.#olderCRD()
    if (this.#omitted.length === 0 || memory.outdatedCRDNote === note) return
    memory.outdatedCRDNote = note
    this.#events.record(policy, { type: 'Warning', reason: 'CRDOutdated', action: 'WriteStatus', note })
  }

  /** The policy was deleted. Its memory still exists. */
  forget(namespace: string, name: string): void {
    this.#managesItself(namespace, name)
    this.#metrics.forget(namespace, name)
  }

  /** The policy is no longer one that another operator manages. */
  #managesItself(namespace: string, name: string): void {
    const memory = this.#memories.of(`${namespace}/${name}`)
    const other = memory.otherOperator
    if (other === undefined) return
    memory.otherOperator = undefined
    this.#metrics.noOtherOperator(namespace, name, other)
  }

  #olderCRD(): string {
    return `The CRD postscreenpolicies.postscreen.dev is older than the operator, so the status omits ${this.#omitted.join(', ')}. Apply the CRD of the operator's version`
  }

  /** Only what is new compared with the status that the policy has. */
  #reportFindings(policy: KubeObject, findings: Findings): void {
    const before = conditionsOf(policy)
    for (const type of worth) {
      const found = findings[type]
      if (found === undefined) continue
      const { status, reason, message } = found
      const last = before.find((one) => one['type'] === type)
      if (
        passing.has(reason) ||
        (observed.has(type) && status !== 'False' && last?.['status'] !== 'False') ||
        (last?.['status'] === status && last['reason'] === reason && (status === 'True' || last['message'] === message))
      )
        continue
      const { namespace = '', name, generation } = policy.metadata
      const level = status === 'True' ? 'info' : 'warn'
      this.#log[level]({ policy: `${namespace}/${name}`, generation, condition: type, status, reason }, message)
      this.#events.record(policy, { type: status === 'True' ? 'Normal' : 'Warning', reason, action: 'Reconcile', note: message })
    }
  }
}
