// The Service of the gateways: ports, and fields that are there only when the policy has them.
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { V1ServiceSpec } from '@kubernetes/client-node'
import { objectOf } from './objects-of.ts'

const specOf = (service: object, more: object = {}): V1ServiceSpec =>
  objectOf('Service', { gateway: { service }, ...more }).spec ?? assert.fail()

describe('the ports of a Service', () => {
  const smtp = { name: 'smtp', port: 25, targetPort: 'smtp', protocol: 'TCP' }
  const cases: readonly { readonly what: string; readonly service?: object; readonly listen: readonly string[]; readonly want: object }[] =
    [
      { what: 'are its own one', listen: ['0.0.0.0:2525'], want: [smtp] },
      { what: 'are its own one, which the first port of the pod has too', listen: ['0.0.0.0:25'], want: [smtp] },
      {
        what: 'are each port of the pod but the first one',
        listen: ['0.0.0.0:2525', '0.0.0.0:2526', '0.0.0.0:2527'],
        want: [
          smtp,
          { name: 'smtp-1', port: 2526, targetPort: 'smtp-1', protocol: 'TCP' },
          { name: 'smtp-2', port: 2527, targetPort: 'smtp-2', protocol: 'TCP' },
        ],
      },
      {
        what: 'do not lead to a further port of the pod that has the number of its own one',
        listen: ['0.0.0.0:2525', '0.0.0.0:25', '0.0.0.0:2526'],
        want: [smtp, { name: 'smtp-2', port: 2526, targetPort: 'smtp-2', protocol: 'TCP' }],
      },
      { what: 'have the lowest node port', service: { nodePort: 1 }, listen: ['0.0.0.0:2525'], want: [{ ...smtp, nodePort: 1 }] },
      { what: 'have no node port 0', service: { nodePort: 0 }, listen: ['0.0.0.0:2525'], want: [smtp] },
      { what: 'have no node port in the cluster', service: { type: 'ClusterIP', nodePort: 30025 }, listen: ['0.0.0.0:2525'], want: [smtp] },
    ]
  for (const { what, service = {}, listen, want } of cases) {
    test(what, () => assert.deepEqual(specOf(service, { listen: { addresses: listen } }).ports, want))
  }
})

describe('a Service', () => {
  const cases: readonly { readonly what: string; readonly service: object; readonly want: object }[] = [
    {
      what: 'has an address, no node ports and one pod for each client, if the policy asks for them',
      service: { loadBalancerIP: '192.0.2.25', allocateLoadBalancerNodePorts: false, sessionAffinity: 'ClientIP' },
      want: { loadBalancerIP: '192.0.2.25', allocateLoadBalancerNodePorts: false, sessionAffinity: 'ClientIP' },
    },
    {
      what: 'has none of these unless the policy asks for them',
      service: {},
      want: { loadBalancerIP: undefined, allocateLoadBalancerNodePorts: undefined, sessionAffinity: undefined, externalIPs: undefined },
    },
    {
      what: 'in the cluster has nothing of a load balancer',
      service: { type: 'ClusterIP', loadBalancerIP: '192.0.2.25', allocateLoadBalancerNodePorts: false },
      want: { loadBalancerIP: undefined, allocateLoadBalancerNodePorts: undefined, externalTrafficPolicy: undefined },
    },
    {
      what: 'in the cluster with addresses of nodes keeps the address of clients',
      service: { type: 'ClusterIP', externalIPs: ['192.0.2.25', '2001:db8::25'] },
      want: { externalIPs: ['192.0.2.25', '2001:db8::25'], externalTrafficPolicy: 'Local' },
    },
    { what: 'has the only IP family', service: { ipFamilies: ['IPv6'] }, want: { ipFamilies: ['IPv6'] } },
    { what: 'has no IP families unless the policy names them', service: {}, want: { ipFamilies: undefined } },
    {
      what: 'has the only source range, as a network',
      service: { loadBalancerSourceRanges: ['192.0.2.7'] },
      want: { loadBalancerSourceRanges: ['192.0.2.7/32'] },
    },
    {
      what: 'has nothing of a load balancer unless the policy names it',
      service: {},
      want: { loadBalancerSourceRanges: undefined, loadBalancerClass: undefined, externalTrafficPolicy: 'Local' },
    },
    {
      what: 'has nothing of a load balancer with node ports',
      service: { type: 'NodePort', loadBalancerSourceRanges: ['192.0.2.7'], loadBalancerClass: 'example.com/l4' },
      want: { loadBalancerSourceRanges: undefined, loadBalancerClass: undefined, externalTrafficPolicy: 'Local' },
    },
    {
      what: 'has nothing about traffic from outside in the cluster',
      service: { type: 'ClusterIP', loadBalancerSourceRanges: ['192.0.2.7'], loadBalancerClass: 'example.com/l4' },
      want: { loadBalancerSourceRanges: undefined, loadBalancerClass: undefined, externalTrafficPolicy: undefined },
    },
  ]
  for (const { what, service, want } of cases) {
    test(what, () => {
      const spec: Readonly<Record<string, unknown>> = { ...specOf(service) }
      assert.deepEqual(Object.fromEntries(Object.keys(want).map((name) => [name, spec[name]])), want)
    })
  }
})
