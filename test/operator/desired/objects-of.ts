// The objects that the operator makes of a policy, by kind, for tests of single builders.
import assert from 'node:assert/strict'
import type {
  V1DaemonSet,
  V1Deployment,
  V1NetworkPolicy,
  V1Service,
  V1StatefulSet,
  V2HorizontalPodAutoscaler,
} from '@kubernetes/client-node'
import { tableKey } from '../../../operator/compile/access-tables.ts'
import { compile } from '../../../operator/compile/compile.ts'
import { desired } from '../../../operator/desired/desired.ts'
import { ownerOf } from '../../../operator/desired/names.ts'
import type { KubeObject } from '../../../operator/kube/object.ts'
import { settings } from '../observed.ts'
import { policyWith } from '../policy-object.ts'

interface Kinds {
  readonly ConfigMap: KubeObject
  readonly DaemonSet: V1DaemonSet
  readonly StatefulSet: V1StatefulSet
  readonly Deployment: V1Deployment
  readonly HorizontalPodAutoscaler: V2HorizontalPodAutoscaler
  readonly NetworkPolicy: V1NetworkPolicy
  readonly Service: V1Service
}

/** The object of this kind for a policy that has these fields besides its mail server. */
export function objectOf<K extends keyof Kinds>(kind: K, spec: object, policy: KubeObject = policyWith(spec)): Kinds[K] {
  const made = compile(policy, new Map())
  if ('problems' in made) throw new Error(JSON.stringify(made.problems))
  const found = desired(ownerOf(policy), made.compiled, settings).find((one) => one.kind === kind)
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the golden files show that each kind has its form
  return (found ?? assert.fail(`there is no ${kind}`)) as Kinds[K]
}

const tables = new Map([[tableKey('senders', 'mx.cidr'), { text: '192.0.2.0/24 permit\n203.0.113.0/24 reject\n' }]])

/** All objects of a policy, which may name the ConfigMap `senders`. Throws if the policy is invalid. */
export function objectsOfPolicy(policy: KubeObject): readonly KubeObject[] {
  const compilation = compile(policy, tables)
  if ('problems' in compilation) throw new Error(JSON.stringify(compilation.problems))
  const image = 'registry.example.com/postscreen:1.0'
  const operator = { image, operatorNamespace: 'postscreen-system', tenants: undefined, pullSecrets: [], metricsFrom: [] }
  return desired(ownerOf(policy), compilation.compiled, operator)
}
