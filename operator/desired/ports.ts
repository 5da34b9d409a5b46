// Which ports a gateway's pod has.
import type { PolicySpec } from '../../crds/schema/policy.schema.ts'
import type { V1ContainerPort } from '@kubernetes/client-node'
import type { Endpoint } from '../../crds/values/endpoint.ts'

export const adminPort = 2580

const portOf = ({ port }: Endpoint): number => port

/**
 * The ports on which clients are accepted, each once. The Service's own port leads to the first one; the others keep
 * their numbers.
 */
export const smtpPorts = ({ listen }: PolicySpec): readonly number[] => [...new Set(listen.addresses.map(portOf))]

/** The name of a container's port, by its position among the others. */
export const smtpPortName = (index: number): string => (index === 0 ? 'smtp' : `smtp-${index}`)

/** Ports of the mail servers. */
export const backendPorts = ({ backend }: PolicySpec): readonly number[] =>
  backend.service === undefined ? [...new Set((backend.addresses ?? []).map(portOf))] : [backend.service.port]

/**
 * The SMTP ports of the container. With a port of the node, that one leads to the first, and the others keep their
 * numbers.
 */
export function containerPorts(spec: PolicySpec, hostPort: number): readonly V1ContainerPort[] {
  const onNode = (port: number, index: number): number | undefined => (index === 0 ? hostPort : port === hostPort ? undefined : port)
  return smtpPorts(spec).map((port, index) => {
    const node = hostPort > 0 ? onNode(port, index) : undefined
    return { name: smtpPortName(index), containerPort: port, protocol: 'TCP', ...(node !== undefined && { hostPort: node }) }
  })
}
