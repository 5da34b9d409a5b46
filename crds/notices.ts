// Settings of a policy that are valid but have no effect, and DNS lists that have shut down. The status and `postscreen
// validate` report them.
import { closedList } from './dns-lists/catalogue.ts'
import type { PolicySpec } from './schema/policy.schema.ts'

const rejects = ({ access }: PolicySpec): boolean =>
  access.some(({ action, table }) => action === 'Reject' || table?.rules?.some((rule) => rule.action === 'Reject') === true)

/** One sentence for each setting, with its path. `tablesReject`: a table outside the policy has a rule with reject. */
export function noticesOf(spec: PolicySpec, tablesReject = false): readonly string[] {
  const { denylist, gateway, listen } = spec
  const notices: string[] = []
  if (denylist.action === 'Ignore' && (tablesReject || rejects(spec))) {
    notices.push(
      'spec.access: entries with Reject have no effect, because spec.denylist.action is Ignore (the default). Set it to Enforce or Drop',
    )
  }
  if (gateway !== undefined && gateway.service.type === 'ClusterIP' && gateway.service.nodePort !== 0) {
    notices.push('spec.gateway.service.nodePort: has no effect with type ClusterIP. Use type NodePort or LoadBalancer')
  }
  if (
    gateway !== undefined &&
    listen.addresses[0]?.port !== gateway.service.port &&
    listen.addresses.slice(1).some(({ port }) => port === gateway.service.port)
  ) {
    notices.push(
      `spec.listen.addresses: the Service has port ${gateway.service.port} for the first address, so the other address with this port is not in the Service`,
    )
  }
  if (gateway !== undefined) notices.push(...unusedPatches(gateway))
  return [...notices, ...closedLists(spec)]
}

/** Patches of a workload that the policy does not have. */
function unusedPatches({ kind, persistence, patch }: NonNullable<PolicySpec['gateway']>): readonly string[] {
  const used = persistence !== undefined ? 'statefulSet' : kind === 'DaemonSet' ? 'daemonSet' : 'deployment'
  const why = persistence === undefined ? `with kind ${kind}` : 'with persistence'
  return (['deployment', 'daemonSet', 'statefulSet'] as const)
    .filter((field) => field !== used && patch?.[field] !== undefined)
    .map((field) => `spec.gateway.patch.${field}: has no effect ${why}${field === 'statefulSet' ? ' and without persistence' : ''}`)
}

/** DNS lists that do not exist any more. A list with several entries is named once. */
function closedLists({ dnsbl }: PolicySpec): readonly string[] {
  const paths = new Map<string, string>()
  for (const [index, { domain }] of dnsbl.sites.entries()) {
    const closed = closedList(domain)
    if (closed !== undefined && !paths.has(domain)) paths.set(domain, `spec.dnsbl.sites[${index}].domain: ${domain}: ${closed}`)
  }
  return [...paths.values()]
}
