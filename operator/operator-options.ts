// What the command line and the environment give the operator.
import type { Logger } from 'pino'
import type { TenantRules } from '../crds/schema/tenancy.ts'

export interface OperatorOptions {
  /** The namespaces to watch; none means all. */
  readonly namespaces: readonly string[]
  /**
   * Names this installation, NAMESPACE/NAME: policies say which operator looks after them. The same for all its pods.
   */
  readonly instance: string
  /** The image of gateways whose policy names none. */
  readonly gatewayImage: string
  /** What authors of policies may do; undefined: everything. */
  readonly tenants: TenantRules | undefined
  /** Secrets to pull images with, for gateways whose policy names none. */
  readonly gatewayPullSecrets: readonly string[]
  /** Pods that may read the metrics of all gateways, as in the `from` of a NetworkPolicy. */
  readonly metricsFrom: readonly object[]
  /** A kubeconfig file; without it the pod's service account, else the user's own. */
  readonly kubeconfig: string | undefined
  readonly admin: { readonly host: string | undefined; readonly port: number } | undefined
  /** Undefined: no election, this is the only operator. */
  readonly election:
    | { readonly namespace: string; readonly name: string; readonly identity: string; readonly formerSelf: string | undefined }
    | undefined
  /** Where the operator's own pods are; undefined outside a cluster. */
  readonly ownNamespace: string | undefined
  readonly resyncMs: number
  readonly workers: number
  readonly log: Logger
}
