// What one pass over a policy has found out: all that its status is made of.
import type { Problem } from '../../crds/problems.ts'
import type { Applied } from '../apply.ts'
import type { Contested } from '../contest.ts'
import type { Compiled } from '../compile/compile.ts'
import type { GatewayPod } from '../gateways/pods.ts'
import type { KubeObject } from '../kube/object.ts'

export interface Observation {
  readonly policy: KubeObject
  readonly compiled: Compiled | undefined
  /** Of the policy; empty when it could be compiled. */
  readonly problems: readonly Problem[]
  /** `tenancy`: the problems are what the operator does not allow to tenants. */
  readonly refusedBy?: 'tenancy' | undefined
  /** All of the problems are ConfigMaps that may still come. */
  readonly awaited: boolean
  /** What may pass by itself (awaiting.ts) has lasted too long. */
  readonly waitedTooLong: boolean
  /** The Service of the mail servers, where a gateway cannot find it: looked up in the cluster. */
  readonly backendService: 'missing' | 'headless' | 'clusterIP' | undefined
  readonly paused: boolean
  readonly applied: readonly Applied[]
  /** Objects that a paused policy would change. */
  readonly drifted: readonly KubeObject[]
  /** Objects that another writer keeps changing back. */
  readonly contested: readonly Contested[]
  /** The policy's own ConfigMap, its Deployment and its Service as they are in the cluster. */
  readonly configMap: KubeObject | undefined
  readonly deployment: KubeObject | undefined
  readonly service: KubeObject | undefined
  /** The form that the pods of the Deployment should have. */
  readonly template: string | undefined
  readonly pods: readonly GatewayPod[]
  /**
   * Gateways have refused this policy for a while. For a moment they may have the policy and not yet a table that comes
   * with it.
   */
  readonly refusalLasts: boolean
  readonly image: string
}
