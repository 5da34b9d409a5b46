// The options that the operator receives from the command line and the environment.
import type { Logger } from 'pino'
import type { Endpoint } from '../crds/values/endpoint.ts'
import type { TenantRules } from '../crds/schema/tenancy.ts'
import type { PodUsers } from './pod-users.ts'

export interface OperatorOptions {
  /** The namespaces to watch; an empty list means all. */
  readonly namespaces: readonly string[]
  /**
   * Names this installation as NAMESPACE/NAME. Policies store which operator manages them. All pods of the installation
   * have the same name.
   */
  readonly instance: string
  /** The image of gateways whose policy names none. */
  readonly gatewayImage: string
  /** What authors of policies may do; undefined: everything. */
  readonly tenants: TenantRules | undefined
  /** Secrets for pulling images, for gateways whose policy names none. */
  readonly gatewayPullSecrets: readonly string[]
  /** The users of the gateways' pods. */
  readonly podUsers: PodUsers
  /** Pods that may read the metrics of all gateways, as in the `from` of a NetworkPolicy. */
  readonly metricsFrom: readonly object[]
  /** A kubeconfig file; if undefined, the pod's service account, or else the user's kubeconfig. */
  readonly kubeconfig: string | undefined
  /** The address `*` stands for all addresses. Undefined: no admin server. */
  readonly admin: Endpoint | undefined
  /** If undefined, there is no election: this is the only operator. */
  readonly election: ElectionSettings | undefined
  /** The namespace of the operator's own pods; undefined outside a cluster. */
  readonly ownNamespace: string | undefined
  readonly resyncMs: number
  readonly workers: number
  readonly log: Logger
}

/** The Lease, and how this process takes part in the election. */
export interface ElectionSettings {
  readonly namespace: string
  readonly name: string
  /** Different for each process. */
  readonly identity: string
  /** The beginning of the identities of earlier processes of the same pod. */
  readonly formerSelf: string | undefined
  /** How long others wait after the last renewal that they observed, in milliseconds. */
  readonly leaseMs: number
}
