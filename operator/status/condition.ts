// One finding about a policy, and the conditions of a policy in the cluster.
import { fieldsOf, isObject } from '../../crds/is-object.ts'
import type { KubeObject } from '../kube/object.ts'

export type Truth = 'True' | 'False' | 'Unknown'

export interface Finding {
  readonly status: Truth
  /** The reason, as one CamelCase word. */
  readonly reason: string
  /** The message for people. */
  readonly message: string
}

const longest = 8000

/** The end is never half of a surrogate pair: the API server would replace that. */
export const finding = (status: Truth, reason: string, message: string): Finding => ({
  status,
  reason,
  message: message.slice(0, longest).toWellFormed(),
})

/** The conditions of a policy in the cluster. */
export function conditionsOf({ status }: KubeObject): readonly Readonly<Record<string, unknown>>[] {
  const found = fieldsOf(status)['conditions']
  return Array.isArray(found) ? found.filter(isObject) : []
}
