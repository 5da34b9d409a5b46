// Lines over real sockets: a client at an address of its own, a small backend, and a gateway run that is meant to fail.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import net from 'node:net'
import tls from 'node:tls'
import { fileURLToPath } from 'node:url'

const command = fileURLToPath(new URL('../../cli/main.ts', import.meta.url))
const patienceMs = 60_000

/** A client that reads line by line. */
export interface Client {
  write(text: string): void
  /** The next line without its end; rejects when the connection ends first or nothing comes for a minute. */
  line(): Promise<string>
  startTls(): Promise<tls.PeerCertificate>
  end(): void
}

/** Connects from a 127/8 address. */
export async function startClient(port: number, from: string): Promise<Client> {
  let socket: net.Socket = net.connect({ port, host: '127.0.0.1', localAddress: from })
  await once(socket, 'connect')
  let buffered = ''
  let ended = false
  let wake = (): void => undefined
  const listen = (): void => {
    socket.on('data', (bytes: Buffer) => {
      buffered += bytes.toString('latin1')
      wake()
    })
    const onEnd = (): void => {
      ended = true
      wake()
    }
    socket.on('end', onEnd).on('error', onEnd).on('close', onEnd)
  }
  listen()
  const line = async (): Promise<string> => {
    const deadline = performance.now() + patienceMs
    for (;;) {
      const end = buffered.indexOf('\r\n')
      if (end >= 0) {
        const text = buffered.slice(0, end)
        buffered = buffered.slice(end + 2)
        return text
      }
      if (ended || performance.now() > deadline)
        throw new Error(`no line came${ended ? ', the connection has ended' : ''}: ${JSON.stringify(buffered)}`)
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, deadline - performance.now())
        wake = () => {
          clearTimeout(timer)
          resolve()
        }
      })
    }
  }
  const startTls = async (): Promise<tls.PeerCertificate> => {
    socket.removeAllListeners('data').removeAllListeners('end')
    const secure = tls.connect({ socket, rejectUnauthorized: false })
    await once(secure, 'secureConnect')
    socket = secure
    listen()
    return secure.getPeerCertificate()
  }
  return { write: (text) => void socket.write(text, 'latin1'), line, startTls, end: () => socket.destroy() }
}

/** A backend that greets, repeats commands, and says good-bye. */
export async function startBackend(): Promise<{ readonly address: string; close(): void }> {
  const sockets = new Set<net.Socket>()
  const server = net.createServer((socket) => {
    sockets.add(socket)
    socket.on('error', () => undefined).on('close', () => sockets.delete(socket))
    socket.write('220 backend\r\n')
    socket.on('data', (bytes) => {
      const text = bytes.toString('latin1').trimEnd()
      if (text.toUpperCase() === 'QUIT') socket.end('221 bye\r\n')
      else socket.write(`250 you said ${text}\r\n`)
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as net.AddressInfo
  const close = (): void => {
    server.close()
    for (const socket of sockets) socket.destroy()
  }
  return { address: `127.0.0.1:${port}`, close }
}

/** Runs `postscreen gateway` until it ends by itself. */
export async function runGateway(args: readonly string[]): Promise<{ readonly code: number | null; readonly output: string }> {
  const child = spawn(process.execPath, [command, 'gateway', ...args])
  let output = ''
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (bytes: Buffer) => (output += bytes.toString()))
  const timer = setTimeout(() => child.kill('SIGKILL'), patienceMs)
  const [code] = (await once(child, 'close')) as [number | null]
  clearTimeout(timer)
  return { code, output }
}
