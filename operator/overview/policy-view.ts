// A policy as `postscreen status` and the page of the operator show it: what the operator has written about it, and
// what its gateways say.
import { fieldsOf, isObject } from '../../crds/is-object.ts'
import { conditionsOf } from '../status/condition.ts'
import { oneLine } from '../gateways/one-line.ts'
import type { KubeObject } from '../kube/object.ts'
import type { MailServer, StatusPage } from './status-page.ts'

export interface ConditionView {
  readonly type: string
  readonly status: string
  readonly reason: string
  readonly message: string
  readonly since: string
}

/** The pod of a gateway, and the gateway's answer. */
export interface GatewayView {
  readonly name: string
  /** Undefined while it does not run. */
  readonly address: string | undefined
  readonly ready: boolean
  /** It terminates, or has ended. */
  readonly isEnding: boolean
  /** Why it does not run, such as ImagePullBackOff. */
  readonly trouble: string | undefined
  readonly startedAt: string | undefined
  readonly page?: StatusPage
  /** Why there is no answer. */
  readonly error?: string
}

export interface PolicyView {
  readonly namespace: string
  readonly name: string
  readonly createdAt: string | undefined
  readonly mode: string
  /** `metadata.generation`. */
  readonly generation: number
  /** The generation that gateways run; undefined if it is not known. */
  readonly inForce: number | undefined
  /** The generation that the operator has seen. */
  readonly observedGeneration: number
  readonly conditions: readonly ConditionView[]
  /** Whether the operator runs the gateways. */
  readonly isManaged: boolean
  /** Gateways that run this generation, and the wanted number of them. */
  readonly updated: number
  readonly total: number
  readonly addresses: readonly string[]
  readonly backendService: { readonly name: string; readonly namespace: string } | undefined
  readonly gateways: readonly GatewayView[]
  /** Of all gateways: a mail server works if one of them says so. */
  readonly mailServers: readonly MailServer[]
  /** When the operator last confirmed the status, and for how many seconds that holds. */
  readonly checkedAt: string | undefined
  readonly validSeconds: number | undefined
  readonly notices: readonly string[]
}

const text = (value: unknown): string => (typeof value === 'string' ? value : '')
const count = (value: unknown): number => (typeof value === 'number' && Number.isFinite(value) ? value : 0)
const texts = (value: unknown): readonly string[] =>
  Array.isArray(value) ? value.filter((one) => typeof one === 'string').map(oneLine) : []

/** @param gateways the pods of this policy, those that end too */
export function policyView(policy: KubeObject, gateways: readonly GatewayView[]): PolicyView {
  const { name, namespace = '', generation = 0, creationTimestamp } = policy.metadata
  const spec = fieldsOf(policy['spec'])
  const status = fieldsOf(policy['status'])
  const operator = fieldsOf(status['operator'])
  const counts = fieldsOf(status['gateways'])
  const conditions = conditionsOf(policy).map(conditionView)
  const pages = gateways.flatMap(({ page }) => (page === undefined ? [] : [page]))
  return {
    ...{ namespace, name, createdAt: creationTimestamp, generation, conditions, gateways },
    mode: text(spec['mode']) || 'Enforce',
    inForce: inForceOf(generation, conditions, pages),
    observedGeneration: count(status['observedGeneration']),
    isManaged: isObject(spec['gateway']) || isObject(status['gateways']),
    ...{ updated: count(counts['updated']), total: count(counts['total']) },
    addresses: texts(status['addresses']),
    backendService: serviceOf(fieldsOf(fieldsOf(spec['backend'])['service']), namespace),
    mailServers: mailServersOf(pages),
    checkedAt: text(operator['checkedAt']) || undefined,
    validSeconds: typeof operator['validSeconds'] === 'number' ? operator['validSeconds'] : undefined,
    notices: texts(status['notices']),
  }
}

function conditionView(one: Readonly<Record<string, unknown>>): ConditionView {
  return {
    ...{ type: text(one['type']), status: text(one['status']), reason: text(one['reason']) },
    message: text(one['message']),
    since: text(one['lastTransitionTime']),
  }
}

/** A condition by its type. */
export const conditionOf = ({ conditions }: Pick<PolicyView, 'conditions'>, type: string): ConditionView | undefined =>
  conditions.find((one) => one.type === type)

/** A gateway may run the policy of an older generation that differs only in its own form. */
function inForceOf(generation: number, conditions: readonly ConditionView[], pages: readonly StatusPage[]): number | undefined {
  if (conditionOf({ conditions }, 'Programmed')?.status === 'True') return generation
  const known = pages.flatMap((page) => (page.generation === undefined ? [] : [page.generation]))
  return known.length === 0 ? undefined : Math.min(...known)
}

function serviceOf({ name, namespace }: Readonly<Record<string, unknown>>, own: string): PolicyView['backendService'] {
  return typeof name === 'string' ? { name, namespace: typeof namespace === 'string' ? namespace : own } : undefined
}

function mailServersOf(pages: readonly StatusPage[]): readonly MailServer[] {
  const byName = Map.groupBy(
    pages.flatMap(({ mailServers }) => mailServers),
    ({ name }) => name,
  )
  return [...byName.values()].flatMap((some) => {
    const shown = some.find(({ state }) => state === 'working') ?? some[0]
    return shown === undefined ? [] : [{ ...shown, sessions: some.reduce((sum, { sessions }) => sum + sessions, 0) }]
  })
}
