// The settings of the operator that the objects of every policy depend on.
import type { TenantRules } from '../../crds/schema/tenancy.ts'
/** What the operator knows besides the policy. */
export interface Settings {
  /** The image of gateways whose policy names none. */
  readonly image: string
  /** The Secrets to pull it with, for gateways whose policy names none. */
  readonly pullSecrets: readonly string[]
  /** Where the operator's own pods are; undefined outside a cluster. */
  readonly operatorNamespace: string | undefined
  /** Pods that may read the metrics of all gateways, as in the `from` of a NetworkPolicy. */
  readonly metricsFrom: readonly object[]
  /** What authors of policies may do; undefined: everything. */
  readonly tenants: TenantRules | undefined
}
