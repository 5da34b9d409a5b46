// A pod of the gateway: one container without rights, its policy, tables and secrets in one read-only volume.
import type { V1Container, V1PodSpec, V1VolumeProjection } from '@kubernetes/client-node'
import type { PolicySpec } from '../../crds/schema/policy.schema.ts'
import type { Compiled } from '../compile/compile.ts'
import type { SecretFile } from '../compile/secret-files.ts'
import { gatewayName, policyConfigMap, selectorLabels, tablesConfigMap } from './names.ts'
import { adminPort, smtpPortName, smtpPorts } from './ports.ts'

export type GatewaySpec = NonNullable<PolicySpec['gateway']>

/** The user of the image (see Dockerfile), of whom nothing in the cluster knows. */
const user = 65_532
/** From the end of the drain to the kill: replies that are on their way, and the allowlist's last writes. */
const lastRepliesSeconds = 15
/**
 * Table ConfigMaps come and go with the lists; pods look for this many at least, so that their form, and with it the
 * pods, need not change.
 */
const tableMapsAtLeast = 4
const policyFolder = '/etc/postscreen'
const dataFolder = '/var/lib/postscreen'

/** Rounded up, so that a growing list rarely changes the pod template. */
const tableMapsMounted = (shards: number): number => Math.max(tableMapsAtLeast, Math.ceil(shards / tableMapsAtLeast) * tableMapsAtLeast)

/**
 * Optional, all but the policy: one that is missing must not keep the others from the gateway, which says itself what
 * it lacks.
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

function container(spec: PolicySpec, gateway: GatewaySpec, image: string): V1Container {
  const probe = (path: string) => ({ httpGet: { path, port: 'admin' }, timeoutSeconds: 2 })
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
      // The delay itself passes in preStop, where the pod still counts as serving. Behind it clients are taken until
      // none comes any more.
      ...(gateway.drain.delay > 0 ? ['--drain-delay', '1s'] : []),
    ],
    ports: [
      ...smtpPorts(spec).map((port, index) => ({ name: smtpPortName(index), containerPort: port, protocol: 'TCP' })),
      { name: 'admin', containerPort: adminPort, protocol: 'TCP' },
    ],
    startupProbe: { ...probe('/healthz'), periodSeconds: 1, failureThreshold: 60 },
    livenessProbe: { ...probe('/healthz'), periodSeconds: 10, failureThreshold: 6 },
    readinessProbe: { ...probe('/readyz'), periodSeconds: 2, failureThreshold: 2 },
    // Endpoints and load balancers learn of the end of a pod a moment after it began. Until then clients still come,
    // and are still taken.
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
      { name: 'data', mountPath: dataFolder },
    ],
  }
}

/**
 * On as many nodes as there are, and then in as many zones; forms of pod are counted apart, so that a rollout does not
 * skew it. Zones are a wish about neighbours, not a second constraint: with two of them the scheduler scores no node
 * that lacks one of the labels, so that where nodes have no zone both gateways could land on one node
 * (pkg/scheduler/framework/plugins/podtopologyspread/scoring.go).
 */
function spread(policy: string): Pick<V1PodSpec, 'affinity' | 'topologySpreadConstraints'> {
  const labelSelector = { matchLabels: { ...selectorLabels(policy) } }
  const zone = { weight: 100, podAffinityTerm: { topologyKey: 'topology.kubernetes.io/zone', labelSelector } }
  const node = { maxSkew: 1, topologyKey: 'kubernetes.io/hostname', whenUnsatisfiable: 'ScheduleAnyway', labelSelector }
  return {
    affinity: { podAntiAffinity: { preferredDuringSchedulingIgnoredDuringExecution: [zone] } },
    topologySpreadConstraints: [{ ...node, matchLabelKeys: ['pod-template-hash'] }],
  }
}

/** The image of gateways whose policy names none, and the Secrets to pull images with where it names none. */
export interface OwnImage {
  readonly image: string
  readonly pullSecrets: readonly string[]
}

/** The restricted Pod Security level and more; the image is the operator's own unless the policy names one. */
export function podSpec(name: string, gateway: GatewaySpec, compiled: Compiled, own: OwnImage): V1PodSpec {
  const pullSecrets = gateway.image.pullSecrets.length > 0 ? gateway.image.pullSecrets : own.pullSecrets
  return {
    serviceAccountName: gatewayName(name),
    automountServiceAccountToken: false,
    enableServiceLinks: false,
    terminationGracePeriodSeconds: gateway.drain.delay + gateway.drain.timeout + lastRepliesSeconds,
    securityContext: {
      runAsNonRoot: true,
      runAsUser: user,
      runAsGroup: user,
      fsGroup: user,
      fsGroupChangePolicy: 'OnRootMismatch',
      seccompProfile: { type: 'RuntimeDefault' },
    },
    ...(pullSecrets.length > 0 && { imagePullSecrets: pullSecrets.map((secret) => ({ name: secret })) }),
    ...(gateway.priorityClassName !== '' && { priorityClassName: gateway.priorityClassName }),
    ...(Object.keys(gateway.nodeSelector).length > 0 && { nodeSelector: { ...gateway.nodeSelector } }),
    ...(gateway.tolerations.length > 0 && { tolerations: gateway.tolerations.map((one) => ({ ...one })) }),
    ...spread(name),
    containers: [container(compiled.policy.spec, gateway, gateway.image.name === '' ? own.image : gateway.image.name)],
    volumes: [
      { name: 'policy', projected: { sources: projections(name, compiled), defaultMode: 0o444 } },
      { name: 'data', emptyDir: { sizeLimit: gateway.dataSizeLimit } },
    ],
  }
}
