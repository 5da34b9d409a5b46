// desired(policy) -> objects: all objects that should exist for a policy, in the order in which they are applied. Pure.
import { createHash } from 'node:crypto'
import type { Compiled } from '../compile/compile.ts'
import type { KubeObject } from '../kube/object.ts'
import { autoscaler } from './autoscaler.ts'
import { policyMap, tableMaps } from './config-maps.ts'
import { daemonSet } from './daemon-set.ts'
import { deployment } from './deployment.ts'
import { disruptionBudget } from './disruption-budget.ts'
import { annotation, type Owner } from './names.ts'
import { networkPolicy } from './network-policy.ts'
import type { GatewaySpec } from './pod.ts'
import { patched } from './patch/patch.ts'
import { withTemplateName } from './pod-template.ts'
import { service } from './service.ts'
import { serviceAccount } from './service-account.ts'
import type { Settings } from './settings.ts'
import { statefulSet } from './stateful-set.ts'
import { workloadKindOf } from './workload.ts'

/** Adds a digest of everything that is wanted of the object. */
function withDigest(object: KubeObject): KubeObject {
  const digest = createHash('sha256').update(JSON.stringify(object)).digest('hex').slice(0, 16)
  const annotations = { ...object.metadata.annotations, [annotation.applied]: digest }
  return { ...object, metadata: { ...object.metadata, annotations } }
}

/** Tables come before the policy that names them, and what pods need comes before the pods. */
export const desired = (owner: Owner, compiled: Compiled, settings: Settings): readonly KubeObject[] =>
  unpatched(owner, compiled, settings).map((object) => withDigest(withTemplateName(patched(object, compiled.policy.spec.gateway?.patch))))

/** The objects before the patches of the policy, and without what is derived from them. */
export function unpatched(owner: Owner, compiled: Compiled, settings: Settings): readonly KubeObject[] {
  const { spec } = compiled.policy
  const { gateway } = spec
  const read = [...tableMaps(owner, compiled), policyMap(owner, compiled)]
  if (gateway === undefined) return read
  return [
    ...read,
    serviceAccount(owner),
    ...(gateway.networkPolicy.enabled ? [networkPolicy(owner, spec, settings)] : []),
    service(owner, spec, gateway),
    ...workload(owner, gateway, compiled, settings),
    ...(gateway.autoscaling === undefined ? [] : [autoscaler(owner, gateway.autoscaling, workloadKindOf(gateway))]),
  ]
}

/** A node that is drained keeps the pods of a DaemonSet, so they have no disruption budget. */
function workload(owner: Owner, gateway: GatewaySpec, compiled: Compiled, settings: Settings): readonly KubeObject[] {
  const { kind, persistence } = gateway
  if (persistence !== undefined)
    return [statefulSet(owner, { ...gateway, persistence }, compiled, settings), disruptionBudget(owner, gateway)]
  return kind === 'DaemonSet'
    ? [daemonSet(owner, gateway, compiled, settings)]
    : [deployment(owner, gateway, compiled, settings), disruptionBudget(owner, gateway)]
}
