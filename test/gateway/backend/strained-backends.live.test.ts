// What clients may do to a mail server that is well: be refused by it for reasons of their own, and make it greet them slowly.
import assert from 'node:assert/strict'
import { createServer, type AddressInfo, type Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { test, type TestContext } from 'node:test'
import { parseProxyHeader } from '../../../gateway/core/proxy-header.ts'
import { type GatewayProcess, startGatewayProcess } from '../../peers/gateway.ts'
import { startPostfix } from '../../peers/postfix.ts'
import { unless } from '../../peers/require.ts'
import { type Client, startClient } from '../../support/wire.ts'

const permitted = { access: [{ action: 'Permit', cidrs: ['127.0.0.0/8'] }], limits: { connectionsPerClient: 1000 } }

type States = readonly string[]

/** The states of all backend addresses, as the gateway says. */
async function statesOf(gateway: GatewayProcess): Promise<States> {
  const page = (await (await fetch(`${gateway.admin}/status`)).json()) as { backends: { addresses: { state: string }[] }[] }
  return page.backends.flatMap(({ addresses }) => addresses.map(({ state }) => state))
}

async function start(t: TestContext, backend: object): Promise<GatewayProcess> {
  const gateway = await startGatewayProcess({ spec: { hostname: 'mx.example.test', ...permitted, backend }, logFormat: 'json' })
  t.after(() => gateway.stop())
  for (const end = performance.now() + 60_000; (await fetch(`${gateway.admin}/readyz`)).status !== 200; await sleep(20))
    assert.ok(performance.now() < end, gateway.output())
  return gateway
}

/** Looks at the states until it is told to stop: every state that was seen at all. */
function watch(gateway: GatewayProcess): { readonly stop: () => Promise<ReadonlySet<string>> } {
  const seen = new Set<string>()
  let going = true
  const ended = (async () => {
    while (going) {
      for (const state of await statesOf(gateway)) seen.add(state)
      await sleep(50)
    }
  })()
  return {
    stop: async () => {
      going = false
      await ended
      return seen
    },
  }
}

/** Everything that a client reads until its connection ends, or until it is greeted and says QUIT. */
async function visit(gateway: GatewayProcess, from: string): Promise<string> {
  const client = await startClient(gateway.port, from)
  const greeting = await client.line()
  if (greeting.startsWith('220')) client.write('QUIT\r\n')
  client.end()
  return greeting
}

test(
  '45 clients that Postfix refuses for their own number cause no storm, and leave it in service for 60 others',
  {
    skip: unless('postfix'),
  },
  async (t) => {
    const postfix = await startPostfix({
      mainCf: { mynetworks: '192.168.99.0/24', default_process_limit: '200', smtpd_client_connection_count_limit: '50' },
    })
    t.after(() => postfix.stop())
    const gateway = await start(t, { addresses: [`127.0.0.1:${postfix.ports.get('smtpd-proxy')}`] })
    const crowd: Client[] = []
    const open = async (): Promise<Client> => {
      const client = await startClient(gateway.port, '127.9.1.1')
      t.after(() => client.end())
      crowd.push(client)
      return client
    }
    for (let i = 0; i < 50; i++) assert.match(await (await open()).line(), /^220 /)
    const connects = (): number => postfix.log.lines().filter(({ text }) => text.startsWith('connect from')).length
    const before = connects()
    const watched = watch(gateway)
    for (let i = 0; i < 45; i++) await open()
    const greetings: Promise<string>[] = []
    for (let i = 0; i < 60; i++) {
      greetings.push(visit(gateway, `127.9.2.${i + 1}`))
      await sleep(1000 / 15)
    }
    for (const greeting of await Promise.all(greetings)) assert.match(greeting, /^220 /, 'other clients are greeted')
    const surplus = await Promise.all(crowd.slice(50).map((client) => client.line()))
    for (const line of surplus) assert.match(line, /^421 4\.7\.0 /, 'those that are too many read what Postfix says to them')
    const states = await watched.stop()
    const made = connects() - before
    t.diagnostic(`connects to Postfix for 45 held and 60 visiting clients: ${made}`)
    assert.deepEqual([...states], ['working'])
    // 60 visits; each of the 45 asks at once, after 1, 2 and 4 s, and when its 8 s are over; and a few probes.
    assert.ok(made <= 60 + 45 * 5 + 10, `${made} connects`)
  },
)

/** A mail server that reads the header, and greets clients of one network only when it is told to stop. */
async function slowForSome(t: TestContext, slow: RegExp): Promise<string> {
  const sockets = new Set<Socket>()
  const server = createServer((socket) => {
    sockets.add(socket)
    let greeted = false
    let received = Buffer.alloc(0)
    socket.on('error', () => undefined)
    socket.on('data', (bytes: Buffer) => {
      if (greeted) return void (bytes.toString().startsWith('QUIT') ? socket.end('221 Bye\r\n') : socket.write('250 Ok\r\n'))
      received = Buffer.concat([received, bytes])
      const header = parseProxyHeader(received)
      if (header.is !== 'header' || slow.test(header.addresses?.client.address ?? '')) return
      greeted = true
      socket.write('220 mx\r\n')
    })
  })
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening))
  t.after(() => {
    server.close()
    for (const socket of sockets) socket.destroy()
  })
  return `127.0.0.1:${(server.address() as AddressInfo).port}`
}

test('four clients that are greeted slowly take no mail server out of service', async (t) => {
  const addresses = await Promise.all([1, 2, 3].map(() => slowForSome(t, /^127\.9\.67\./)))
  const gateway = await start(t, { addresses, greetingTimeout: '100s' })
  for (let i = 1; i <= 4; i++) {
    const client = await startClient(gateway.port, `127.9.67.${i}`)
    t.after(() => client.end())
  }
  const least: number[] = []
  for (let i = 0; i < 24; i++) {
    if (i % 4 === 0) assert.match(await visit(gateway, '127.9.2.1'), /^220 /)
    least.push((await statesOf(gateway)).filter((state) => state === 'working').length)
    await sleep(500)
  }
  t.diagnostic(`backends in service under four slow clients: ${Math.min(...least)} of 3 at least`)
  assert.equal(Math.min(...least), 3)
})
