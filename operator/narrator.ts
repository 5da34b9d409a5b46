// Tells people what happened to policies: events on the policy and lines in the log, when something changes and not at every pass.
import type { Logger } from 'pino'
import { changeNote, changeReason, isChange } from './change-note.ts'
import type { KubeObject } from './kube/object.ts'
import type { OperatorMetrics } from './metrics.ts'
import type { Told } from './reconcile.ts'
import type { Findings } from './status/findings.ts'
import { conditionsOf } from './status/status.ts'

/** Where events go (operator/kube/event-recorder.ts). */
export interface Events {
  record(
    object: KubeObject,
    event: { readonly type: 'Normal' | 'Warning'; readonly reason: string; readonly action: string; readonly note: string },
  ): void
}

/** What a person must know of at once; the rest stands in the conditions. */
const worth = ['Accepted', 'Programmed', 'BackendReachable'] as const
/** Words for states that pass by themselves. */
const passing = new Set(['Progressing', 'NoReport', 'NoGateway', 'NotAccepted'])

export class Narrator {
  readonly #events: Events
  readonly #metrics: OperatorMetrics
  readonly #log: Logger

  constructor(events: Events, metrics: OperatorMetrics, log: Logger) {
    this.#events = events
    this.#metrics = metrics
    this.#log = log
  }

  tell({ policy, applied, findings }: Told): void {
    const { namespace = '', name, generation } = policy.metadata
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
    // One for all: with an event for each object, a cluster with many policies has thousands of them.
    if (changes.length > 0)
      this.#events.record(policy, { type: 'Normal', reason: changeReason(changes), action: 'Reconcile', note: changeNote(changes) })
    this.#tellFindings(policy, findings)
  }

  /** Only what is new since the status that the policy has. */
  #tellFindings(policy: KubeObject, findings: Findings): void {
    const before = conditionsOf(policy)
    for (const type of worth) {
      const { status, reason, message } = findings[type]
      const last = before.find((one) => one['type'] === type)
      if (
        passing.has(reason) ||
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
