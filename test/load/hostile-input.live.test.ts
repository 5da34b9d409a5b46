// Clients that send anything but SMTP, or nothing: each gets the right reply, and the gateway is not affected.
import assert from 'node:assert/strict'
import { connect, type Socket } from 'node:net'
import { after, before, describe, test } from 'node:test'
import { type GatewayProcess, startGatewayProcess } from '../peers/gateway.ts'
import { unless } from '../peers/require.ts'
import { untilHolds } from '../support/until-holds.ts'
import { loopbackAddress, visitAll } from '../laboratory/clients.ts'
import { gatewayFlags } from '../laboratory/gateway-flags.ts'
import { openFiles, residentBytes } from '../laboratory/process-use.ts'
import { polite } from '../laboratory/scripts.ts'
import { untilQuiet } from '../laboratory/status.ts'

const hostname = 'mx.example.test'
const greeting = `220 ${hostname} ESMTP Postfix\r\n`
const tryAgainLater = `421 ${hostname} Service unavailable - try again later\r\n`
const notRecognized = '502 5.5.2 Error: command not recognized\r\n'
const megabyte = 1_000_000
/**
 * In seconds: how long a command may take. All come at the same time, thousands of them from this one process, which must be able to speak before that
 * on a busy machine too.
 */
const commandTime = 8

/** Unknown clients come to the dummy engine at once. */
const engineSpec = {
  hostname,
  greet: { banner: '' },
  deepTests: { pipelining: { enabled: true, action: 'Ignore' }, nonSMTPCommand: { enabled: true, action: 'Drop' } },
  smtp: { commandTimeLimit: `${commandTime}s`, stressCommandTimeLimit: `${commandTime}s` },
} as const
/** They get a teaser first; what they say behind it is not held against them. */
const waitSpec = { ...engineSpec, greet: { wait: '1s', stressWait: '1s' } } as const
/** They owe a PROXY header. */
const proxySpec = { ...engineSpec, listen: { proxyProtocol: { mode: 'Required', timeout: '1s' } } } as const

interface Answer {
  /** Everything, one byte a character. */
  readonly heard: string
  /** By the server in order, or an error's code. */
  readonly ending: string
  readonly ms: number
}

let addresses = 0
const nextAddress = (): string => loopbackAddress(65, addresses++)

/** Calls, does `speak` once the connection stands, and listens until the end, half a minute at most. */
async function call(port: number, speak: (socket: Socket) => void): Promise<Answer> {
  const { promise, resolve } = Promise.withResolvers<string>()
  const began = performance.now()
  let heard = ''
  const socket = connect({ port, host: '127.0.0.1', localAddress: nextAddress(), allowHalfOpen: true })
  socket.on('connect', () => speak(socket))
  socket.on('data', (chunk: Buffer) => {
    heard += chunk.toString('latin1')
  })
  socket.on('end', () => resolve('ended'))
  socket.on('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message))
  const patience = setTimeout(() => resolve('nothing'), 30_000)
  const ending = await promise
  clearTimeout(patience)
  socket.destroy()
  return { heard, ending, ms: performance.now() - began }
}

const says = (...pieces: readonly (string | Buffer)[]) => {
  return (socket: Socket): void => {
    for (const piece of pieces) socket.write(piece)
  }
}

const inputs: readonly { readonly what: string; readonly input: string | Buffer; readonly heard: string }[] = [
  { what: 'a line that never ends is cut at 2,048 bytes', input: 'a'.repeat(megabyte), heard: greeting + tryAgainLater },
  { what: '10 MB without a newline are not kept', input: Buffer.alloc(10 * megabyte, 0xe4), heard: greeting + tryAgainLater },
  { what: 'a flood of CRs is a line that never ends', input: '\r'.repeat(megabyte), heard: greeting + tryAgainLater },
  { what: 'a flood of NULs is a line that never ends', input: Buffer.alloc(megabyte), heard: greeting + tryAgainLater },
  {
    what: 'empty lines count as commands, twenty at most',
    input: '\n'.repeat(megabyte),
    heard: greeting + notRecognized.repeat(20) + tryAgainLater,
  },
  {
    what: 'text behind a NUL is ignored',
    input: 'NOOP\0 \r\nNO\0OP\r\n\0NOOP\r\nQUIT\0QUIT\r\n',
    heard: `${greeting}250 2.0.0 Ok\r\n${notRecognized.repeat(2)}221 2.0.0 Bye\r\n`,
  },
  {
    what: 'a TLS hello is not an SMTP command',
    input: Buffer.from('16030100a5010000a10303000102030405060708090a0b0c0d0e0f0a', 'hex'),
    heard: `${greeting}521 5.7.0 Error: I can break rules, too. Goodbye.\r\n`,
  },
  {
    what: 'HTTP is not an SMTP command',
    input: `POST / HTTP/1.1\r\nHost: ${hostname}\r\n\r\n`,
    heard: `${greeting}521 5.7.0 Error: I can break rules, too. Goodbye.\r\n`,
  },
  {
    what: 'commands of every byte there is are answered one by one',
    input: Buffer.concat(Array.from({ length: 256 }, (_, byte) => Buffer.from([0x58, byte, 0x0d, 0x0a]))),
    heard: greeting + notRecognized.repeat(20) + tryAgainLater,
  },
]

describe('whatever clients send', { skip: unless('loopback') }, () => {
  let gateway: GatewayProcess
  let waiting: GatewayProcess
  let proxied: GatewayProcess
  let residentBefore = 0
  let filesBefore = 0

  before(async () => {
    const start = (spec: object): Promise<GatewayProcess> => startGatewayProcess({ spec, nodeFlags: gatewayFlags })
    ;[gateway, waiting, proxied] = await Promise.all([start(engineSpec), start(waitSpec), start(proxySpec)])
    residentBefore = residentBytes(gateway.pid)
    filesBefore = openFiles(gateway.pid)
  })

  after(async () => {
    await Promise.all([gateway, waiting, proxied].map((one) => one?.stop()))
  })

  describe('it is answered', { concurrency: true }, () => {
    for (const { what, input, heard } of inputs) {
      test(what, async () => assert.deepEqual(plain(await call(gateway.port, says(input))), { heard, ending: 'ended' }))
    }

    test('single bytes do not extend the time limit for a command', async () => {
      const drip = (socket: Socket): void => {
        const timer = setInterval(() => socket.write('x'), 300)
        socket.on('close', () => clearInterval(timer))
      }
      const answer = await call(gateway.port, drip)
      assert.deepEqual(plain(answer), { heard: `${greeting}421 4.4.2 ${hostname} Error: timeout exceeded\r\n`, ending: 'ended' })
      assert.ok(answer.ms < (commandTime + 15) * 1000, `it took ${answer.ms} ms`)
    })

    test('a client that has ended its side is closed at once', async () => {
      const answer = await call(gateway.port, (socket) => socket.end())
      assert.equal(answer.ending, 'ended')
      assert.doesNotMatch(answer.heard, /timeout exceeded/)
    })

    test('a client that never reads its replies and never stops talking is cut off', async () => {
      const rude = (socket: Socket): void => {
        socket.pause()
        socket.write('EHLO client.example\r\n'.repeat(100_000))
        setTimeout(() => socket.resume(), 1000)
      }
      const { heard } = await call(gateway.port, rude)
      assert.ok(heard.endsWith(tryAgainLater), heard.slice(-200))
      assert.equal(heard.split('250-mx.example.test').length - 1, 20)
    })

    test('10 MB before the greeting stay in the kernel, and are then answered like any line without an end', async () => {
      const { heard } = await call(waiting.port, says(Buffer.alloc(10 * megabyte, 0x61)))
      assert.equal(heard, `220-${hostname} ESMTP Postfix\r\n${greeting}${tryAgainLater}`)
    })

    test('2,000 clients that reset as soon as they are greeted leave nothing behind', async () => {
      await visitAll({ ...storm(gateway.port, 2000), client: () => ({ from: nextAddress(), script: { leaves: 'when greeted' } }) })
    })

    test('1,000 clients that reset before the gateway has read from them leave nothing behind', async () => {
      await visitAll({ ...storm(gateway.port, 1000), client: () => ({ from: nextAddress(), script: { leaves: 'when connected' } }) })
    })

    test('1,000 clients that must send a PROXY header and say nothing are closed in time', async () => {
      const heard = new Set<string>()
      const client = () => ({ from: nextAddress(), script: {} })
      await visitAll({ ...storm(proxied.port, 1000), client, onVisit: (visit) => void heard.add(`${visit.heard}${visit.ending}`) })
      assert.deepEqual(heard, new Set(['421 4.3.2 No system resources\r\nhung up']))
    })
  })

  test('when all clients have left the gateway holds what it held before', async () => {
    for (const one of [gateway, waiting, proxied]) {
      assert.deepEqual(await untilQuiet(one.admin), {})
      assert.doesNotMatch(one.output(), /[^\n\x20-\x7e]|internal error/)
    }
    await untilHolds('it has no more files open than before', () => openFiles(gateway.pid) <= filesBefore)
    const grown = (residentBytes(gateway.pid) - residentBefore) / megabyte
    assert.ok(grown < 100, `it has grown by ${grown} MB`)
    const heard: string[] = []
    await visitAll({
      ...storm(gateway.port, 10),
      client: () => ({ from: nextAddress(), script: polite }),
      onVisit: (visit) => void heard.push(visit.heard),
    })
    for (const text of heard) assert.match(text, /^220 [^]*^250 [^]*^221 2\.0\.0 Bye/m)
  })
})

const storm = (port: number, count: number) => ({ port, count, atOnce: count, patienceMs: 60_000 })
const plain = ({ heard, ending }: Answer): { heard: string; ending: string } => ({ heard, ending })
