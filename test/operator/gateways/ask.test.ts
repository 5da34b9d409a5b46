// Asking gateways over HTTP: whatever a pod answers, or does not, the operator has its report or none, soon and within bounds.
import assert from 'node:assert/strict'
import { once } from 'node:events'
import http from 'node:http'
import net, { type AddressInfo } from 'node:net'
import { describe, test } from 'node:test'
import { askOverHttp } from '../../../operator/gateways/ask.ts'

const hash = 'a'.repeat(64)
const page = JSON.stringify({ policy: { hash }, backends: [] })

/** Far beyond what an answer takes on any machine. */
const patienceMs = 60_000

/** A pod that answers like this, and what is made of its answer. */
async function answerOf(answer: http.RequestListener, timeoutMs: number, host = '127.0.0.1') {
  const server = http.createServer(answer).listen(0, host)
  await once(server, 'listening')
  const gateways = askOverHttp({ port: (server.address() as AddressInfo).port, timeoutMs })
  try {
    return await gateways.ask(host)
  } finally {
    await gateways.close()
    server.close()
    server.closeAllConnections()
  }
}

const cases: readonly {
  readonly what: string
  readonly answer: http.RequestListener
  readonly hash: string | undefined
  /** For answers that never end. */
  readonly timeoutMs?: number
}[] = [
  { what: 'a status page', answer: (request, response) => void response.writeHead(request.url === '/status' ? 200 : 404).end(page), hash },
  { what: 'an error', answer: (_, response) => void response.writeHead(500).end(page), hash: undefined },
  {
    what: 'a redirection, which is not followed',
    answer: (_, response) => void response.writeHead(302, { location: 'http://127.0.0.1:1/' }).end(),
    hash: undefined,
  },
  { what: 'something else than JSON', answer: (_, response) => void response.end('<html>'), hash: undefined },
  {
    what: 'a page without end',
    answer: (_, response) => void response.end(`{"x":"${'x'.repeat(2 ** 20)}","policy":{"hash":"${hash}"}}`),
    hash: undefined,
  },
  {
    what: 'a page that breaks off',
    answer: (_, response) => void response.writeHead(200, { 'content-length': 500 }).write(page, () => response.destroy()),
    hash: undefined,
  },
  {
    what: 'half a page, and then nothing',
    answer: (_, response) => void response.writeHead(200, { 'content-length': 500 }).write('{'),
    hash: undefined,
    timeoutMs: 500,
  },
  { what: 'nothing at all', answer: () => undefined, hash: undefined, timeoutMs: 500 },
  { what: 'a hundred thousand brackets', answer: (_, response) => void response.end('['.repeat(100_000)), hash: undefined },
]

describe('a pod that answers with', () => {
  for (const { what, answer, hash: want, timeoutMs = patienceMs } of cases) {
    test(`${what} ${want === undefined ? 'has no report' : 'has its report'}`, async () =>
      assert.equal((await answerOf(answer, timeoutMs))?.hash, want))
  }
})

test('a pod that does not listen has no report', async () => {
  const server = net.createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  await new Promise((resolve) => server.close(resolve))
  const gateways = askOverHttp({ port, timeoutMs: patienceMs })
  assert.equal(await gateways.ask('127.0.0.1'), undefined)
  await gateways.close()
})
