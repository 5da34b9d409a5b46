// What of a policy cannot be changed once it is there. CEL only: a file has no earlier version to compare with.
import type { Rule } from './rules.ts'

/** Checked by the API server at updates, where both the new value and the old one have the object. */
export const transitions: readonly Omit<Rule, 'holds'>[] = [
  {
    at: 'spec.gateway.service',
    field: 'loadBalancerClass',
    cel: "self.type != 'LoadBalancer' || oldSelf.type != 'LoadBalancer' || self.loadBalancerClass == oldSelf.loadBalancerClass",
    message: 'cannot be changed while type is LoadBalancer; take spec.gateway out and apply, then put it back with the other class',
  },
  {
    at: 'spec.gateway.service',
    field: 'ipFamilies',
    cel: 'self.ipFamilies.size() == 0 || oldSelf.ipFamilies.size() == 0 || self.ipFamilies[0] == oldSelf.ipFamilies[0]',
    message: 'must keep its first family; the second may come and go',
  },
]
