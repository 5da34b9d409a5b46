// One finding about a policy, and the conditions that a policy in the cluster has.
import { fieldsOf, isObject } from '../../crds/is-object.ts'
import type { KubeObject } from '../kube/object.ts'

export type Truth = 'True' | 'False' | 'Unknown'

export interface Finding {
  readonly status: Truth
  /** One word for programs, CamelCase. */
  readonly reason: string
  /** For people. */
  readonly message: string
}

/** The conditions that a policy in the cluster has. */
export function conditionsOf({ status }: KubeObject): readonly Readonly<Record<string, unknown>>[] {
  const found = fieldsOf(status)['conditions']
  return Array.isArray(found) ? found.filter(isObject) : []
}
