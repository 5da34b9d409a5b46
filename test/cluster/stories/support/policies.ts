// Policies for the stories, and what is known of them.
import assert from 'node:assert/strict'
import { type Anything, eventually, get, kubectl } from './kubectl.ts'
import { mailServer } from './release.ts'
import { teaser } from './smtp-client.ts'

/** A policy in a namespace, with the release's Postfix behind it and short waits, so that stories do not take long. */
export const policy = (namespace: string, name: string, spec: object = {}): Anything => ({
  apiVersion: 'postscreen.dev/v1alpha1',
  kind: 'PostscreenPolicy',
  metadata: { name, namespace },
  spec: {
    hostname: `${name}.example.com`,
    backend: { service: mailServer },
    greet: { action: 'Enforce', wait: '2s' },
    ...spec,
  },
})

/** A gateway that starts and stops quickly; two pods unless said otherwise. */
export const gateway = (more: object = {}): object => ({
  replicas: 2,
  resources: { requests: { cpu: '10m', memory: '64Mi' } },
  drain: { delay: '3s', timeout: '20s' },
  ...more,
})

export const condition = (object: Anything, type: string): Anything =>
  object?.status?.conditions?.find((one: Anything) => one.type === type)

/** Waits as a person would: until the policy is Ready for its newest generation. */
export async function ready(namespace: string, name: string, timeout = '180s'): Promise<Anything> {
  await kubectl('wait', '--for=condition=Ready', `psc/${name}`, '-n', namespace, `--timeout=${timeout}`)
  const found = await get('psc', namespace, name)
  const { generation } = found.metadata
  assert.equal(found.status.observedGeneration, generation, 'kubectl wait returned before the newest generation was seen')
  return found
}

/**
 * Where clients connect: the address that the load balancer has given, when it greets. A policy is Ready when its gateways are; every node's kube-proxy and
 * the balancer hear of them a moment later, and a busy machine's first client was refused by one of these.
 */
export async function balancerAddress(namespace: string, name: string): Promise<string> {
  const address = await eventually(`an address for ${name}`, async () => (await get('psc', namespace, name))?.status?.addresses?.[0])
  await greets(address)
  return address
}

/** Waits until a client that connects to port 25 of `host` is greeted. */
export const greets = (host: string): Promise<string> => eventually(`a greeting at ${host}`, () => teaser(host))
