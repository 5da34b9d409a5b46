// Which pods may connect to the gateways, and where the gateways may connect to. The kubelet of a pod's own node always
// has access (for its probes).
import type { V1NetworkPolicy, V1NetworkPolicyEgressRule, V1NetworkPolicyIngressRule } from '@kubernetes/client-node'
import type { PolicySpec } from '../../crds/schema/policy.schema.ts'
import type { KubeObject } from '../kube/object.ts'
import type { Settings } from './settings.ts'
import { gatewayName, metadataOf, type Owner, selectorLabels } from './names.ts'
import { adminPort, backendPorts, smtpPorts } from './ports.ts'

/** The pods that may use the admin port, according to the operator's own settings. */
type Admins = Pick<Settings, 'operatorNamespace' | 'metricsFrom'>

const tcp = (port: number) => ({ protocol: 'TCP', port })
const dnsPort = 53

/** Ports of the policy's own DNS servers, besides port 53. */
function dnsPorts({ dnsbl }: PolicySpec): readonly number[] {
  const own = dnsbl.resolvers.map(({ port }) => port)
  return [...new Set([dnsPort, ...own])]
}

/** The ports of the shared allowlist: those of its addresses, and the usual ones, which a URL in a Secret may have. */
function storePorts({ allowlist }: PolicySpec): readonly number[] {
  if (allowlist.store !== 'Valkey') return []
  const addresses = allowlist.valkey?.addresses ?? []
  const named = addresses.map(({ port }) => port)
  return [...new Set([...named, 6379, 26_379])]
}

/**
 * The operator's pods in its own namespace, the Prometheus of --metrics-from, and the namespaces to which the policy
 * gives access.
 */
function admins({ operatorNamespace, metricsFrom }: Admins, namespaces: readonly string[]): V1NetworkPolicyIngressRule[] {
  const inNamespace = (name: string) => ({ namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': name } } })
  const operator = { 'app.kubernetes.io/name': 'postscreen', 'app.kubernetes.io/component': 'operator' }
  const from = [
    ...(operatorNamespace === undefined ? [] : [{ ...inNamespace(operatorNamespace), podSelector: { matchLabels: operator } }]),
    ...metricsFrom.map((peer) => ({ ...peer })),
    ...namespaces.map(inNamespace),
  ]
  return from.length === 0 ? [] : [{ _from: from, ports: [tcp(adminPort)] }]
}

function egress(spec: PolicySpec): V1NetworkPolicyEgressRule[] {
  return [
    { ports: dnsPorts(spec).flatMap((port) => [{ protocol: 'UDP', port }, tcp(port)]) },
    { ports: [...backendPorts(spec), ...storePorts(spec)].map(tcp) },
  ]
}

/** The library names a rule's `from` `_from`, because `from` is a reserved word in other languages. */
const written = ({ _from, ...rule }: V1NetworkPolicyIngressRule): object => (_from === undefined ? rule : { from: _from, ...rule })

export function networkPolicy(owner: Owner, spec: PolicySpec, settings: Admins): KubeObject {
  const { gateway } = spec
  const ingress = [{ ports: smtpPorts(spec).map(tcp) }, ...admins(settings, gateway?.networkPolicy.adminNamespaces ?? [])]
  const made = {
    apiVersion: 'networking.k8s.io/v1',
    kind: 'NetworkPolicy',
    metadata: metadataOf(owner, gatewayName(owner.name)),
    spec: {
      podSelector: { matchLabels: { ...selectorLabels(owner.name) } },
      policyTypes: ['Ingress', 'Egress'],
      ingress,
      egress: egress(spec),
    },
  } satisfies V1NetworkPolicy
  return { ...made, spec: { ...made.spec, ingress: ingress.map(written) } }
}
