// The fields of a policy that cannot be changed after creation. CEL only: a file has no earlier version to compare
// with.
import type { Rule } from './rule.ts'

/** Checked by the API server on updates if both the new value and the old one have the object. */
export const transitions: readonly Omit<Rule, 'holds'>[] = [
  {
    at: 'spec.gateway.service',
    field: 'loadBalancerClass',
    cel: "self.type != 'LoadBalancer' || oldSelf.type != 'LoadBalancer' || self.loadBalancerClass == oldSelf.loadBalancerClass",
    message: 'cannot be changed while type is LoadBalancer; remove spec.gateway and apply, then add it again with the other class',
  },
  {
    at: 'spec.gateway.service',
    field: 'ipFamilies',
    cel: 'self.ipFamilies.size() == 0 || oldSelf.ipFamilies.size() == 0 || self.ipFamilies[0] == oldSelf.ipFamilies[0]',
    message: 'must keep its first family; the second family can be added and removed',
  },
  ...(['size', 'storageClassName', 'accessMode'] as const).map((field) => ({
    at: 'spec.gateway.persistence',
    field,
    cel: `self.${field} == oldSelf.${field}`,
    message: 'cannot be changed; remove spec.gateway.persistence and apply, delete the PersistentVolumeClaims, then add it again',
  })),
]
