// Settings of a policy that are valid but have no effect. The status and `postscreen validate` report them.
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
  return notices
}
