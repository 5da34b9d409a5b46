// A server that is silent, slow or away cannot keep the client waiting, and the number of requests at once has a limit.

import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { type AddressInfo, createServer, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { connectKube } from '../../../operator/kube/kube-client.ts'
import { resources } from '../../../operator/kube/resource.ts'
import { policy } from './objects.ts'
import { type Arrival, kubeconfigOf, ScriptedApiServer } from './scripted-api-server.ts'
import { until, VirtualClock } from './virtual-clock.ts'
import { failure, withClient } from './with-client.ts'

const { Pod, PostscreenPolicy } = resources
let server: ScriptedApiServer
before(async () => {
  server = await ScriptedApiServer.start()
})
after(() => server.close())

/** Lets what is on its way on loopback arrive. */
async function breathe(): Promise<void> {
  for (let turn = 0; turn < 50; turn++) await new Promise((resolve) => setImmediate(resolve))
}

test('a server that says nothing is given up after the time limit', () =>
  withClient(server, async (client, clock) => {
    const result = failure(client.get(Pod, 'mail', 'mx'))
    const arrival = await server.next()
    clock.move(29_999)
    await breathe()
    assert.ok(!arrival.isAbandoned)
    clock.move(1)
    const error = await result
    assert.deepEqual([error.status, error.reason, error.message], [0, 'Timeout', 'get v1/namespaces/mail/pods/mx: not done within 30 s'])
    await until(() => arrival.isAbandoned, 'hanging up')
  }))

test('a server that stops in the middle of an answer is given up after the time limit', () =>
  withClient(server, async (client, clock) => {
    const result = failure(client.get(Pod, 'mail', 'mx', { timeoutMs: 5000 }))
    const arrival = await server.next()
    arrival.begin()
    arrival.raw('{"apiVersion":')
    await breathe()
    clock.move(5000)
    assert.equal((await result).reason, 'Timeout')
    await until(() => arrival.isAbandoned, 'hanging up')
  }))

test('a slow answer does not get more time than any other', () =>
  withClient(server, async (client, clock) => {
    const result = failure(client.get(Pod, 'mail', 'mx'))
    const arrival = await server.next()
    arrival.begin()
    for (let second = 0; second < 30; second++) {
      arrival.raw(' ')
      await breathe()
      clock.move(1000)
    }
    assert.equal((await result).reason, 'Timeout')
  }))

test('an answer that is cut off is an error', () =>
  withClient(server, async (client) => {
    server.answer = (arrival) => {
      arrival.begin()
      arrival.raw('{"apiVersion":')
      setImmediate(() => arrival.cut())
    }
    assert.equal((await failure(client.get(Pod, 'mail', 'mx'))).reason, 'NoConnection')
    server.answer = (arrival) => arrival.cut()
    assert.equal((await failure(client.get(Pod, 'mail', 'mx'))).status, 0)
  }))

test('a request that its caller gives up ends at once', () =>
  withClient(server, async (client) => {
    server.answer = () => undefined
    const giveUp = new AbortController()
    const earlier = server.arrivals.length
    const result = failure(client.list(Pod, { signal: giveUp.signal }))
    await until(() => server.arrivals.length > earlier, 'the request')
    giveUp.abort()
    assert.equal((await result).reason, 'Aborted')
    await until(() => server.arrivals.at(-1)?.isAbandoned === true, 'hanging up')
    assert.equal((await failure(client.list(Pod, { signal: giveUp.signal }))).reason, 'Aborted')
    assert.equal(server.arrivals.length, earlier + 1)
  }))

for (const scheme of ['http', 'https']) {
  test(`a request on a socket that never answers and never closes is given up (${scheme})`, async () => {
    const sockets: Socket[] = []
    const mute = createServer({ pauseOnConnect: true, allowHalfOpen: true }, (socket) => sockets.push(socket)).listen(0, '127.0.0.1')
    await new Promise((resolve) => mute.on('listening', resolve))
    const folder = mkdtempSync(join(tmpdir(), 'mute-api-'))
    const kubeconfig = join(folder, 'kubeconfig')
    writeFileSync(kubeconfig, kubeconfigOf(`${scheme}://127.0.0.1:${(mute.address() as AddressInfo).port}`, 'a-token'))
    const clock = new VirtualClock()
    const client = connectKube({ kubeconfig, userAgent: 'test/1', clock })
    try {
      const result = failure(client.get(Pod, 'mail', 'mx'))
      await until(() => sockets.length > 0, 'a connection')
      clock.move(30_000)
      assert.equal((await result).reason, 'Timeout')
    } finally {
      await client.close()
      for (const socket of sockets) socket.destroy()
      mute.close()
      rmSync(folder, { recursive: true })
    }
    assert.equal(clock.pending, 0)
  })
}

test('a server that is away is an error, and it is asked again when it is back', () =>
  withClient(server, async (client) => {
    server.answer = (arrival) => arrival.json(200, policy('mx', '1'))
    await client.get(PostscreenPolicy, 'mail', 'mx')
    await server.down()
    const error = await failure(client.get(PostscreenPolicy, 'mail', 'mx'))
    assert.deepEqual([error.status, error.reason], [0, 'NoConnection'])
    assert.match((await failure(client.get(PostscreenPolicy, 'mail', 'mx'))).message, /ECONNREFUSED/)
    await server.resume()
    assert.equal((await client.get(PostscreenPolicy, 'mail', 'mx'))?.metadata.name, 'mx')
  }))

test('no more requests than allowed are under way at once, and all get their turn', () =>
  withClient(
    server,
    async (client) => {
      let open = 0
      let most = 0
      const answerLater = async (arrival: Arrival): Promise<void> => {
        most = Math.max(most, ++open)
        await until(() => most === 3, 'three at once')
        await breathe()
        open--
        arrival.json(200, policy('mx', '1'))
      }
      server.answer = (arrival) => void answerLater(arrival)
      const earlier = server.arrivals.length
      await Promise.all(Array.from({ length: 40 }, () => client.get(PostscreenPolicy, 'mail', 'mx')))
      assert.equal(server.arrivals.length - earlier, 40)
      assert.equal(most, 3)
    },
    { requestsAtOnce: 3 },
  ))

test('waiting for a turn counts as time, and an urgent request does not wait', () =>
  withClient(
    server,
    async (client, clock) => {
      server.answer = (arrival) => {
        if (arrival.path.endsWith('/urgent')) arrival.json(200, policy('urgent', '1'))
      }
      const earlier = server.arrivals.length
      const results = Array.from({ length: 3 }, () => failure(client.get(PostscreenPolicy, 'mail', 'mx')))
      await until(() => server.arrivals.length === earlier + 2, 'two requests')
      assert.equal((await client.get(PostscreenPolicy, 'mail', 'urgent', { urgent: true }))?.metadata.name, 'urgent')
      clock.move(30_000)
      for (const result of results) assert.equal((await result).reason, 'Timeout')
      assert.equal(server.arrivals.length, earlier + 3)
      server.answer = (arrival) => arrival.json(200, policy('mx', '1'))
      await Promise.all(Array.from({ length: 3 }, () => client.get(PostscreenPolicy, 'mail', 'mx')))
    },
    { requestsAtOnce: 2 },
  ))

test('a token that is refused is read again', () =>
  withClient(server, async (client, clock) => {
    server.answer = (arrival) => {
      if (arrival.headers.authorization === 'Bearer another-token') arrival.json(200, policy('mx', '1'))
      else arrival.refuse(401, 'Unauthorized')
    }
    const kubeconfig = readFileSync(server.kubeconfig, 'utf8')
    clock.move(60_000)
    assert.equal((await failure(client.get(PostscreenPolicy, 'mail', 'mx'))).status, 401)
    writeFileSync(server.kubeconfig, kubeconfig.replace('a-token', 'another-token'))
    clock.move(60_000)
    assert.equal((await failure(client.get(PostscreenPolicy, 'mail', 'mx'))).status, 401)
    assert.equal((await client.get(PostscreenPolicy, 'mail', 'mx'))?.metadata.name, 'mx')
    writeFileSync(server.kubeconfig, '{')
    clock.move(60_000)
    server.answer = (arrival) => arrival.refuse(401, 'Unauthorized')
    assert.equal((await failure(client.get(PostscreenPolicy, 'mail', 'mx'))).status, 401)
    assert.equal((await failure(client.get(PostscreenPolicy, 'mail', 'mx'))).status, 401)
    writeFileSync(server.kubeconfig, kubeconfig)
  }))

test('when certificates change, requests take new connections, and a watch that is under way stays', () =>
  withClient(server, async (client, clock) => {
    const kubeconfig = readFileSync(server.kubeconfig, 'utf8')
    const giveUp = new AbortController()
    const watch = client.watch(Pod, { resourceVersion: '1', timeoutSeconds: 300 }, giveUp.signal)[Symbol.asyncIterator]()
    const first = watch.next()
    const watched = await server.next()
    watched.bookmark('2')
    assert.equal((await first).value?.type, 'BOOKMARK')
    server.answer = (arrival) => arrival.json(200, policy('mx', '1'))
    await client.get(PostscreenPolicy, 'mail', 'mx')
    assert.equal(server.connections, 2)
    writeFileSync(server.kubeconfig, kubeconfig.replace('"cluster":{"server"', '"cluster":{"tls-server-name":"other","server"'))
    clock.move(10_000)
    server.answer = (arrival) => arrival.refuse(401, 'Unauthorized')
    assert.equal((await failure(client.get(PostscreenPolicy, 'mail', 'mx'))).status, 401)
    server.answer = (arrival) => arrival.json(200, policy('mx', '1'))
    await client.get(PostscreenPolicy, 'mail', 'mx')
    await until(() => server.connections === 2, 'the end of the old idle connection')
    watched.bookmark('3')
    assert.equal((await watch.next()).value?.type, 'BOOKMARK')
    giveUp.abort()
    await failure(watch.next())
    writeFileSync(server.kubeconfig, kubeconfig)
  }))

test('every request is reported once for the metrics', async () => {
  const seen: string[] = []
  await withClient(
    server,
    async (client, clock) => {
      server.answer = (arrival) => arrival.refuse(409, 'Conflict')
      await failure(client.replace(policy('mx', '1')))
      server.answer = () => clock.move(30_000)
      await failure(client.list(Pod))
    },
    { observe: (verb, resource, status, seconds) => seen.push(`${verb} ${resource.plural} ${status} ${seconds}`) },
  )
  assert.deepEqual(seen, ['replace postscreenpolicies 409 0', 'list pods 0 30'])
})

const configurations: readonly [what: string, text: string, problem: RegExp][] = [
  ['without a cluster', '{}', /has no current cluster/],
  ['with a server that is not an address', kubeconfigOf('nonsense', 't'), /not an http or https address/],
  ['with a server of another protocol', kubeconfigOf('file:///etc/passwd', 't'), /not an http or https address/],
  ['without TLS', kubeconfigOf('http://127.0.0.1:1', 't').replace('true', 'false'), /insecure-skip-tls-verify/],
]

for (const [what, text, problem] of configurations) {
  test(`a kubeconfig ${what} is refused at the start`, () => {
    const folder = mkdtempSync(join(tmpdir(), 'bad-kubeconfig-'))
    try {
      writeFileSync(join(folder, 'kubeconfig'), text)
      assert.throws(() => connectKube({ kubeconfig: join(folder, 'kubeconfig'), userAgent: 'test/1' }), problem)
    } finally {
      rmSync(folder, { recursive: true })
    }
  })
}
