// The restricted level of the Pod Security Standards (https://kubernetes.io/docs/concepts/security/pod-security-standards/), as far as a pod of ours
// could break it: what the admission controller of a namespace would say.
import type { V1Container, V1PodSpec } from '@kubernetes/client-node'

const volumeTypes = new Set(['configMap', 'csi', 'downwardAPI', 'emptyDir', 'ephemeral', 'persistentVolumeClaim', 'projected', 'secret'])

function* ofContainer(container: V1Container, pod: V1PodSpec): Generator<string> {
  const { name, ports = [], securityContext: own = {} } = container
  const seccomp = own.seccompProfile ?? pod.securityContext?.seccompProfile
  if (own.allowPrivilegeEscalation !== false) yield `${name}: allowPrivilegeEscalation must be false`
  if (!(own.capabilities?.drop ?? []).includes('ALL')) yield `${name}: capabilities.drop must have ALL`
  if ((own.capabilities?.add ?? []).some((one) => one !== 'NET_BIND_SERVICE'))
    yield `${name}: capabilities.add must be NET_BIND_SERVICE at most`
  if (own.privileged === true) yield `${name}: must not be privileged`
  if ((own.runAsNonRoot ?? pod.securityContext?.runAsNonRoot) !== true) yield `${name}: runAsNonRoot must be true`
  if ((own.runAsUser ?? pod.securityContext?.runAsUser) === 0) yield `${name}: runAsUser must not be 0`
  if (!['RuntimeDefault', 'Localhost'].includes(seccomp?.type ?? ''))
    yield `${name}: seccompProfile.type must be RuntimeDefault or Localhost`
  if (ports.some(({ hostPort = 0 }) => hostPort !== 0)) yield `${name}: hostPort must not be used`
}

/** What stands against admitting the pod. */
export function* breaches(pod: V1PodSpec): Generator<string> {
  if (pod.hostNetwork === true || pod.hostPID === true || pod.hostIPC === true) yield 'host namespaces must not be shared'
  for (const { name, ...source } of pod.volumes ?? []) {
    for (const type of Object.keys(source)) if (!volumeTypes.has(type)) yield `volume ${name}: ${type} is not allowed`
  }
  if ((pod.securityContext?.sysctls ?? []).length > 0) yield 'sysctls must not be set'
  for (const container of [...(pod.initContainers ?? []), ...pod.containers]) yield* ofContainer(container, pod)
}
