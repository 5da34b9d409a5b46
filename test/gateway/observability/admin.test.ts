// The admin server: its four pages, what it refuses, and that it closes connections of clients that waste its time.
import assert from 'node:assert/strict'
import { once } from 'node:events'
import net from 'node:net'
import { networkInterfaces } from 'node:os'
import { describe, test, type TestContext } from 'node:test'
import { type AdminPages, serveAdmin } from '../../../gateway/observability/admin.ts'
import { LivePages } from '../../../gateway/observability/live/live-pages.ts'
import { ListenError } from '../../../gateway/sockets/listen.ts'

const ready: AdminPages = {
  notReady: () => [],
  metrics: () => Promise.resolve({ type: 'text/plain; version=0.0.4; charset=utf-8', text: 'postscreen_connections_total 1\n' }),
  status: () => ({ version: '1.2.3', name: 'Müller' }),
  explain: () => Promise.resolve(undefined),
  bans: () => ({ bans: [] }),
  changeBans: (change) => ({ code: 200, text: JSON.stringify(change) }),
  live: new LivePages({
    status: () => ({ version: '1.2.3' }),
    notReady: () => [],
    drainingSince: null,
    reports: () => Promise.resolve([]),
    bans: () => undefined,
    search: () => [],
    find: () => undefined,
  }),
}

async function serve(t: TestContext, pages: Partial<AdminPages> = {}) {
  const server = await serveAdmin({ address: '127.0.0.1', port: 0 }, { ...ready, ...pages })
  t.after(() => server.close())
  return server
}

interface Page {
  readonly what: string
  readonly path: string
  readonly method?: string
  readonly pages?: Partial<AdminPages>
  readonly want: readonly [code: number, type: RegExp, text: string]
}

const plain = /^text\/plain; charset=utf-8$/

const pages: readonly Page[] = [
  { what: 'says that it is alive', path: '/healthz', want: [200, plain, 'ok\n'] },
  { what: 'is alive while it is not ready', path: '/healthz', pages: { notReady: () => ['draining'] }, want: [200, plain, 'ok\n'] },
  { what: 'says that it is ready', path: '/readyz', want: [200, plain, 'ready\n'] },
  {
    what: 'says why it is not ready',
    path: '/readyz',
    pages: { notReady: () => ['draining', 'no backend is reachable'] },
    want: [503, plain, 'not ready: draining; no backend is reachable\n'],
  },
  { what: 'gives the metrics with their own type', path: '/metrics', want: [200, /version=0\.0\.4/, 'postscreen_connections_total 1\n'] },
  {
    what: 'gives the status as JSON',
    path: '/status',
    want: [200, /^application\/json$/, '{\n  "version": "1.2.3",\n  "name": "Müller"\n}\n'],
  },
  { what: 'passes over a query', path: '/healthz?verbose=1', want: [200, plain, 'ok\n'] },
  { what: 'answers HEAD without a body', path: '/status', method: 'HEAD', want: [200, /^application\/json$/, ''] },
  {
    what: 'knows no other page',
    path: '/nothing',
    want: [
      404,
      plain,
      'there are /, /healthz, /readyz, /metrics, /status, /live, /live/hour, /live/events, /live/sessions, /live/session, /explain and /bans\n',
    ],
  },
  { what: 'lists bans', path: '/bans', want: [200, /^application\/json$/, '{\n  "bans": []\n}\n'] },
  {
    what: 'says that the policy has no bans',
    path: '/bans',
    pages: { bans: () => undefined },
    want: [503, plain, 'the policy in force has no bans (spec.bans)\n'],
  },
  {
    what: 'adds a ban',
    path: '/bans?add=192.0.2.1&seconds=60',
    method: 'POST',
    want: [200, plain, '{"do":"add","network":"192.0.2.1","seconds":60}\n'],
  },
  { what: 'removes a ban', path: '/bans?remove=192.0.2.1', method: 'POST', want: [200, plain, '{"do":"remove","network":"192.0.2.1"}\n'] },
  {
    what: 'refuses a time that is not a number',
    path: '/bans?add=192.0.2.1&seconds=1h',
    method: 'POST',
    want: [400, plain, 'seconds must be a whole number from 1\n'],
  },
  {
    what: 'refuses to add and remove at once',
    path: '/bans?add=192.0.2.1&remove=192.0.2.2',
    method: 'POST',
    want: [400, plain, 'expected /bans?add=ADDRESS&seconds=N, /bans?add=ADDRESS or /bans?remove=ADDRESS\n'],
  },
  { what: 'takes no POST', path: '/healthz', method: 'POST', want: [405, plain, 'only GET and HEAD are answered here\n'] },
  {
    what: 'takes no DELETE of what is not there',
    path: '/x',
    method: 'DELETE',
    want: [405, plain, 'only GET and HEAD are answered here\n'],
  },
  {
    what: 'says what went wrong with a page',
    path: '/status',
    pages: { status: () => assert.fail('no status today') },
    want: [500, plain, 'no status today\n'],
  },
  {
    what: 'says what went wrong with the metrics',
    path: '/metrics',
    pages: { metrics: () => Promise.reject(new Error('no metrics today')) },
    want: [500, plain, 'no metrics today\n'],
  },
]

describe('the admin server', () => {
  for (const { what, path, method = 'GET', pages: given = {}, want } of pages) {
    test(what, async (t) => {
      const { address } = await serve(t, given)
      const response = await fetch(`http://${address}${path}`, { method })
      const [code, type, text] = want
      assert.equal(response.status, code)
      assert.match(response.headers.get('content-type') ?? '', type)
      assert.equal(response.headers.get('cache-control'), 'no-store')
      assert.equal(await response.text(), text)
    })
  }

  test('names the address that it cannot use, and the flag to change', async (t) => {
    const { address } = await serve(t)
    const port = Number(address.split(':').at(-1))
    await assert.rejects(serveAdmin({ address: '127.0.0.1', port }, ready), (error) => {
      assert.ok(error instanceof ListenError)
      assert.match(error.message, /--admin/)
      return true
    })
  })

  test('at * answers on all addresses of both families', async (t) => {
    const server = await serveAdmin({ address: '*', port: 0 }, ready)
    t.after(() => server.close())
    const port = Number(server.address.split(':').at(-1))
    const hasIPv6 = Object.values(networkInterfaces()).some((all) => all?.some(({ address }) => address === '::1'))
    for (const host of ['127.0.0.1', '127.0.0.9', ...(hasIPv6 ? ['[::1]'] : [])])
      assert.equal((await fetch(`http://${host}:${port}/healthz`)).status, 200, host)
    await assert.rejects(serveAdmin({ address: '*', port }, ready), /cannot listen on \*:\d+: the port is in use/)
  })

  test('closes at once, also under clients that keep their connection', async (t) => {
    const { address, close } = await serve(t)
    const [host, port] = address.split(':')
    const client = net.connect(Number(port), host)
    client.on('error', () => undefined)
    client.write('GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n')
    await once(client, 'data')
    close()
    await once(client, 'close')
  })
})

/** Sends this and reads until the server hangs up. */
async function converse(address: string, text: string): Promise<string> {
  const [host, port] = address.split(':')
  const client = net.connect(Number(port), host)
  client.on('error', () => undefined)
  let heard = ''
  client.on('data', (bytes) => (heard += bytes.toString('latin1')))
  client.write(text)
  await once(client, 'close')
  return heard
}

describe('the admin server hangs up on', () => {
  test('bytes that are not HTTP', async (t) => {
    const { address } = await serve(t)
    assert.match(await converse(address, 'EHLO mx.example.com\r\n'), /^HTTP\/1\.1 400 /)
  })

  test('headers without end', async (t) => {
    const { address } = await serve(t)
    const flood = `GET /healthz HTTP/1.1\r\nHost: x\r\n${'X-Filler: 0123456789\r\n'.repeat(1000)}`
    assert.match(await converse(address, flood), /^HTTP\/1\.1 431 /)
  })

  test('a request that is never completed', async (t) => {
    const { address } = await serve(t)
    assert.match(await converse(address, 'GET /healthz HTTP/1.1\r\nHost: x\r\n'), /^HTTP\/1\.1 408 /)
  })
})
