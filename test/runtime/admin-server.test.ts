// The HTTP server of both programs: clients that keep connections for themselves do not keep others out.
import assert from 'node:assert/strict'
import { once } from 'node:events'
import net from 'node:net'
import { describe, test, type TestContext } from 'node:test'
import { type AdminPages, connectionsAtMost, plainPage, serveAdmin } from '../../runtime/admin-server.ts'

async function serve(t: TestContext, pages: AdminPages = {}) {
  const server = await serveAdmin({ address: '127.0.0.1', port: 0 }, { '/healthz': () => plainPage(200, 'ok'), ...pages })
  t.after(() => server.close())
  return { address: server.address, port: Number(server.address.split(':').at(-1)) }
}

const request = 'GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n'

/** A connection from an address of its own, which has sent this and, for a whole request, read the answer. */
async function guest(t: TestContext, port: number, localAddress: string, text = request): Promise<net.Socket> {
  const socket = net.connect({ host: '127.0.0.1', port, localAddress })
  socket.on('error', () => undefined)
  t.after(() => socket.destroy())
  await once(socket, 'connect')
  if (text !== '') socket.write(text)
  if (text === request) await once(socket, 'data')
  else socket.resume()
  return socket
}

/** Whether a new client gets its answer. */
async function answers(address: string, path = '/healthz'): Promise<boolean> {
  const response = await fetch(`http://${address}${path}`, { headers: { connection: 'close' }, signal: AbortSignal.timeout(5000) })
  return response.ok
}

describe('a new client of the admin server gets its answer', () => {
  const crowds: readonly { readonly what: string; readonly text: string }[] = [
    { what: 'have asked once and stay', text: request },
    { what: 'have not said a word', text: '' },
    { what: 'have not finished their request', text: 'GET /healthz HTTP/1.1\r\nHost:' },
  ]
  for (const { what, text } of crowds) {
    test(`beside 100 connections that ${what}`, async (t) => {
      const { address, port } = await serve(t)
      for (let i = 0; i < 100; i++) await guest(t, port, '127.0.0.2', text)
      for (let i = 0; i < 20; i++) assert.ok(await answers(address))
    })
  }

  test('a client with many connections does not cost another one its only connection', async (t) => {
    const { address, port } = await serve(t)
    const kubelet = await guest(t, port, '127.0.0.3')
    for (let i = 0; i < 100; i++) await guest(t, port, '127.0.0.2')
    assert.ok(await answers(address))
    kubelet.write(request)
    const [answer] = (await once(kubelet, 'data')) as [Buffer]
    assert.match(answer.toString(), /^HTTP\/1\.1 200 /)
  })

  test('the connection that has been idle for the longest time is closed, not one that waits for its answer', async (t) => {
    const slow = Promise.withResolvers<void>()
    const { address, port } = await serve(t, {
      '/slow': async () => {
        await slow.promise
        return plainPage(200, 'at last')
      },
    })
    const waiting = await guest(t, port, '127.0.0.2', 'GET /slow HTTP/1.1\r\nHost: x\r\n\r\n')
    const [first, second] = [await guest(t, port, '127.0.0.2'), await guest(t, port, '127.0.0.2')]
    first.write(request)
    await once(first, 'data')
    const secondIsGone = once(second, 'close')
    for (let i = 3; i < connectionsAtMost; i++) await guest(t, port, '127.0.0.2')
    assert.ok(await answers(address))
    await secondIsGone
    assert.equal(first.readyState, 'open')
    const answered = once(waiting, 'data') as Promise<[Buffer]>
    slow.resolve()
    assert.match((await answered)[0].toString(), /at last/)
  })
})

test('a path that is a property of every object is not a page', async (t) => {
  const { address } = await serve(t)
  assert.equal((await fetch(`http://${address}/constructor`)).status, 404)
})
