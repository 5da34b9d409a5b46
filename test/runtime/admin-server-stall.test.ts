// The HTTP server of both programs after its process has stood still: a probe that came in the meantime gets its answer.
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { test } from 'node:test'
import { setImmediate as afterPoll, setTimeout as sleep } from 'node:timers/promises'
import { Worker } from 'node:worker_threads'
import { plainPage, serveAdmin } from '../../runtime/admin-server.ts'

/** A client in a thread of its own: it connects, asks when it is told to, and reports the first line of the answer, or the error. */
const client = `
const { parentPort, workerData } = require('node:worker_threads')
const socket = require('node:net').connect(workerData, '127.0.0.1', () => parentPort.postMessage('connected'))
parentPort.on('message', () => socket.write('GET /healthz HTTP/1.1\\r\\nHost: x\\r\\n\\r\\n'))
const report = (text) => { parentPort.postMessage(text); parentPort.close(); socket.destroy() }
socket.once('data', (data) => report(String(data).split('\\r\\n')[0]))
socket.once('error', (error) => report(error.message))
socket.once('end', () => report('closed without an answer'))
`

/** Nothing else happens in this thread meanwhile. */
const standStill = (ms: number): unknown => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms)

// A short time limit of the server would end the connection before its request is read. A kubelet waits 15 s.
test('a request that came while the process stood still for 12 seconds is answered', async () => {
  const server = await serveAdmin({ address: '127.0.0.1', port: 0 }, { '/healthz': () => plainPage(200, 'ok') })
  try {
    const worker = new Worker(client, { eval: true, workerData: Number(server.address.split(':').at(-1)) })
    await once(worker, 'message')
    // The server has accepted the connection by now, or will later, which is the easier case.
    await sleep(200)
    // oxlint-disable-next-line unicorn/require-post-message-target-origin -- it is a thread, not a window
    worker.postMessage('ask')
    // The next phase of the event loop is the timers', before that of the sockets.
    await afterPoll()
    standStill(12_000)
    const [answer] = (await once(worker, 'message')) as [string]
    assert.equal(answer, 'HTTP/1.1 200 OK')
  } finally {
    server.close()
  }
})
