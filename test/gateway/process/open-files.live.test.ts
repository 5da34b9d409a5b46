// A gateway that may have few open files: a real process with a low `ulimit -n`, and more clients than it can hold.
import assert from 'node:assert/strict'
import { once } from 'node:events'
import net from 'node:net'
import { describe, test, type TestContext } from 'node:test'
import { type GatewayProcess, startGatewayProcess } from '../../peers/gateway.ts'
import { untilHolds } from '../../support/until-holds.ts'
import { until } from '../../support/until.ts'

const openFiles = 150
/** Of 150 open files (capacity.ts). */
const limit = 38
const refusal = '421 4.3.2 No system resources\r\n'

/** A mail server that greets each client and keeps it. */
async function mailServer(t: TestContext): Promise<string> {
  const sockets = new Set<net.Socket>()
  const server = net.createServer((socket) => {
    sockets.add(socket.on('error', () => undefined).on('close', () => sockets.delete(socket)))
    socket.write('220 mx.example.com ESMTP\r\n')
    socket.on('data', (bytes) => {
      for (const line of bytes.toString('latin1').split('\r\n').slice(0, -1)) {
        if (line.toUpperCase() === 'QUIT') socket.end('221 2.0.0 Bye\r\n')
        else socket.write('250 mx.example.com\r\n')
      }
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.after(() => {
    for (const socket of sockets) socket.destroy()
    server.close()
  })
  return `127.0.0.1:${(server.address() as net.AddressInfo).port}`
}

interface Visitor {
  readonly socket: net.Socket
  text: string
  closed: boolean
}

/** Connects that many clients at once, each from an address of its own. */
async function crowd(t: TestContext, { port }: GatewayProcess, size: number): Promise<Visitor[]> {
  const visitors = Array.from({ length: size }, (_, i): Visitor => {
    const socket = net.connect({ host: '127.0.0.1', port, localAddress: `127.84.${Math.floor(i / 200)}.${1 + (i % 200)}` })
    const visitor = { socket, text: '', closed: false }
    socket.on('data', (bytes) => (visitor.text += bytes.toString('latin1')))
    socket.on('error', () => undefined).on('close', () => (visitor.closed = true))
    t.after(() => socket.destroy())
    return visitor
  })
  await until(() => visitors.every(({ text, closed }) => text !== '' || closed))
  return visitors
}

const page = async (gateway: GatewayProcess, path: string): Promise<Response> =>
  await fetch(`${gateway.admin}${path}`, { headers: { connection: 'close' }, signal: AbortSignal.timeout(10_000) })

async function samples(gateway: GatewayProcess): Promise<ReadonlyMap<string, number>> {
  const lines = (await (await page(gateway, '/metrics')).text()).split('\n')
  return new Map(lines.map((line) => [line.split(' ')[0] ?? '', Number(line.split(' ')[1])]))
}

const full = /all \d+ client connections are in use/g

for (const mode of ['Enforce', 'Audit'] as const) {
  const spec = { mode, access: [{ action: 'Permit', cidrs: ['127.84.0.0/16'] }] }
  describe(`with ${openFiles} open files in mode ${mode}`, () => {
    test('160 permitted clients at once are served or told to come again, no backend is blamed, and probes are answered', async (t) => {
      const backend = { addresses: [await mailServer(t)], proxyProtocol: 'None', holdTime: '1s' }
      const gateway = await startGatewayProcess({ spec: { ...spec, backend }, openFiles })
      t.after(() => gateway.stop())
      await untilHolds('the gateway is ready', async () => (await page(gateway, '/readyz')).ok)
      const visitors = await crowd(t, gateway, 160)
      const served = visitors.filter(({ text }) => text.startsWith('220 '))
      assert.equal(served.length, limit)
      const refused = visitors.filter(({ text }) => text === refusal)
      assert.equal(refused.length, 160 - limit)
      await until(() => refused.every(({ closed }) => closed))
      assert.deepEqual([(await page(gateway, '/healthz')).status, (await page(gateway, '/readyz')).status], [200, 200])
      const counted = await samples(gateway)
      assert.deepEqual(
        [
          counted.get('process_max_fds'),
          counted.get('postscreen_client_connections'),
          counted.get('postscreen_client_connections_limit'),
          counted.get('postscreen_client_connections_refused_total'),
          counted.get('postscreen_backends{state="failing"}'),
        ],
        [openFiles, limit, limit, 160 - limit, 0],
      )
      assert.ok((counted.get('process_open_fds') ?? Infinity) < openFiles - 20, `${counted.get('process_open_fds')} open files`)
      const { connections } = (await (await page(gateway, '/status')).json()) as { connections: { full: boolean; advice: string } }
      assert.ok(connections.full)
      assert.match(connections.advice, /raise the limit of open files, which is 150/)
      await gateway.said('client connections are in use')
      assert.equal(gateway.output().match(full)?.length, 1, gateway.output())
      assert.doesNotMatch(gateway.output(), /EMFILE/)
      for (const { socket } of visitors) socket.destroy()
      await untilHolds('all clients are gone', async () => (await samples(gateway)).get('postscreen_client_connections') === 0)
      assert.match((await crowd(t, gateway, 1))[0]?.text ?? '', /^220 /)
      await gateway.said(`let in again; ${160 - limit} were refused`)
    })
  })
}

test('400 clients under test that stay are bounded too, and the admin port answers beside them', async (t) => {
  const backend = { addresses: [await mailServer(t)], proxyProtocol: 'None' }
  const gateway = await startGatewayProcess({ spec: { backend, greet: { wait: '60s' } }, openFiles })
  t.after(() => gateway.stop())
  const visitors = await crowd(t, gateway, 400)
  assert.equal(visitors.filter(({ text }) => text.startsWith('220-')).length, limit)
  for (let i = 0; i < 20; i++) assert.equal((await page(gateway, '/healthz')).status, 200)
  await gateway.said('client connections are in use')
  assert.equal(gateway.output().match(full)?.length, 1)
})

test('limits.connections of the policy holds where it is lower', async (t) => {
  const backend = { addresses: [await mailServer(t)], proxyProtocol: 'None' }
  const gateway = await startGatewayProcess({ spec: { backend, greet: { wait: '60s' }, limits: { connections: 5 } } })
  t.after(() => gateway.stop())
  const visitors = await crowd(t, gateway, 9)
  assert.equal(visitors.filter(({ text }) => text === refusal).length, 4)
  await gateway.said('raise limits.connections, or run more gateways')
})
