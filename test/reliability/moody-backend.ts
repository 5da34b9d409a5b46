// A mail server that fails in the ways that mail servers do, for new connections only: what it has begun it ends.
import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import { startMailSink } from '../load/mail-sink.ts'

export type Mood = 'well' | 'refuses connections' | 'says nothing' | 'says 421' | 'hangs up'
export const moods: readonly Mood[] = ['well', 'refuses connections', 'says nothing', 'says 421', 'hangs up']

export interface MoodyBackend {
  /** 127.0.0.1:PORT */
  readonly address: string
  /** Takes effect for the next connection. */
  turn(mood: Mood): Promise<void>
  /** Connections that are open. */
  readonly open: () => number
  stop(): void
}

/** Starts it, on a free port where left out; a PROXY header comes in front of each session. */
export async function startMoodyBackend(wanted = 0): Promise<MoodyBackend> {
  const sink = await startMailSink('header')
  const sockets = new Set<Socket>()
  let mood: Mood = 'well'
  const serve = (socket: Socket): void => {
    sockets.add(socket)
    socket.on('error', () => undefined).on('close', () => sockets.delete(socket))
    if (mood === 'well') relay(socket, sink.port)
    else if (mood === 'says 421') socket.end('421 4.3.2 Service shutting down\r\n')
    else if (mood === 'hangs up') socket.destroy()
    // Else it says nothing; somebody must read, or its end would not be seen.
    socket.resume()
  }
  const open = async (port: number) => {
    const server = createServer({ allowHalfOpen: false, noDelay: true }, serve).listen({ port, host: '127.0.0.1', backlog: 1024 })
    await once(server, 'listening')
    return server
  }
  let server = await open(wanted)
  const { port } = server.address() as AddressInfo
  return {
    address: `127.0.0.1:${port}`,
    turn: async (next) => {
      // Whoever waits for a word that never comes is let go, as by a server that is started again.
      if (mood === 'says nothing') for (const socket of sockets) if (socket.bytesWritten === 0) socket.destroy()
      mood = next
      if (next === 'refuses connections') server.close()
      else if (!server.listening) server = await open(port)
    },
    open: () => sockets.size,
    stop: () => {
      server.close()
      for (const socket of sockets) socket.destroy()
      sink.stop()
    },
  }
}

function relay(from: Socket, port: number): void {
  const to = connect({ port, host: '127.0.0.1', noDelay: true })
  from.pipe(to).pipe(from)
  from.on('close', () => to.destroy())
  to.on('error', () => from.destroy()).on('close', () => from.destroy())
}
