// What a relayed session costs the gateway in CPU, beside HAProxy in TCP mode: `npm run bench -- relay-alone [SESSIONS]`. Linux only.
//
// A client, the relay and a backend are processes of their own, all on the loopback; what is counted is the user and system time of the relay alone.
import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import { fileURLToPath } from 'node:url'
import { proxyHeaderLimit } from '../../gateway/core/proxy-header.ts'
import { Backends } from '../../gateway/backend/backends.ts'
import { NodeSocket } from '../../gateway/sockets/node-socket.ts'
import { startRelay } from '../../gateway/backend/relay.ts'
import { cpuMicros } from '../laboratory/process-use.ts'
import { startHaproxy } from '../peers/haproxy.ts'
import { unless } from '../peers/require.ts'

const program = fileURLToPath(import.meta.url)
const concurrency = 20
const cases = [
  { what: '4 KiB', size: 4096, share: 1 },
  { what: '1 MiB', size: 1 << 20, share: 0.1 },
]

async function listening(accept: (socket: Socket) => void): Promise<number> {
  const server = createServer({ allowHalfOpen: true, noDelay: true }, accept).listen({ port: 0, host: '127.0.0.1', backlog: 1024 })
  await once(server, 'listening')
  return (server.address() as AddressInfo).port
}

/** As much of Postfix as a well-behaved client notices. */
function serveMail(socket: Socket): void {
  let header = true
  let tail: string | undefined
  const replies: Record<string, string> = {
    EHLO: '250-mx.example\r\n250 PIPELINING\r\n',
    QUIT: '221 2.0.0 Bye\r\n',
    DATA: '354 End data\r\n',
  }
  socket.on('error', () => undefined).on('end', () => socket.end())
  socket.on('data', (chunk: Buffer) => {
    const text = header ? '' : chunk.toString('latin1', 0, tail === undefined ? 4 : 0)
    if (header && chunk.length > proxyHeaderLimit) throw new Error('the client spoke before the greeting')
    if (header) socket.write('220 mx.example ESMTP Postfix\r\n')
    else if (tail !== undefined) {
      tail = (tail + chunk.toString('latin1', Math.max(0, chunk.length - 5))).slice(-5)
      if (tail !== '\r\n.\r\n') return
      tail = undefined
      socket.write('250 2.0.0 Ok: queued as 4XyzAb1234\r\n')
    } else {
      socket.write(replies[text] ?? '250 2.1.0 Ok\r\n')
      if (text === 'DATA') tail = ''
      if (text === 'QUIT') socket.end()
    }
    header = false
  })
}

async function runBackend(): Promise<void> {
  process.send?.(await listening(serveMail))
}

function failed(reason: string | undefined): void {
  if (reason !== undefined) throw new Error(reason)
}

async function runRelay(backendPort: number): Promise<void> {
  const addresses = [{ address: '127.0.0.1', port: backendPort }]
  const backends = new Backends({ addresses, proxyProtocol: 'V2', connectTimeoutMs: 1000, greetingTimeoutMs: 100_000, probeAfterMs: 0 })
  const events = {
    onStarted: () => undefined,
    onFailed: (_: string, reason: string) => failed(reason),
    onEnd: ({ error }: { error: string | undefined }) => failed(error),
  }
  const unread = new Uint8Array(0)
  const port = await listening((socket) => {
    const client = new NodeSocket(socket.pause())
    const ends = client.endpoints()
    if (ends === undefined) return
    startRelay({ client, clientEndpoint: ends.client, serverEndpoint: ends.server, unread, teaserSent: true }, backends, events)
  })
  process.send?.(port)
}

/** One session, each command after the reply to the one before. */
async function sendMail(port: number, commands: readonly (string | Buffer)[]): Promise<void> {
  const socket = connect({ port, host: '127.0.0.1', noDelay: true })
  let next = 0
  socket.on('data', (reply: Buffer) => {
    const command = commands[next++]
    if (reply[0] === 0x35) throw new Error(reply.toString())
    if (command !== undefined) socket.write(command)
  })
  await once(socket, 'close')
  if (next !== commands.length + 1) throw new Error(`the session ended after ${next} replies`)
}

async function runClients(port: number, sessions: number, size: number): Promise<void> {
  const message = Buffer.concat([Buffer.alloc(size, `${'x'.repeat(76)}\r\n`), Buffer.from('\r\n.\r\n')])
  const commands = ['EHLO client.example\r\n', 'MAIL FROM:<a@a.example>\r\n', 'RCPT TO:<b@b.example>\r\n', 'DATA\r\n', message, 'QUIT\r\n']
  let left = sessions
  const worker = async (): Promise<void> => {
    while (left-- > 0) await sendMail(port, commands)
  }
  await Promise.all(Array.from({ length: concurrency }, worker))
}

async function start(...role: (string | number)[]): Promise<{ child: ChildProcess; port: number }> {
  const child = fork(program, role.map(String))
  const [port] = (await once(child, 'message')) as [number]
  return { child, port }
}

async function load(port: number, sessions: number, size: number): Promise<void> {
  const child = fork(program, ['clients', port, sessions, size].map(String))
  const [code] = (await once(child, 'exit')) as [number]
  if (code !== 0) throw new Error('the clients failed')
}

/** Microseconds a session, after a warm-up that is long enough for V8 to have compiled what it will compile. */
async function cost(pid: number, port: number, sessions: number, size: number): Promise<number> {
  await load(port, sessions, size)
  const before = cpuMicros(pid)
  await load(port, sessions, size)
  return (cpuMicros(pid) - before) / sessions
}

async function measure(sessions: number): Promise<void> {
  const backend = await start('backend')
  const relay = await start('relay', backend.port)
  const haproxy = unless('haproxy') === false ? await startHaproxy(backend.port) : undefined
  for (const { what, size, share } of cases) {
    const count = Math.ceil(sessions * share)
    const ours = await cost(relay.child.pid ?? 0, relay.port, count, size)
    const theirs = haproxy === undefined ? undefined : await cost(haproxy.pid, haproxy.port, count, size)
    const beside = theirs === undefined ? 'no HAProxy here' : `HAProxy ${theirs.toFixed(0)} µs, ratio ${(ours / theirs).toFixed(2)}`
    console.log(`relay, ${what} a message: ${ours.toFixed(0)} µs of CPU a session; ${beside} (${count} sessions)`)
  }
  for (const { child } of [backend, relay]) child.kill()
  await haproxy?.stop()
}

const [role, ...numbers] = process.argv.slice(2)
const [first = 0, second = 0, third = 0] = numbers.map(Number)
if (role === 'backend') await runBackend()
else if (role === 'relay') await runRelay(first)
else if (role === 'clients') await runClients(first, second, third)
else await measure(Number(role ?? 15_000))
if (role === 'clients') process.exit()
