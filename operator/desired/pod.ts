// A pod of the gateway: one container without privileges, with its policy, tables and secrets in one read-only volume.
import type { V1Container, V1PodSpec, V1VolumeProjection } from '@kubernetes/client-node'
import type { PolicySpec } from '../../crds/schema/policy.schema.ts'
import type { Compiled } from '../compile/compile.ts'
import type { SecretFile } from '../compile/secret-files.ts'
import { gatewayName, policyConfigMap, selectorLabels, tablesConfigMap } from './names.ts'
import { adminPort, containerPorts } from './ports.ts'

export type GatewaySpec = NonNullable<PolicySpec['gateway']>

/** The user of the image (see Dockerfile). It has no meaning elsewhere in the cluster. */
const user = 65_532
/**
 * The time from the end of the drain to the kill, for replies that are still being sent and the last writes of the
 * allowlist.
 */
const lastRepliesSeconds = 15
/**
 * The number of table ConfigMaps changes with the lists. A pod mounts at least this many, so that its form, and with it
 * the pod, need not change.
 */
const tableMapsAtLeast = 4
const policyFolder = '/etc/postscreen'
const dataFolder = '/var/lib/postscreen'
/** The volume of the data directory. */
export const dataVolume = 'data'

/** Rounded up, so that a growing list rarely changes the pod template. */
const tableMapsMounted = (shards: number): number => Math.max(tableMapsAtLeast, Math.ceil(shards / tableMapsAtLeast) * tableMapsAtLeast)

/**
 * All are optional except the policy: a missing one must not keep the others from the gateway, which reports what is
 * missing.
 */
function projections(policy: string, { shards, secrets }: Compiled): V1VolumeProjection[] {
  const bySecret = Map.groupBy(secrets, ({ secret }: SecretFile) => secret)
  return [
    { configMap: { name: policyConfigMap(policy), items: [{ key: 'policy.yaml', path: 'policy.yaml' }] } },
    ...Array.from({ length: tableMapsMounted(shards.length) }, (_, index) => ({
      configMap: { name: tablesConfigMap(policy, index), optional: true },
    })),
    ...[...bySecret].map(([name, files]) => ({
      secret: { name, optional: true, items: files.map(({ key }) => ({ key, path: `secrets/${name}/${key}` })) },
    })),
  ]
}

const probe = (path: string) => ({ httpGet: { path, port: 'admin' } })

/**
 * The kubelet ends only a gateway that has not answered for more than a minute (values of kubeadm for the control
 * plane): a gateway under attack is slow but works, and a restart would disconnect its clients and begin with the same
 * attack. A gateway that says that it is not ready leaves its Service after 4 s. One that is slow to say anything keeps
 * its clients for 20 s, because the other gateways would have to take them, and they are probably as busy.
 */
const probes = {
  startupProbe: { ...probe('/healthz'), periodSeconds: 1, timeoutSeconds: 15, failureThreshold: 240 },
  livenessProbe: { ...probe('/healthz'), periodSeconds: 10, timeoutSeconds: 15, failureThreshold: 8 },
  readinessProbe: { ...probe('/readyz'), periodSeconds: 2, timeoutSeconds: 10, failureThreshold: 2 },
} as const

function container(spec: PolicySpec, gateway: GatewaySpec, image: string): V1Container {
  return {
    name: 'gateway',
    image,
    imagePullPolicy: gateway.image.pullPolicy,
    args: [
      'gateway',
      ...['--policy', `${policyFolder}/policy.yaml`, '--await-policy'],
      ...['--admin', `*:${adminPort}`],
      ...['--data-dir', dataFolder],
      ...(gateway.workers > 1 ? ['--workers', String(gateway.workers)] : []),
      ...['--log-format', gateway.logFormat.toLowerCase()],
      ...['--drain-timeout', `${gateway.drain.timeout}s`],
      // The delay passes in preStop. After it, clients are accepted until no new client comes.
      ...(gateway.drain.delay > 0 ? ['--drain-delay', '1s'] : []),
    ],
    ports: [...containerPorts(spec, gateway.hostPort), { name: 'admin', containerPort: adminPort, protocol: 'TCP' }],
    ...probes,
    // Until endpoints and load balancers know that the pod is terminating, clients still come and are accepted.
    ...(gateway.drain.delay > 0 && { lifecycle: { preStop: { sleep: { seconds: gateway.drain.delay } } } }),
    resources: { requests: { ...gateway.resources.requests }, limits: { ...gateway.resources.limits } },
    securityContext: {
      allowPrivilegeEscalation: false,
      capabilities: { drop: ['ALL'] },
      privileged: false,
      readOnlyRootFilesystem: true,
    },
    terminationMessagePolicy: 'FallbackToLogsOnError',
    volumeMounts: [
      { name: 'policy', mountPath: policyFolder, readOnly: true },
      { name: dataVolume, mountPath: dataFolder },
    ],
  }
}

/**
 * Spreads pods over nodes, and then over zones. Each form of pod is counted separately, so that a rollout does not skew
 * the result. Zones are a preference (affinity) and not a second constraint: with two constraints the scheduler does
 * not score a node that lacks one of the labels, so where nodes have no zone both gateways could be put on one node
 * (pkg/scheduler/framework/plugins/podtopologyspread/scoring.go).
 */
function spread(policy: string, form: string): Pick<V1PodSpec, 'affinity' | 'topologySpreadConstraints'> {
  const labelSelector = { matchLabels: { ...selectorLabels(policy) } }
  const zone = { weight: 100, podAffinityTerm: { topologyKey: 'topology.kubernetes.io/zone', labelSelector } }
  const node = { maxSkew: 1, topologyKey: 'kubernetes.io/hostname', whenUnsatisfiable: 'ScheduleAnyway', labelSelector }
  return {
    affinity: { podAntiAffinity: { preferredDuringSchedulingIgnoredDuringExecution: [zone] } },
    topologySpreadConstraints: [{ ...node, matchLabelKeys: [form] }],
  }
}

/** The image and the Secrets for pulling it, for gateways whose policy names none, and the user of their pods. */
export interface OwnImage {
  readonly image: string
  readonly pullSecrets: readonly string[]
  /** The cluster assigns users to pods, so they ask for none. */
  readonly usersAreAssigned?: boolean
}

/** Volumes belong to the group of the user. Where the cluster assigns the user, it also assigns this group. */
const fixedUser = { runAsUser: user, runAsGroup: user, fsGroup: user, fsGroupChangePolicy: 'OnRootMismatch' } as const

/** The restricted Pod Security level and more. The image is the operator's own unless the policy names one. */
export function podSpec(name: string, gateway: GatewaySpec, compiled: Compiled, own: OwnImage): V1PodSpec {
  const pullSecrets = gateway.image.pullSecrets.length > 0 ? gateway.image.pullSecrets : own.pullSecrets
  return {
    serviceAccountName: gatewayName(name),
    automountServiceAccountToken: false,
    enableServiceLinks: false,
    terminationGracePeriodSeconds: gateway.drain.delay + gateway.drain.timeout + lastRepliesSeconds,
    securityContext: {
      runAsNonRoot: true,
      ...(own.usersAreAssigned !== true && fixedUser),
      seccompProfile: { type: 'RuntimeDefault' },
    },
    ...(pullSecrets.length > 0 && { imagePullSecrets: pullSecrets.map((secret) => ({ name: secret })) }),
    ...(gateway.priorityClassName !== '' && { priorityClassName: gateway.priorityClassName }),
    ...(Object.keys(gateway.nodeSelector).length > 0 && { nodeSelector: { ...gateway.nodeSelector } }),
    ...(gateway.tolerations.length > 0 && { tolerations: gateway.tolerations.map((one) => ({ ...one })) }),
    // A DaemonSet places its pods itself.
    ...(gateway.kind !== 'DaemonSet' && spread(name, gateway.persistence === undefined ? 'pod-template-hash' : 'controller-revision-hash')),
    // With the network of the node, the default would be the DNS of the node, which knows no Services.
    ...(gateway.hostNetwork && { hostNetwork: true, dnsPolicy: 'ClusterFirstWithHostNet' }),
    containers: [container(compiled.policy.spec, gateway, gateway.image.name === '' ? own.image : gateway.image.name)],
    volumes: [
      { name: 'policy', projected: { sources: projections(name, compiled), defaultMode: 0o444 } },
      // A StatefulSet adds the volume of the pod's claim.
      ...(gateway.persistence === undefined ? [{ name: dataVolume, emptyDir: { sizeLimit: gateway.dataSizeLimit } }] : []),
    ],
  }
}
