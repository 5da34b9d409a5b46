// Ends of TCP connections for tests: listeners on loopback ports, one that refuses, one that is deaf, and a socket whose bytes can be waited for.
import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net'
import type { TestContext } from 'node:test'
import { Worker } from 'node:worker_threads'

export interface Listener {
  readonly port: number
  readonly server: Server
  /** Ends the listener and destroys what is still connected. */
  close(): Promise<void>
}

/** Accepts on 127.0.0.1 and a free port (or another address); both directions of a connection end on their own. */
export async function listen(accept: (socket: Socket) => void, address = '127.0.0.1'): Promise<Listener> {
  const open = new Set<Socket>()
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    open.add(socket)
    socket.on('close', () => open.delete(socket)).on('error', () => undefined)
    accept(socket)
  })
  server.listen(0, address)
  await once(server, 'listening')
  return {
    port: (server.address() as AddressInfo).port,
    server,
    close: async () => {
      for (const socket of open) socket.destroy()
      await new Promise((done) => server.close(done))
    },
  }
}

/**
 * A loopback port where no server listens, and that no other listener gets until the test ends, because the socket of
 * a connection has it. (A port that was only closed goes to one of the next 7,000 listeners that ask for any.) A server
 * that names the port can still listen there, since SO_REUSEADDR is set.
 */
export async function refusingPort(t: TestContext): Promise<number> {
  const far = await listen(() => undefined)
  const holder = connect({ port: far.port, host: '127.0.0.1', localAddress: '127.0.0.1' })
  await once(holder, 'connect')
  t.after(async () => {
    holder.destroy()
    await far.close()
  })
  return holder.localPort ?? 0
}

/** A listener without a server, whose backlog is full: the kernel drops further connections silently. */
export async function deafPort(t: TestContext): Promise<number> {
  const program = `
    const { parentPort } = require('node:worker_threads')
    const server = require('node:net').createServer().listen({ port: 0, host: '127.0.0.1', backlog: 1 }, () => {
      parentPort.postMessage(server.address().port)
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0)
    })`
  const worker = new Worker(program, { eval: true })
  t.after(async () => void (await worker.terminate()))
  const [port] = (await once(worker, 'message')) as [number]
  const fillers = Array.from({ length: 4 }, () => connect(port, '127.0.0.1').on('error', () => undefined))
  t.after(() => fillers.forEach((filler) => filler.destroy()))
  await Promise.all(fillers.slice(0, 2).map((filler) => once(filler, 'connect')))
  return port
}

/** One end, with everything that it has received. */
export interface End {
  readonly socket: Socket
  text(): string
  bytes(): Buffer
  /** Resolves when what was received satisfies the question. */
  until(enough: (text: string) => boolean): Promise<string>
  /** Resolves with all that was received when the other side has ended or reset: `FIN`, `RST`. */
  ended(): Promise<{ how: 'FIN' | 'RST'; text: string }>
}

/** Reads all that comes to the socket. */
export function endOf(socket: Socket): End {
  let chunks: Buffer[] = []
  let over: 'FIN' | 'RST' | undefined
  const waiting = new Set<() => void>()
  const wake = (): void => {
    for (const check of waiting) check()
  }
  const finish = (how: 'FIN' | 'RST'): void => {
    over ??= how
    wake()
  }
  socket.on('data', (chunk: Buffer) => {
    chunks.push(chunk)
    wake()
  })
  socket
    .on('end', () => finish('FIN'))
    .on('error', () => finish('RST'))
    .on('close', () => finish('RST'))
  const bytes = (): Buffer => {
    const all = Buffer.concat(chunks)
    chunks = [all]
    return all
  }
  const text = (): string => bytes().toString('latin1')
  const when = async <T>(ready: () => T | undefined): Promise<T> =>
    await new Promise((resolve) => {
      const check = (): void => {
        const value = ready()
        if (value === undefined) return
        waiting.delete(check)
        resolve(value)
      }
      waiting.add(check)
      check()
    })
  return {
    socket,
    text,
    bytes,
    until: async (enough) => await when(() => (enough(text()) || over !== undefined ? text() : undefined)),
    ended: async () => await when(() => (over === undefined ? undefined : { how: over, text: text() })),
  }
}

/** A connection to a loopback port, ready to use. */
export async function dial(port: number): Promise<End> {
  const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true, noDelay: true })
  const end = endOf(socket)
  await once(socket, 'connect')
  return end
}
