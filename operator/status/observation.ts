// What one pass over a policy has observed: the input for its status.
import type { Problem } from '../../crds/problems.ts'
import type { Applied } from '../apply.ts'
import type { Contested } from '../contest.ts'
import type { Compiled } from '../compile/compile.ts'
import type { GatewayPod } from '../gateways/pods.ts'
import type { KubeObject } from '../kube/object.ts'

export interface Observation {
  readonly policy: KubeObject
  readonly compiled: Compiled | undefined
  /** The problems of the policy; empty if it could be compiled. */
  readonly problems: readonly Problem[]
  /** `tenancy`: the problems are settings that the operator does not allow to tenants. */
  readonly refusedBy?: 'tenancy' | undefined
  /** All problems are ConfigMaps that may still be created. */
  readonly awaited: boolean
  /** A state that may pass without an action (awaiting.ts) has lasted too long. */
  readonly waitedTooLong: boolean
  /** The Service of the mail servers if a gateway cannot find it: looked up in the cluster. */
  readonly backendService: 'missing' | 'headless' | 'clusterIP' | undefined
  readonly paused: boolean
  readonly applied: readonly Applied[]
  /** Objects that a paused policy would change. */
  readonly drifted: readonly KubeObject[]
  /** Objects that another writer keeps changing back. */
  readonly contested: readonly Contested[]
  /** The policy's own ConfigMap, what runs its gateways, and its Service, as they are in the cluster. */
  readonly configMap: KubeObject | undefined
  readonly workload: KubeObject | undefined
  readonly service: KubeObject | undefined
  /** The form that the pods should have. */
  readonly template: string | undefined
  readonly pods: readonly GatewayPod[]
  /**
   * Gateways have refused this policy for a while. For a short time, they may have the policy without one of its
   * tables.
   */
  readonly refusalLasts: boolean
  readonly image: string
}
