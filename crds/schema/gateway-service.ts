// The fields of the Service that clients connect to.
import { canonicalAddress, parseExactAddress } from '../values/address.ts'
import { choice, count, documented, flag, group, list, text } from './field.ts'
import { networks } from './forms.ts'
import { annotations, labels, optionalName } from './gateway-metadata.ts'

const addressWhy = 'must be an IPv4 or IPv6 address'

/** An address. @param min 0: it may be empty */
const address = (min: 0 | 7) =>
  text({
    max: 45,
    pattern: min === 0 ? '^[0-9A-Fa-f.:]*$' : '^[0-9A-Fa-f.:]+$',
    why: addressWhy,
    tooLong: addressWhy,
    problem: (written) => (written === '' || parseExactAddress(written) !== undefined ? undefined : addressWhy),
  })

export const service = group(
  {
    type: documented(choice(['LoadBalancer', 'NodePort', 'ClusterIP']).default('LoadBalancer'), {
      doc: 'The type of the Service.',
      tenancy: { values: ['LoadBalancer', 'ClusterIP'] },
    }),
    port: count(25, { min: 1, max: 65_535 }, { doc: 'The port of the Service, to which clients connect.', tenancy: 'own' }),
    nodePort: count(
      0,
      { min: 0, max: 65_535 },
      {
        doc: 'The port on each node when type is NodePort or LoadBalancer. 0: the cluster chooses a free port.',
        tenancy: 'default',
      },
    ),
    externalTrafficPolicy: documented(choice(['Local', 'Cluster']).default('Local'), {
      doc: 'How nodes route external traffic. Local preserves the address of the client, which all tests need. Cluster replaces it with the address of a node: use it only if the load balancer sends a PROXY header.',
      tenancy: 'own',
    }),
    loadBalancerClass: documented(optionalName('must be the name of a load-balancer class').default(''), {
      doc: 'The class of the load balancer. It cannot be changed later. Empty: the default of the cluster.',
      tenancy: 'default',
    }),
    loadBalancerSourceRanges: documented(networks(0, 1000).prefault([]), {
      doc: 'The networks from which the load balancer accepts connections, if it supports this. Empty: all networks.',
      tenancy: 'own',
    }),
    ipFamilyPolicy: documented(choice(['PreferDualStack', 'SingleStack', 'RequireDualStack']).default('PreferDualStack'), {
      doc: 'Whether the Service has IPv4 addresses, IPv6 addresses or both.',
      tenancy: 'own',
    }),
    ipFamilies: documented(list(choice(['IPv4', 'IPv6']), { max: 2, type: 'set' }).default([]), {
      doc: 'The address families of the Service, the preferred one first. Empty: the default of the cluster.',
      tenancy: 'own',
    }),
    loadBalancerIP: documented(address(0).default(''), {
      doc: 'The address that the load balancer should have, if it supports this field. Many load balancers read an annotation instead. Empty: the load balancer chooses.',
      tenancy: 'default',
    }),
    allocateLoadBalancerNodePorts: flag(true, {
      doc: 'Whether a Service of the type LoadBalancer also has a port on each node. false is for load balancers that send traffic to the pods directly.',
      tenancy: 'own',
    }),
    externalIPs: documented(
      list(address(7), { max: 20, type: 'set', canonical: (written) => canonicalAddress(written) ?? written }).default([]),
      {
        doc: 'Addresses of nodes, or addresses that are routed to nodes, on which the nodes accept clients of the Service.',
        tenancy: 'default',
      },
    ),
    sessionAffinity: documented(choice(['None', 'ClientIP']).default('None'), {
      doc: 'Whether a client reaches the same pod each time. ClientIP: it does for three hours, so it finds its entry in the allowlist of this pod.',
      tenancy: 'own',
    }),
    annotations: annotations('the Service. Load balancers read their settings from them'),
    labels: labels('the Service'),
  },
  { doc: 'The Service that clients connect to.' },
)
