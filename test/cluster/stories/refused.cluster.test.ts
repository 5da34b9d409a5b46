// Story: a bad policy is refused by `kubectl apply` itself, with a message that says what to write instead.
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { leave } from './support/alarms.ts'
import { apply, attempt, namespace } from './support/kubectl.ts'
import { installed } from './support/release.ts'

const home = 'story-refused'
const backend = { service: { name: 'postfix', port: 10025 } }

interface Case {
  readonly what: string
  readonly spec: object
  readonly name?: string
  /** Every one of these must stand in what kubectl prints. */
  readonly says: readonly (string | RegExp)[]
}

const cases: readonly Case[] = [
  { what: 'no backend', spec: { mode: 'Audit' }, says: ['spec.backend: Required value'] },
  {
    what: 'a backend with neither addresses nor a Service',
    spec: { backend: {} },
    says: ['spec.backend', 'must have exactly one of addresses and service'],
  },
  {
    what: 'a backend with both',
    spec: { backend: { ...backend, addresses: ['a:25'] } },
    says: ['must have exactly one of addresses and service'],
  },
  {
    what: 'a backend without a port',
    spec: { backend: { addresses: ['postfix'] } },
    says: ['spec.backend.addresses[0]', 'must be HOST:PORT such as'],
  },
  {
    what: 'a port out of range',
    spec: { backend: { service: { name: 'postfix', port: 70000 } } },
    says: ['spec.backend.service.port', 'less than or equal to 65535'],
  },
  {
    what: 'a mode that does not exist',
    spec: { mode: 'enforce' },
    says: ['spec.mode: Unsupported value: "enforce"', '"Enforce", "Audit"'],
  },
  {
    what: 'an action that does not exist',
    spec: { greet: { action: 'Reject' } },
    says: ['spec.greet.action: Unsupported value', '"Ignore", "Enforce", "Drop"'],
  },
  { what: 'a misspelt field', spec: { greet: { waits: '6s' } }, says: ['unknown field "spec.greet.waits"'] },
  { what: 'a field in the wrong place', spec: { threshold: 3 }, says: ['unknown field "spec.threshold"'] },
  {
    what: 'a time without a unit',
    spec: { greet: { wait: '6' } },
    says: ['spec.greet.wait', 'must be a time such as 6s, 5m, 12h or 30d, from 1s to 5m'],
  },
  { what: 'a time as a number', spec: { greet: { wait: 6 } }, says: ['spec.greet.wait', 'must be of type string'] },
  {
    what: 'a time that is too long',
    spec: { greet: { wait: '1h' } },
    says: ['spec.greet.wait', 'must be a time such as 6s, 5m, 12h or 30d, from 1s to 5m'],
  },
  {
    what: 'a stress wait longer than the wait',
    spec: { greet: { wait: '3s', stressWait: '5s' } },
    says: ['spec.greet.stressWait', 'must not be longer than wait'],
  },
  {
    what: 'TTLs the wrong way round',
    spec: { dnsbl: { minTTL: '2h', maxTTL: '1h' } },
    says: ['spec.dnsbl.minTTL', 'must not be longer than maxTTL'],
  },
  { what: 'a threshold of nothing', spec: { dnsbl: { threshold: 0 } }, says: ['spec.dnsbl.threshold', 'greater than or equal to 1'] },
  {
    what: 'an allow threshold above zero',
    spec: { dnsbl: { allowThreshold: 1 } },
    says: ['spec.dnsbl.allowThreshold', 'less than or equal to 0'],
  },
  {
    what: 'a weight as text',
    spec: { dnsbl: { sites: [{ domain: 'bl.example.org', weight: '2' }] } },
    says: ['spec.dnsbl.sites[0].weight', 'must be of type integer'],
  },
  { what: 'a site without a domain', spec: { dnsbl: { sites: [{ weight: 2 }] } }, says: ['spec.dnsbl.sites[0].domain: Required value'] },
  {
    what: 'a site in postscreen’s own notation',
    spec: { dnsbl: { sites: ['bl.example.org*2'] } },
    says: ['spec.dnsbl.sites[0]', 'must be of type object'],
  },
  {
    what: 'a key of a site both ways',
    spec: { dnsbl: { sites: [{ domain: 'dq.example.org', keyFile: 'a', keySecret: { name: 'a', key: 'b' } }] } },
    says: ['spec.dnsbl.sites[0]', /keyFile|keySecret/],
  },
  {
    what: 'an access entry that says nothing',
    spec: { access: [{}] },
    says: ['spec.access[0]', 'must have exactly one of action and table'],
  },
  {
    what: 'an access entry without networks',
    spec: { access: [{ action: 'Permit' }] },
    says: ['spec.access[0]', 'cidrs: ["0.0.0.0/0", "::/0"]'],
  },
  {
    what: 'a text that is not an address',
    spec: { access: [{ action: 'Permit', cidrs: ['localhost'] }] },
    says: ['spec.access[0].cidrs[0]', 'must be an address or a network such as'],
  },
  { what: 'a table from nowhere', spec: { access: [{ table: {} }] }, says: ['spec.access[0].table', /exactly one of/] },
  {
    what: 'trusted networks without their mode',
    spec: { listen: { proxyProtocol: { trustedNetworks: ['10.0.0.0/8'] } } },
    says: ['trustedNetworks', 'when mode is TrustedNetworks, and must be empty otherwise'],
  },
  {
    what: 'the same address to listen on twice',
    spec: { listen: { addresses: ['0.0.0.0:25', '0.0.0.0:25'] } },
    says: ['spec.listen.addresses[1]: Duplicate value'],
  },
  {
    what: 'TLS at the gateway without a certificate',
    spec: { tls: { level: 'May' }, deepTests: { handoff: 'Reconnect' } },
    says: ['spec.tls', /certFile and keyFile.*secretName|secretName/],
  },
  {
    what: 'a retention longer than a year and a day',
    spec: { allowlist: { retention: '400d' } },
    says: ['spec.allowlist.retention', 'from 1s to 366d'],
  },
  { what: 'a banner of two lines', spec: { banner: 'one\ntwo' }, says: ['spec.banner', 'must be one line of printable ASCII text'] },
  { what: 'too few connections', spec: { limits: { preQueue: 1 } }, says: ['spec.limits.preQueue', 'greater than or equal to 10'] },
  {
    what: 'more pods at least than at most',
    spec: { gateway: { autoscaling: { minReplicas: 5, maxReplicas: 2 } } },
    says: ['spec.gateway.autoscaling.minReplicas', 'must not be more than maxReplicas'],
  },
  {
    what: 'a Service type that does not exist',
    spec: { gateway: { service: { type: 'Balancer' } } },
    says: ['"LoadBalancer", "NodePort", "ClusterIP"'],
  },
  {
    what: 'an amount of memory that is not valid',
    spec: { gateway: { resources: { limits: { memory: '512 MB' } } } },
    says: ['spec.gateway.resources.limits[memory]', 'must be an amount such as 500m, 2 or 128Mi'],
  },
  { what: 'half a pod', spec: { gateway: { replicas: 1.5 } }, says: ['spec.gateway.replicas'] },
  {
    what: 'the word off where YAML has made it false',
    spec: { tls: { level: false } },
    says: ['spec.tls.level', 'must be of type string'],
  },
  { what: 'a name that no Service could have', name: 'mx.example.com', spec: {}, says: ['metadata.name', /DNS label|letters/] },
  { what: 'a name too long for what is named after it', name: `m${'x'.repeat(60)}`, spec: {}, says: ['metadata.name', '52'] },
]

const manifest = ({ name = 'bad', spec }: Pick<Case, 'name' | 'spec'>): object => ({
  apiVersion: 'postscreen.dev/v1alpha1',
  kind: 'PostscreenPolicy',
  metadata: { name, namespace: home },
  spec: 'backend' in spec || 'mode' in spec ? spec : { backend, ...spec },
})

before(async () => {
  await installed()
  await namespace(home)
})

after(() => leave(home))

for (const one of cases) {
  test(`${one.what} is refused`, async () => {
    const { code, stderr } = await attempt('kubectl', ['apply', '-f', '-'], JSON.stringify(manifest(one)))
    assert.notEqual(code, 0, 'it was taken')
    for (const part of one.says) {
      assert.ok(typeof part === 'string' ? stderr.includes(part) : part.test(stderr), `${String(part)} is not in: ${stderr}`)
    }
  })
}

test('there are at least 25 of them', () => assert.ok(cases.length >= 25))

test('all problems of a policy are told at once', async () => {
  const { stderr } = await attempt(
    'kubectl',
    ['apply', '-f', '-'],
    JSON.stringify(manifest({ spec: { greet: { action: 'No' }, dnsbl: { threshold: 0 } } })),
  )
  assert.match(stderr, /spec\.greet\.action/)
  assert.match(stderr, /spec\.dnsbl\.threshold/)
})

test('the class of the load balancer cannot be changed', async () => {
  const withClass = (loadBalancerClass: string): object =>
    manifest({ name: 'fixed', spec: { gateway: { replicas: 0, service: { loadBalancerClass } } } })
  await apply(withClass('example.com/one'))
  const { code, stderr } = await attempt('kubectl', ['apply', '-f', '-'], JSON.stringify(withClass('example.com/two')))
  assert.notEqual(code, 0)
  assert.match(stderr, /spec\.gateway\.service\.loadBalancerClass.*cannot be changed while type is LoadBalancer/)
})

test('the first family of the Service cannot be changed', async () => {
  const withFamilies = (ipFamilies: readonly string[]): object =>
    manifest({ name: 'families', spec: { gateway: { replicas: 0, service: { ipFamilyPolicy: 'SingleStack', ipFamilies } } } })
  await apply(withFamilies(['IPv4']))
  const { code, stderr } = await attempt('kubectl', ['apply', '-f', '-'], JSON.stringify(withFamilies(['IPv6'])))
  assert.notEqual(code, 0)
  assert.match(stderr, /spec\.gateway\.service\.ipFamilies.*must keep its first family/)
})
