// Backends are probed by one worker of a gateway, and all workers know what it learns.
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { type AddressInfo, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { type GatewayProcess, startGatewayProcess } from '../../../peers/gateway.ts'
import { unless } from '../../../peers/require.ts'
import { startClient } from '../../../support/wire.ts'

const skip = unless('loopback')

interface MailServer {
  readonly address: string
  /** When each probe came, in milliseconds. */
  readonly probes: number[]
  /** Whether it says 250 to NOOP, or behaves as one that takes a header for commands. */
  isWell: boolean
}

async function mailServer(t: TestContext): Promise<MailServer> {
  const probes: number[] = []
  const server = createServer((socket) => {
    socket.on('error', () => undefined)
    socket.write(made.isWell ? '220 backend\r\n' : 'SSH-2.0-OpenSSH\r\n')
    socket.on('data', (bytes) => {
      const text = bytes.toString()
      if (text === 'NOOP\r\n') probes.push(performance.now())
      if (text === 'QUIT\r\n') socket.end('221 bye\r\n')
      else socket.write('250 ok\r\n')
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.after(() => server.close())
  const made: MailServer = { address: `127.0.0.1:${(server.address() as AddressInfo).port}`, probes, isWell: true }
  return made
}

interface Page {
  readonly ready: boolean
  readonly workers: readonly {
    readonly number: number
    readonly pid: number | null
    readonly ready: boolean
    readonly notReady: readonly string[]
  }[]
}

async function until(gateway: GatewayProcess, holds: (page: Page) => boolean): Promise<Page> {
  for (const end = performance.now() + 60_000; ; await sleep(20)) {
    const page = (await (await fetch(`${gateway.admin}/status`)).json()) as Page
    if (holds(page)) return page
    assert.ok(performance.now() < end, `${JSON.stringify(page)}\n${gateway.output()}`)
  }
}

async function start(t: TestContext, backend: MailServer): Promise<GatewayProcess> {
  const data = mkdtempSync(join(tmpdir(), 'prober-'))
  t.after(() => rmSync(data, { recursive: true, force: true }))
  const spec = {
    hostname: 'mx.example.test',
    access: [{ action: 'Permit', cidrs: ['127.84.0.0/16'] }],
    backend: { addresses: [backend.address], proxyProtocol: 'None', probeInterval: '1s', holdTime: '0s' },
  }
  const gateway = await startGatewayProcess({ spec, logFormat: 'json', flags: ['--workers', '3', '--data-dir', data] })
  t.after(() => gateway.stop())
  await until(gateway, ({ ready, workers }) => ready && workers.length === 3 && workers.every((worker) => worker.ready))
  return gateway
}

test('of three workers one probes a backend, and another one goes on when it dies', { skip }, async (t) => {
  const backend = await mailServer(t)
  const gateway = await start(t, backend)
  const from = backend.probes.length
  for (const end = performance.now() + 60_000; backend.probes.length < from + 4; await sleep(20)) assert.ok(performance.now() < end)
  const gaps = backend.probes.slice(from).map((at, i, all) => at - (all[i - 1] ?? Number.NEGATIVE_INFINITY))
  assert.ok(Math.min(...gaps) > 900, `probes after ${gaps.map(Math.round).join(', ')} ms`)
  const { workers } = await until(gateway, () => true)
  process.kill(workers[0]?.pid ?? 0, 'SIGKILL')
  const since = backend.probes.length
  for (const end = performance.now() + 60_000; backend.probes.length < since + 3; await sleep(20)) assert.ok(performance.now() < end)
  await until(gateway, (page) => page.ready)
})

test('no worker hands off clients to a backend that has failed its probe, and one of them logs it', { skip }, async (t) => {
  const backend = await mailServer(t)
  const gateway = await start(t, backend)
  backend.isWell = false
  await until(gateway, ({ workers }) => workers.every(({ notReady }) => /is misconfigured: it does not speak SMTP/.test(notReady.join())))
  for (let i = 1; i <= 12; i++) {
    const client = await startClient(gateway.port, `127.84.1.${i}`)
    assert.match(await client.line(), /^421 /)
    client.end()
  }
  assert.equal(gateway.output().split(' is misconfigured: ').length - 1, 1)
  backend.isWell = true
  await until(gateway, ({ workers }) => workers.every(({ ready }) => ready))
})
