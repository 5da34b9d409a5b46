// The operator's settings on which the objects of every policy depend.
import type { TenantRules } from '../../crds/schema/tenancy.ts'
/** What the operator knows besides the policy. */
export interface Settings {
  /** The image of gateways whose policy names none. */
  readonly image: string
  /** The Secrets for pulling it, for gateways whose policy names none. */
  readonly pullSecrets: readonly string[]
  /** The cluster assigns users to pods, so the pods of gateways ask for none. */
  readonly usersAreAssigned?: boolean
  /** The namespace of the operator's own pods; undefined outside a cluster. */
  readonly operatorNamespace: string | undefined
  /** Pods that may read the metrics of all gateways, as in the `from` of a NetworkPolicy. */
  readonly metricsFrom: readonly object[]
  /** What authors of policies may do; undefined: everything. */
  readonly tenants: TenantRules | undefined
}
