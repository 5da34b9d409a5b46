// The status of a policy as it is written: conditions with their times, counts, addresses, and the effective settings.
import { noTransition } from '../../crds/schema/status.schema.ts'
import { formatDuration } from '../../crds/values/duration.ts'
import { formatEndpoint } from '../../crds/values/endpoint.ts'
import type { Compiled } from '../compile/compile.ts'
import { annotation, policyConfigMap, selectorLabels, tablesConfigMap } from '../desired/names.ts'
import { fieldsOf, isObject } from '../../crds/is-object.ts'
import type { KubeObject } from '../kube/object.ts'
import { conditionsOf, type Truth } from './condition.ts'
import { conditionTypes, type Findings } from './findings.ts'
import { noticesOf } from '../../crds/notices.ts'
import type { GatewayPod } from '../gateways/pods.ts'
import type { Observation } from './observation.ts'
import type { PolicySpec } from '../../crds/schema/policy.schema.ts'
import type { GatewaySpec } from '../desired/pod.ts'
import { rolloutOf } from './rollout.ts'

/** metav1.Condition. */
export interface Condition {
  readonly type: string
  readonly status: Truth
  readonly observedGeneration: number
  readonly lastTransitionTime: string
  readonly reason: string
  readonly message: string
}

export type PolicyStatus = Readonly<Record<string, unknown>> & { readonly conditions: readonly Condition[] }

function conditions(policy: KubeObject, findings: Findings, now: Date): readonly Condition[] {
  const before = conditionsOf(policy)
  const time = `${now.toISOString().slice(0, 19)}Z`
  return conditionTypes.flatMap((type) => {
    const found = findings[type]
    if (found === undefined) return []
    const { status, reason, message } = found
    const last = before.find((one) => one['type'] === type)
    const since = last?.['status'] === status ? last['lastTransitionTime'] : undefined
    const lastTransitionTime = typeof since === 'string' && since !== noTransition ? since : time
    return { type, status, observedGeneration: policy.metadata.generation ?? 0, lastTransitionTime, reason, message }
  })
}

/** The nodes with a gateway that accepts clients, each with a port. Other nodes do not answer. */
function onNodes(pods: readonly GatewayPod[], port: number): readonly string[] {
  const hosts = pods.flatMap(({ ready, host }) => (ready && host !== undefined ? [host] : []))
  return [...new Set(hosts)].toSorted().map((address) => formatEndpoint({ address, port }))
}

/** A port of the node itself: that of the pod. */
function nodePort({ hostPort, hostNetwork }: GatewaySpec, { listen }: PolicySpec): number | undefined {
  if (hostPort > 0) return hostPort
  return hostNetwork ? listen.addresses[0]?.port : undefined
}

const texts = (list: unknown): readonly string[] => (Array.isArray(list) ? list.map(String) : [])

/** The addresses of the load balancer, of nodes, or of the Service in the cluster. */
function ofService({ service, pods }: Observation): readonly string[] {
  const spec = fieldsOf(service?.['spec'])
  if (spec['type'] === 'NodePort') {
    const [first] = Array.isArray(spec['ports']) ? spec['ports'].filter(isObject) : []
    const port = first?.['nodePort']
    return typeof port === 'number' ? onNodes(pods, port) : []
  }
  if (spec['type'] !== 'LoadBalancer') return texts(spec['clusterIPs'])
  const balancer = fieldsOf(fieldsOf(service?.['status'])['loadBalancer'])['ingress']
  const entries = Array.isArray(balancer) ? balancer.filter(isObject) : []
  return entries.flatMap(({ ip, hostname }) => [ip, hostname].filter((one) => typeof one === 'string' && one !== '').map(String))
}

/** Where clients connect. An address in the cluster is one only if there is no other. */
function addresses(seen: Observation): readonly string[] {
  const policy = seen.compiled?.policy.spec
  const port = policy?.gateway === undefined ? undefined : nodePort(policy.gateway, policy)
  const outside = [...(port === undefined ? [] : onNodes(seen.pods, port)), ...texts(fieldsOf(seen.service?.['spec'])['externalIPs'])]
  const isInside = fieldsOf(seen.service?.['spec'])['type'] === 'ClusterIP'
  return isInside && (outside.length > 0 || port !== undefined) ? outside : [...outside, ...ofService(seen)]
}

/** The labels of the pods in the form of a query. */
const selectorOf = (policy: string): string =>
  Object.entries(selectorLabels(policy))
    .map(([name, value]) => `${name}=${value}`)
    .join(',')

function backends({ policy }: Compiled): readonly string[] {
  const { addresses: named, service } = policy.spec.backend
  if (service === undefined) return (named ?? []).map(formatEndpoint)
  return [`${service.name}.${service.namespace ?? policy.metadata.namespace}.svc:${service.port}`]
}

function effective({ compiled, image }: Observation): object {
  if (compiled === undefined) return {}
  const { gateway, greet, smtp, dnsbl } = compiled.policy.spec
  const own = gateway?.image.name ?? ''
  return {
    ...(gateway !== undefined && { image: own === '' ? image : own }),
    backends: backends(compiled),
    greetStressWait: formatDuration(greet.stressWait),
    stressCommandTimeLimit: formatDuration(smtp.stressCommandTimeLimit),
    dnsblSites: dnsbl.sites.map(({ domain, weight }) => `${domain}*${weight}`),
    tableRules: compiled.tableRules,
  }
}

/** What gateways read now. After a change that is not valid, paused or not allowed, it is the last valid policy. */
function configMap({ policy, compiled, configMap: found }: Observation): object {
  const hash = found?.metadata.annotations?.[annotation.hash]
  if (hash === undefined) return {}
  const { name } = policy.metadata
  const tables = compiled?.hash === hash && { tables: compiled.shards.map((_, index) => tablesConfigMap(name, index)) }
  return { configMap: { name: policyConfigMap(name), hash, ...tables } }
}

/**
 * @param seen what a pass has observed
 * @param findings of the same pass
 * @param now for conditions that have changed
 */
export function statusOf(seen: Observation, findings: Findings, now: Date): PolicyStatus {
  const { policy, compiled } = seen
  const { generation = 0 } = policy.metadata
  const { total, ready, updated } = rolloutOf(seen)
  const managed = seen.workload !== undefined
  return {
    observedGeneration: generation,
    conditions: conditions(policy, findings, now),
    ...(managed && {
      addresses: addresses(seen),
      gateways: {
        total,
        ready,
        updated,
        selector: selectorOf(policy.metadata.name),
        programmed: `${updated}/${total}`,
        serving: `${Math.min(ready, total)}/${total}`,
      },
    }),
    ...configMap(seen),
    ...(compiled !== undefined && { notices: noticesOf(compiled.policy.spec, compiled.tablesReject) }),
    ...(compiled !== undefined && { effective: effective(seen) }),
  }
}
