// What a pass may have observed of a policy whose two gateways run as they should, and variations of it.
import { type Compiled, compile } from '../../operator/compile/compile.ts'
import { desired } from '../../operator/desired/desired.ts'
import { ownerOf } from '../../operator/desired/names.ts'
import type { GatewayPod } from '../../operator/gateways/pods.ts'
import { isObject } from '../../crds/is-object.ts'
import type { KubeObject } from '../../operator/kube/object.ts'
import type { Observation } from '../../operator/status/observation.ts'
import { policyWith } from './policy-object.ts'

export const settings = {
  image: 'registry.example.com/postscreen:1.0',
  operatorNamespace: 'postscreen-system',
  tenants: undefined,
  pullSecrets: [],
  metricsFrom: [],
}
export const template = 'template-1'

export function compiledOf(policy: KubeObject): Compiled {
  const made = compile(policy, new Map())
  if ('problems' in made) throw new Error(JSON.stringify(made.problems))
  return made.compiled
}

export function podWith(compiled: Compiled, fields: Partial<GatewayPod> = {}): GatewayPod {
  const backends = [{ name: 'postfix.mail.svc:10025', reachable: true, why: '' }]
  return {
    name: 'mx-gateway-1',
    uid: 'uid-1',
    address: '10.0.0.1',
    host: '192.0.2.101',
    ready: true,
    template,
    refresh: undefined,
    trouble: undefined,
    report: { hash: compiled.hash, refused: undefined, backends },
    ...fields,
  }
}

/** The Deployment as its controller has it when all is done. */
export function deploymentWith(replicas: number, status: object = {}): KubeObject {
  const counts = { observedGeneration: 2, replicas, updatedReplicas: replicas, availableReplicas: replicas, readyReplicas: replicas }
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name: 'mx-gateway', namespace: 'mail', generation: 2 },
    spec: { replicas },
    status: { ...counts, ...status },
  }
}

/** A DaemonSet with this status of its controller. */
export const daemonSetWith = (status: object): KubeObject => ({
  apiVersion: 'apps/v1',
  kind: 'DaemonSet',
  metadata: { name: 'mx-gateway', namespace: 'mail', generation: 2 },
  spec: {},
  status: { observedGeneration: 2, ...status },
})

/** A policy at rest: generation 3, two gateways. */
export function atRest(spec: object = { gateway: {} }): Observation & { readonly compiled: Compiled } {
  const policy = policyWith(spec, { generation: 3 })
  const compiled = compiledOf(policy)
  const isManaged = isObject(policy['spec']) && policy['spec']['gateway'] !== undefined
  const configMap = desired(ownerOf(policy), compiled, settings).find(({ metadata }) => metadata.name === 'mx-policy')
  const service: KubeObject = {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name: 'mx-gateway', namespace: 'mail' },
    spec: { type: 'LoadBalancer', clusterIPs: ['10.96.0.1'] },
    status: { loadBalancer: { ingress: [{ ip: '192.0.2.25' }, { hostname: 'mx.example.com' }] } },
  }
  return {
    policy,
    compiled,
    problems: [],
    awaited: false,
    waitedTooLong: false,
    backendService: undefined,
    paused: false,
    refusalLasts: true,
    applied: [],
    drifted: [],
    contested: [],
    configMap,
    workload: isManaged ? deploymentWith(2) : undefined,
    service: isManaged ? service : undefined,
    template: isManaged ? template : undefined,
    pods: isManaged ? [podWith(compiled), podWith(compiled, { name: 'mx-gateway-2', uid: 'uid-2' })] : [],
    image: settings.image,
  }
}
