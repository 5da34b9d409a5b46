// The state of the operator for its live page: its policies with their gateways, as people are shown them, and itself.
import type { KubeObject } from '../kube/object.ts'
import { isEnding, podOf } from '../gateways/pods.ts'
import { type Attention, attentionOf, type Verdict, verdictOf } from '../overview/attention.ts'
import { type ConditionView, type PolicyView, policyView } from '../overview/policy-view.ts'
import { addHours, type HourReport, minuteOf } from './hour-report.ts'
import type { OperatorFacts } from './operator-facts.ts'
import type { RecentEvent } from './recent-events.ts'

/** A policy, and the pods of its gateways. */
export interface WatchedPolicy {
  readonly policy: KubeObject
  readonly pods: readonly KubeObject[]
}

export interface ShownGateway {
  readonly name: string
  readonly ready: boolean
  readonly isEnding: boolean
  readonly trouble: string | undefined
  readonly startedAt: string | undefined
  readonly version: string | undefined
  /** Sessions in the last whole minute; undefined: it has not said. */
  readonly sessions: number | undefined
}

export interface ShownPolicy extends Pick<
  PolicyView,
  'namespace' | 'name' | 'mode' | 'generation' | 'inForce' | 'createdAt' | 'isManaged' | 'updated' | 'total' | 'addresses' | 'notices'
> {
  readonly verdict: Verdict
  readonly attention: readonly Attention[]
  readonly conditions: readonly ConditionView[]
  readonly gateways: readonly ShownGateway[]
  /** For each minute of the last hour: sessions handed off, and refused; undefined: no gateway has said. */
  readonly hour: readonly (readonly [handedOff: number, refused: number, all: number])[] | undefined
}

export interface OperatorState {
  readonly at: number
  readonly operator: OperatorFacts
  readonly outcomes: readonly string[]
  /** Of all gateways. */
  readonly hour: { readonly lastMinute: number; readonly minutes: readonly (readonly number[])[] }
  readonly policies: readonly ShownPolicy[]
  readonly events: readonly RecentEvent[]
  readonly viewers: { readonly now: number; readonly most: number }
}

export interface OperatorStateParts {
  readonly at: number
  readonly facts: OperatorFacts
  readonly watched: readonly WatchedPolicy[]
  readonly hourOf: (address: string | undefined) => HourReport | undefined
  readonly events: readonly RecentEvent[]
  readonly viewers: OperatorState['viewers']
}

const handedOff = new Set(['known', 'new'])
const refused = new Set(['pregreet', 'dnsbl', 'accessList', 'banned', 'limits', 'deepTests'])

export function operatorState({ at, facts, watched, hourOf, events, viewers }: OperatorStateParts): OperatorState {
  const shown = watched.map((one) => shownPolicy(one, at, hourOf))
  const sum = addHours(
    shown.flatMap(({ hours }) => hours),
    at,
  )
  return {
    ...{ at, operator: facts, events, viewers, outcomes: sum.outcomes },
    hour: { lastMinute: minuteOf(at), minutes: sum.minutes },
    policies: shown
      .map(({ policy }) => policy)
      .toSorted((one, other) => (`${one.namespace}/${one.name}` < `${other.namespace}/${other.name}` ? -1 : 1)),
  }
}

function shownPolicy({ policy, pods }: WatchedPolicy, at: number, hourOf: OperatorStateParts['hourOf']) {
  const seen = pods
    .map((pod) => ({ ...podOf(pod, undefined), isEnding: isEnding(pod), startedAt: pod.metadata.creationTimestamp }))
    .toSorted((one, other) => (one.name < other.name ? -1 : 1))
  const view = policyView(policy, seen)
  const hours = seen.flatMap(({ address }) => hourOf(address) ?? [])
  const { namespace, name, mode, generation, inForce, createdAt, isManaged, updated, total, addresses, notices, conditions } = view
  const one: ShownPolicy = {
    ...{ namespace, name, mode, generation, inForce, createdAt, isManaged, updated, total, addresses, notices, conditions },
    verdict: verdictOf(view),
    attention: attentionOf(view, at),
    gateways: seen.map((pod) => shownGateway(pod, hourOf(pod.address))),
    hour: hours.length === 0 ? undefined : sparkOf(hours, at),
  }
  return { policy: one, hours }
}

function shownGateway(
  { name, ready, isEnding: ends, trouble, startedAt }: Pick<ShownGateway, 'name' | 'ready' | 'isEnding' | 'trouble' | 'startedAt'>,
  hour: HourReport | undefined,
): ShownGateway {
  const sessions = hour?.minutes.at(-2)?.reduce((sum, count) => sum + count, 0)
  return { ...{ name, ready, isEnding: ends, trouble, startedAt, sessions }, version: hour?.version }
}

function sparkOf(hours: readonly HourReport[], at: number): NonNullable<ShownPolicy['hour']> {
  const { outcomes, minutes } = addHours(hours, at)
  const sum = (row: readonly number[], of: (name: string) => boolean): number =>
    row.reduce((total, count, i) => (of(outcomes[i] ?? '') ? total + count : total), 0)
  return minutes.map((row) => [sum(row, (name) => handedOff.has(name)), sum(row, (name) => refused.has(name)), sum(row, () => true)])
}
