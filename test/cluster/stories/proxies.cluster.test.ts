// Story: a real HAProxy and a real nginx in front of the gateways, with the settings that docs/keep-the-client-address.md shows. They hide the addresses of
// clients and send a PROXY header, of version 2 and of version 1. Gateway and Postfix see the client; a header from elsewhere is not believed.
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { blocks } from '../../docs/blocks.ts'
import { leave } from './support/alarms.ts'
import { type Anything, apply, eventually, get, kubectl, list, namespace } from './support/kubectl.ts'
import { balancerAddress, gateway, policy, ready } from './support/policies.ts'
import { installed, system } from './support/release.ts'
import { deliver, visit, wasQueued } from './support/smtp-client.ts'
import { clientAddress, proxiesImage, unlessOwnCluster } from './support/surroundings.ts'

const skip = unlessOwnCluster('clients with different addresses')
const home = 'story-proxies'
let nextClient = 56_000
/** Where the gateways are, past all proxies. */
let direct: string

/** The block of the page that begins with this line. */
const shown = (first: string): string =>
  blocks.find(({ page, text }) => page === 'docs/keep-the-client-address.md' && text.startsWith(first))?.text ?? assert.fail(first)

/** As the page has it, with the address of the Service in place of the nodes. `bare`: the same without a header. */
function haproxyFile(to: string): string {
  const listen = shown('# HAProxy').replaceAll(/10\.0\.0\.1[12]:30025/g, `${to}:25`)
  const bare = `listen bare\n  mode tcp\n  bind :26\n  timeout client 1m\n  timeout server 1m\n  server gw ${to}:25\n`
  return `global\n  log stdout format raw daemon\ndefaults\n  timeout connect 5s\n${listen}${bare}`
}

function nginxFile(to: string): string {
  const stream = `upstream gateways { server ${to}:25; }\n${shown('# nginx (stream)')}`
  return `load_module modules/ngx_stream_module.so;\nerror_log stderr;\npid /tmp/nginx.pid;\ndaemon off;\nevents {}\nstream {\n${stream}}\n`
}

/** A proxy in a pod, with a Service that keeps the addresses of clients. */
function proxy(name: string, file: string, command: readonly string[]): Anything {
  const labels = { app: name }
  const ports = [25, 26].map((port) => ({ name: `smtp-${port}`, port }))
  const container = { name, image: proxiesImage(), command, volumeMounts: [{ name: 'config', mountPath: '/config' }] }
  return {
    apiVersion: 'v1',
    kind: 'List',
    items: [
      { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name, namespace: home }, data: { file } },
      {
        apiVersion: 'v1',
        kind: 'Pod',
        metadata: { name, namespace: home, labels },
        spec: { containers: [container], volumes: [{ name: 'config', configMap: { name } }], terminationGracePeriodSeconds: 1 },
      },
      {
        apiVersion: 'v1',
        kind: 'Service',
        metadata: { name, namespace: home },
        spec: { type: 'LoadBalancer', externalTrafficPolicy: 'Local', selector: labels, ports },
      },
    ],
  }
}

const spec = (proxyProtocol: object): object => ({
  greet: { action: 'Enforce', wait: '1s' },
  listen: { proxyProtocol },
  gateway: gateway({ replicas: 1, logFormat: 'Postfix' }),
})

const podAddress = (name: string): Promise<string> => eventually(`pod ${name}`, async () => (await get('pod', home, name))?.status.podIP)
const gatewayLog = (): Promise<string> => kubectl('logs', '-n', home, '-l', 'app.kubernetes.io/component=gateway', '--tail=-1')

before(async () => {
  if (skip !== false) return
  await installed()
  await namespace(home)
  await apply(policy(home, 'mx', spec({ mode: 'None' })))
  await ready(home, 'mx')
  direct = await balancerAddress(home, 'mx')
  const { clusterIP } = (await get('service', home, 'mx-gateway')).spec
  await apply(proxy('haproxy', haproxyFile(clusterIP), ['haproxy', '-db', '-f', '/config/file']))
  await apply(proxy('nginx', nginxFile(clusterIP), ['nginx', '-c', '/config/file']))
  const trustedNetworks = [await podAddress('haproxy'), await podAddress('nginx')].map((address) => `${address}/32`)
  await apply(policy(home, 'mx', spec({ mode: 'TrustedNetworks', trustedNetworks, timeout: '2s' })))
  await ready(home, 'mx')
})

after(() => (skip === false ? leave(home) : undefined))

const serviceAddress = (name: string): Promise<string> =>
  eventually(`an address of ${name}`, async () => (await get('service', home, name))?.status?.loadBalancer?.ingress?.[0]?.ip)

/** The line of Postfix about a message. */
async function clientInPostfix(heard: string): Promise<string> {
  const [, id] = /queued as (\w+)/.exec(heard) ?? assert.fail(heard)
  return eventually('the message in Postfix’s log', async () => {
    const log = await kubectl('logs', '-n', system, '-l', 'app.kubernetes.io/component=postfix', '--tail=-1')
    return log.split('\n').find((line) => line.includes(`${id}: client=`))
  })
}

for (const { name, version } of [
  { name: 'haproxy', version: 2 },
  { name: 'nginx', version: 1 },
])
  describe(`${name}, which sends version ${version}`, { skip }, () => {
    test('gateway and Postfix see the address of the client', async () => {
      const host = await serviceAddress(name)
      const client = nextClient++
      const visited = await eventually(`a message through ${name}`, async () => {
        const one = await deliver({ host, client })
        return wasQueued(one) && one
      })
      const own = clientAddress(client)
      assert.ok((await gatewayLog()).includes(`CONNECT from [${own}]`))
      assert.ok((await clientInPostfix(visited.heard)).includes(`[${own}]`))
    })

    test('a client that talks too early is refused by its own address', async () => {
      const client = nextClient++
      const { heard } = await visit({
        host: await serviceAddress(name),
        client,
        early: 'EHLO zombie\r\n',
        turns: ['MAIL FROM:<a@b.c>\r\n', 'RCPT TO:<d@e.f>\r\n', 'QUIT\r\n'],
      })
      assert.match(heard, /^550 5\.5\.1 /m)
      assert.match(await gatewayLog(), new RegExp(String.raw`PREGREET \d+ after \S+ from \[${clientAddress(client)}\]`))
    })
  })

test('the health checks of HAProxy are not sessions of clients', { skip }, async () => {
  // Before the policy trusted it, HAProxy's checks were clients.
  const sessions = async (): Promise<number> => (await gatewayLog()).split(`CONNECT from [${await podAddress('haproxy')}]`).length
  const [pod] = await list('pods', home, '-l', 'app.kubernetes.io/component=gateway')
  const probes = async (): Promise<number> => {
    const metrics = await kubectl('get', '--raw', `/api/v1/namespaces/${home}/pods/${pod.metadata.name}:2580/proxy/metrics`)
    return Number(/^postscreen_probes_total\S* (\d+)/m.exec(metrics)?.[1] ?? 0)
  }
  const [sessionsBefore, probesBefore] = [await sessions(), await probes()]
  await eventually('answered health checks', async () => (await probes()) > probesBefore + 2)
  assert.equal(await sessions(), sessionsBefore)
})

test('a proxy that is trusted and sends no header gets 421', { skip }, async () => {
  const { heard } = await visit({ host: await serviceAddress('haproxy'), port: 26, client: nextClient++, turns: ['QUIT\r\n'] })
  assert.match(heard, /^421 4\.3\.2 /)
})

test('a header from an address that is not trusted is what a client said too early', { skip }, async () => {
  const client = nextClient++
  const { heard } = await visit({ host: direct, client, early: 'PROXY TCP4 192.0.2.77 192.0.2.1 4000 25\r\n', turns: ['QUIT\r\n'] })
  const log = await gatewayLog()
  assert.match(log, new RegExp(String.raw`PREGREET \d+ after \S+ from \[${clientAddress(client)}\]:\d+: PROXY TCP4`))
  assert.ok(!log.includes('192.0.2.77]'), heard)
})
