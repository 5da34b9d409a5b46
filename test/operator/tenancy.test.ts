// An operator with `--tenancy restricted`: what a policy can do beyond its own gateway is refused before anything is read or written for it.
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { fields } from '../../crds/schema/fields.ts'
import { hostEntryProblem, tenancyOf, type TenantRules } from '../../crds/schema/tenancy.ts'
import { fieldsOf } from '../../crds/is-object.ts'
import type { KubeObject } from '../../operator/kube/object.ts'
import { Scene } from './reconcile-scene.ts'

const rules: TenantRules = { namePrefix: 'postscreen-', hosts: ['10.0.0.0/24', '2001:db8:1::/48', 'mx.example.com', '*.mail.example.com'] }

const valkey = (more: object) => ({ allowlist: { store: 'Valkey', valkey: { addresses: ['valkey.mail.svc:6379'], ...more } } })
const service = (more: object) => ({ gateway: { service: more } })
const backends = (...addresses: string[]) => ({ backend: { addresses } })
const secret = { name: 'other-app-db', key: 'password' }

/** What a tenant tries, the field that the status names, and a part of what it says is allowed. */
const escapes: readonly (readonly [what: string, spec: object, path: string, allowed: RegExp])[] = [
  [
    'a foreign Secret as a password',
    valkey({ passwordSecret: secret }),
    'spec.allowlist.valkey.passwordSecret.name',
    /must begin with "postscreen-"/,
  ],
  ['a foreign Secret as a TLS certificate', { tls: { level: 'May', secretName: 'shop-tls' } }, 'spec.tls.secretName', /must begin with/],
  [
    'a foreign Secret for TLS to Valkey',
    valkey({ tls: { secretName: 'shop-tls' } }),
    'spec.allowlist.valkey.tls.secretName',
    /must begin with/,
  ],
  [
    'a foreign Secret as a key of a DNS list',
    { dnsbl: { sites: [{ domain: 'dns.example.net', keySecret: secret }] } },
    'spec.dnsbl.sites[0].keySecret.name',
    /must begin with/,
  ],
  [
    'a name that only has the prefix in it',
    { tls: { level: 'May', secretName: 'shop-postscreen-tls' } },
    'spec.tls.secretName',
    /must begin with/,
  ],
  [
    'a URL in a Secret, which the operator cannot read',
    { allowlist: { store: 'Valkey', valkey: { urlSecret: { name: 'postscreen-url', key: 'url' } } } },
    'spec.allowlist.valkey.urlSecret',
    /must be omitted/,
  ],
  [
    'a URL in a file, which may be a mounted Secret',
    { allowlist: { store: 'Valkey', valkey: { urlFile: 'secrets/postscreen-url/url' } } },
    'spec.allowlist.valkey.urlFile',
    /must be omitted/,
  ],
  [
    'a foreign ConfigMap as a table',
    { access: [{ table: { configMap: { name: 'shop-settings', key: 'a' } } }] },
    'spec.access[0].table.configMap.name',
    /must begin with/,
  ],
  [
    'Secrets to pull images with',
    { gateway: { image: { pullSecrets: ['shop-registry'] } } },
    'spec.gateway.image.pullSecrets',
    /must be omitted/,
  ],
  ['an image', { gateway: { image: { name: 'evil.example.net/miner:1' } } }, 'spec.gateway.image.name', /must be omitted/],
  [
    'a patch of the pods, which can give them the disks of the node',
    { gateway: { patch: { deployment: { spec: { template: { spec: { hostPID: true } } } } } } },
    'spec.gateway.patch',
    /must be omitted/,
  ],
  ['a StorageClass', { gateway: { persistence: { storageClassName: 'fast' } } }, 'spec.gateway.persistence.storageClassName', /must be/],
  ['a pod on each node', { gateway: { kind: 'DaemonSet' } }, 'spec.gateway.kind', /allowed: Deployment/],
  ['a port of nodes', { gateway: { hostPort: 25 } }, 'spec.gateway.hostPort', /must be 0 or omitted/],
  ['the network of nodes', { gateway: { hostNetwork: true } }, 'spec.gateway.hostNetwork', /must be false or omitted/],
  [
    'addresses of nodes, with which a Service takes the traffic of others',
    service({ externalIPs: ['192.0.2.1'] }),
    'spec.gateway.service.externalIPs',
    /must be omitted/,
  ],
  [
    'an address of the load balancer, which may be that of others',
    service({ loadBalancerIP: '192.0.2.1' }),
    'spec.gateway.service.loadBalancerIP',
    /must be omitted/,
  ],
  ['a priority class', { gateway: { priorityClassName: 'system-node-critical' } }, 'spec.gateway.priorityClassName', /must be omitted/],
  ['tolerations', { gateway: { tolerations: [{ operator: 'Exists' }] } }, 'spec.gateway.tolerations', /must be omitted/],
  ['a node', { gateway: { nodeSelector: { 'kubernetes.io/hostname': 'control-plane' } } }, 'spec.gateway.nodeSelector', /must be omitted/],
  [
    'labels of pods, which other Services select',
    { gateway: { podLabels: { app: 'postgres' } }, listen: { addresses: ['0.0.0.0:5432'] } },
    'spec.gateway.podLabels',
    /must be omitted/,
  ],
  [
    'annotations of pods, which CNI plugins read',
    { gateway: { podAnnotations: { 'k8s.v1.cni.cncf.io/networks': 'host' } } },
    'spec.gateway.podAnnotations',
    /must be omitted/,
  ],
  ['labels of the Service', service({ labels: { app: 'shop' } }), 'spec.gateway.service.labels', /must be omitted/],
  [
    'annotations of the Service, which load balancers read',
    service({ annotations: { 'metallb.io/loadBalancerIPs': '192.0.2.1' } }),
    'spec.gateway.service.annotations',
    /must be omitted/,
  ],
  ['a node port', service({ nodePort: 30_025 }), 'spec.gateway.service.nodePort', /must be 0 or omitted/],
  ['any node port', service({ type: 'NodePort' }), 'spec.gateway.service.type', /allowed: LoadBalancer, ClusterIP/],
  [
    'another load balancer',
    service({ loadBalancerClass: 'example.com/internal' }),
    'spec.gateway.service.loadBalancerClass',
    /must be omitted/,
  ],
  ['no NetworkPolicy', { gateway: { networkPolicy: { enabled: false } } }, 'spec.gateway.networkPolicy.enabled', /must be true or omitted/],
  [
    'devices of nodes',
    { gateway: { resources: { requests: { 'nvidia.com/gpu': 1 } } } },
    'spec.gateway.resources.requests',
    /allowed: cpu, memory/,
  ],
  [
    'devices of nodes as a limit',
    { gateway: { resources: { limits: { 'nvidia.com/gpu': 1 } } } },
    'spec.gateway.resources.limits',
    /allowed: cpu, memory/,
  ],
  [
    'a backend in another namespace',
    { backend: { service: { name: 'postfix', namespace: 'other', port: 10025 } } },
    'spec.backend.service.namespace',
    /must be "mail"/,
  ],
  [
    'the same as an address',
    backends('postfix.other.svc.cluster.local:10025'),
    'spec.backend.addresses',
    /Services of the namespace, such as NAME\.mail\.svc:PORT/,
  ],
  ['the same, shorter', backends('postfix.other:10025'), 'spec.backend.addresses', /allowed are/],
  ['a short name, which the search domains of nodes complete', backends('intranet:25'), 'spec.backend.addresses', /allowed are/],
  [
    'a name below the own namespace of another zone',
    backends('postfix.mail.svc.evil.example.net:25'),
    'spec.backend.addresses',
    /allowed are/,
  ],
  ['the API server', backends('10.96.0.1:443'), 'spec.backend.addresses', /10\.0\.0\.0\/24/],
  ['the metadata of a cloud', backends('169.254.169.254:80'), 'spec.backend.addresses', /allowed are/],
  ['an address in a form that the resolver reads in another way', backends('0xa9fea9fe:80'), 'spec.backend.addresses', /allowed are/],
  ['an IPv4 address as IPv6', backends('[::ffff:169.254.169.254]:80'), 'spec.backend.addresses', /allowed are/],
  ['the pod itself', backends('127.0.0.1:2580'), 'spec.backend.addresses', /allowed are/],
  ['a domain that ends like an allowed one', backends('evilmail.example.com:25'), 'spec.backend.addresses', /allowed are/],
  ['one bad server among good ones', backends('10.0.0.5:25', '10.0.1.5:25'), 'spec.backend.addresses', /must not have "10\.0\.1\.5:25"/],
  [
    'a Valkey elsewhere, which gets the password',
    valkey({ addresses: ['collector.example.net:6379'] }),
    'spec.allowlist.valkey.addresses',
    /allowed are/,
  ],
  ['a DNS server elsewhere', { dnsbl: { resolvers: ['198.51.100.53'] } }, 'spec.dnsbl.resolvers', /allowed are/],
  ['a DNS server elsewhere, at a port', { dnsbl: { resolvers: ['198.51.100.53:5353'] } }, 'spec.dnsbl.resolvers', /allowed are/],
]

/** Everything that stays possible, in one policy. */
const harmless = {
  hostname: 'mx.example.com',
  backend: {
    addresses: [
      '10.0.0.5:25',
      '[2001:db8:1::5]:25',
      'mx.example.com:25',
      'a.b.mail.example.com:25',
      'postfix.mail.svc:25',
      'postfix-0.postfix.mail.svc.cluster.local:25',
    ],
  },
  tls: { level: 'May', secretName: 'postscreen-tls' },
  dnsbl: {
    sites: [{ domain: 'bl.example.org', keySecret: { name: 'postscreen-keys', key: 'a' } }],
    resolvers: ['10.0.0.53', '10.0.0.54:5353'],
  },
  ...valkey({ passwordSecret: { name: 'postscreen-valkey', key: 'password' } }),
  gateway: {
    replicas: 3,
    resources: { requests: { cpu: '1', memory: '1Gi' }, limits: { memory: '1Gi' } },
    service: { type: 'LoadBalancer', nodePort: 0, annotations: {}, labels: {}, loadBalancerSourceRanges: ['192.0.2.0/24'] },
    networkPolicy: { enabled: true, adminNamespaces: ['monitoring'] },
    podLabels: {},
    tolerations: [],
  },
}

const objectsMade = (scene: Scene): readonly KubeObject[] => scene.cluster.objects.filter(({ kind }) => kind !== 'PostscreenPolicy')

async function passed(spec: object, tenants?: TenantRules): Promise<Scene> {
  const scene = new Scene(tenants)
  scene.write(spec, 1)
  await scene.pass()
  return scene
}

const messageOf = (scene: Scene): string => String(scene.status.conditions.find(({ type }) => type === 'Accepted')?.message)

describe('with tenancy restricted, a policy cannot have', () => {
  for (const [what, spec, path, allowed] of escapes) {
    test(what, async () => {
      const scene = await passed({ gateway: {}, ...spec }, rules)
      assert.equal(scene.condition('Accepted'), 'False RefusedByTenancy')
      const message = messageOf(scene)
      assert.ok(message.includes(`${path}: `), message)
      assert.match(message, allowed)
      assert.deepEqual(objectsMade(scene), [], 'nothing is made for it')
      assert.deepEqual(
        scene.cluster.calls.filter(({ verb }) => verb !== 'apply status'),
        [],
        'nothing is read for it',
      )
    })
  }

  test('in a table: every field that is restricted is tried', () => {
    const all = fields()
    const restricted = all
      .filter((field) => !['own', undefined].includes(tenancyOf(field, all) as string | undefined))
      .map(({ path }) => path)
    const tried = new Set(escapes.map(([, , path]) => path.replaceAll(/\[\d+\]/g, '[]')))
    assert.deepEqual(
      restricted.filter((path) => !tried.has(path)),
      [],
    )
  })
})

describe('with tenancy restricted, a policy has', () => {
  test('all that ends at its own gateway', async () => {
    const scene = await passed(harmless, rules)
    assert.equal(messageOf(scene), 'The policy is valid')
    assert.equal(scene.condition('Accepted'), 'True Accepted')
    assert.ok(objectsMade(scene).some(({ kind }) => kind === 'Deployment'))
  })

  test('tables from ConfigMaps with the prefix', async () => {
    const scene = new Scene(rules)
    scene.cluster.put({
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name: 'postscreen-a', namespace: 'mail' },
      data: { a: '192.0.2.0/24 permit\n' },
    })
    scene.write({ access: [{ table: { configMap: { name: 'postscreen-a', key: 'a' } } }] }, 1)
    await scene.pass()
    assert.equal(scene.condition('Accepted'), 'True Accepted')
  })

  test('several refusals in one message', async () => {
    const message = messageOf(await passed({ gateway: { priorityClassName: 'x', podLabels: { app: 'x' } } }, rules))
    assert.match(message, /spec\.gateway\.priorityClassName: .*; spec\.gateway\.podLabels: /)
  })
})

test('with tenancy open, all of that is accepted', async () => {
  for (const [what, spec] of escapes) {
    const scene = await passed({ gateway: {}, ...spec })
    // A table that does not exist is another matter.
    if (!what.includes('ConfigMap')) assert.equal(scene.condition('Accepted'), 'True Accepted', `${what}: ${messageOf(scene)}`)
  }
})

test('when tenancy is switched, the gateways of a policy that is refused from then on go on as they are', async () => {
  const before = await passed({ gateway: { priorityClassName: 'system-node-critical' } })
  const scene = new Scene(rules)
  for (const object of before.cluster.objects) scene.cluster.put(object)
  const had = objectsMade(scene)
  await scene.pass()
  assert.equal(scene.condition('Accepted'), 'False RefusedByTenancy')
  assert.deepEqual(objectsMade(scene), had)
  assert.ok(had.some((object) => object.kind === 'Deployment' && fieldsOf(object['spec'])['replicas'] === 2))
})

test('every field of the policy is classified, and what must have its default has one', () => {
  const all = fields()
  for (const field of all) {
    // Throws for a field that has no tenancy.
    const tenancy = tenancyOf(field, all)
    if (tenancy === 'default') assert.ok(field.default !== undefined || !field.required, field.path)
  }
})

test('a field that says nothing of its tenancy fails the test above', () => {
  const unknown = {
    path: 'spec.gateway.hostNetwork',
    type: 'boolean',
    required: false,
    doc: 'X.',
    postfix: [],
    postfixNames: {},
    zimbra: [],
  } as const
  assert.throws(() => tenancyOf(unknown, [unknown]), /spec\.gateway\.hostNetwork needs a tenancy/)
  const text = { ...unknown, path: 'spec.dnsbl.socket', type: 'text' } as const
  assert.throws(() => tenancyOf(text, [text]), /spec\.dnsbl\.socket/)
})

test('the hosts that an operator allows are checked', () => {
  for (const good of ['10.0.0.53', '10.0.0.0/24', '2001:db8::/32', 'mx.example.com', '*.example.com'])
    assert.equal(hostEntryProblem(good), undefined, good)
  for (const bad of ['', '*', '*.', '10.0.0.1/24', '10.0.0.256', 'a b', 'mx.example.com:25', 'https://x'])
    assert.ok(hostEntryProblem(bad) !== undefined, bad)
})
