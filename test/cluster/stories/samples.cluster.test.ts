// Story: each of the sample policies is applied.
import assert from 'node:assert/strict'
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { load } from 'js-yaml'
import { leave } from './support/alarms.ts'
import { type Anything, apply, eventually, get, kubectl, namespace, run } from './support/kubectl.ts'
import { condition } from './support/policies.ts'
import { installed, mailServer } from './support/release.ts'

const home = 'story-samples'
const folder = new URL('../../../docs/examples/', import.meta.url)
const samples = readdirSync(folder).filter((name) => name.endsWith('.yaml'))

before(async () => {
  await installed()
  await namespace(home, { 'pod-security.kubernetes.io/enforce': 'restricted' })
  // What the samples name: mail servers, a list of senders, a certificate.
  await apply({
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name: 'postfix', namespace: home },
    spec: { type: 'ExternalName', externalName: `${mailServer.name}.${mailServer.namespace}.svc.cluster.local` },
  })
  await apply({
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name: 'senders', namespace: home },
    data: { 'senders.cidr': '192.0.2.0/24 permit\n', 'mx.cidr': '192.0.2.0/24 permit\n' },
  })
})

after(() => leave(home))

test('there are the six samples', () => {
  for (const name of ['minimal', 'audit-first', 'typical-mx', 'strict', 'behind-load-balancer', 'autoscaled'])
    assert.ok(samples.includes(`${name}.yaml`), name)
})

for (const name of samples) {
  test(`${name} is accepted, its objects pass the API server, and its gateways come up`, async () => {
    const written = load(readFileSync(new URL(name, folder), 'utf8')) as Anything
    const sample = { ...written, metadata: { ...written.metadata, namespace: home } }
    // A test machine has room for one gateway at a time, and little processor time.
    if (sample.spec.gateway !== undefined)
      Object.assign(sample.spec.gateway, {
        replicas: 1,
        resources: { requests: { cpu: '10m', memory: '64Mi' } },
        drain: { delay: '0s', timeout: '0s' },
        ...(sample.spec.gateway.autoscaling && { autoscaling: { ...sample.spec.gateway.autoscaling, minReplicas: 1 } }),
      })
    await secretsFor(sample.spec)
    await apply(sample)
    const { metadata } = sample
    const settled = await eventually(`${name} to be Ready`, async () => {
      const found = await get('psc', home, metadata.name)
      return condition(found, 'Ready')?.status === 'True' && found.status.observedGeneration === found.metadata.generation && found
    })
    assert.equal(condition(settled, 'Accepted').status, 'True')
    await kubectl('delete', 'psc', metadata.name, '-n', home)
    await eventually('its objects gone', async () => (await get('deployment', home, `${metadata.name}-gateway`)) === undefined)
  })
}

/** A certificate for the Secret that a sample names. */
async function secretsFor({ tls }: Anything): Promise<void> {
  if (tls?.secretName === undefined || tls.secretName === '') return
  const files = mkdtempSync(join(tmpdir(), 'certificate-'))
  const [key, certificate] = [join(files, 'key'), join(files, 'certificate')]
  const curve = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes']
  await run('openssl', ['req', '-x509', ...curve, '-keyout', key, '-out', certificate, '-subj', '/CN=mx.example.com', '-days', '30'])
  const stringData = { 'tls.crt': readFileSync(certificate, 'utf8'), 'tls.key': readFileSync(key, 'utf8') }
  rmSync(files, { recursive: true })
  await apply({
    apiVersion: 'v1',
    kind: 'Secret',
    type: 'kubernetes.io/tls',
    metadata: { name: tls.secretName, namespace: home },
    stringData,
  })
}
