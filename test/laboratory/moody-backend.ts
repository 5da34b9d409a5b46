// A mail server that fails in the ways that mail servers do, for new connections only: what it has begun it ends.
import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import { startMailSink } from './mail-sink.ts'

export type Mood = 'well' | 'refuses connections' | 'says nothing' | 'says 421' | 'hangs up' | 'reads no PROXY header'
export const moods: readonly Mood[] = ['well', 'refuses connections', 'says nothing', 'says 421', 'hangs up', 'reads no PROXY header']

export interface MoodyBackend {
  /** 127.0.0.1:PORT */
  readonly address: string
  /** Takes effect for the next connection. */
  turn(mood: Mood): Promise<void>
  /** Connections that are open. */
  readonly open: () => number
  stop(): void
}

/** How it treats the client that the PROXY header names. Postfix greets some late (a name server of theirs is slow), and some not at all (its own limits). */
export type Treatment = 'well' | 'greets late' | 'says 421'

/** Starts it, on a free port where left out; a PROXY header comes in front of each session. */
export async function startMoodyBackend(wanted = 0, treats: (client: string) => Treatment = () => 'well'): Promise<MoodyBackend> {
  const sink = await startMailSink('header')
  const sockets = new Set<Socket>()
  let mood: Mood = 'well'
  const serve = (socket: Socket): void => {
    sockets.add(socket)
    socket.on('error', () => undefined).on('close', () => sockets.delete(socket))
    if (mood === 'well') {
      socket.once('data', (header: Buffer) => {
        const treatment = treats(clientOf(header))
        if (treatment === 'greets late') {
          // The connection is read meanwhile, so that its end is seen.
          const late = setTimeout(() => socket.end('220 mx.example ESMTP Postfix\r\n'), lateMs)
          socket.on('close', () => clearTimeout(late)).resume()
          return
        }
        if (treatment === 'says 421') {
          socket.resume().end('421 4.7.0 mx.example Error: too many connections\r\n')
          return
        }
        socket.pause().unshift(header)
        relay(socket, sink.port)
      })
      return
    }
    if (mood === 'reads no PROXY header') withoutHeader(socket)
    else if (mood === 'says 421') socket.end('421 4.3.2 Service shutting down\r\n')
    else if (mood === 'hangs up') socket.destroy()
    // Otherwise it says nothing; it must still read, to notice the end of the connection.
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
      // Clients that wait for a greeting that never comes are disconnected, as by a server that is restarted.
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

/** Longer than a client of the soak waits. */
const lateMs = 60_000

/** The source address of a version 2 header for IPv4; empty where there is none. */
function clientOf(header: Buffer): string {
  return header.length >= 20 && header[12] === 0x21 && header[13] === 0x11 ? header.subarray(16, 20).join('.') : ''
}

/** As Postfix without smtpd_upstream_proxy_protocol: what is in front of the first command is bad syntax, line by line. */
function withoutHeader(socket: Socket): void {
  socket.write('220 mx.example ESMTP Postfix\r\n')
  socket.on('data', (bytes: Buffer) => {
    for (const line of bytes.toString('latin1').split('\n').slice(0, -1)) {
      const verb = line.trim().slice(0, 4).toUpperCase()
      if (verb === 'QUIT') socket.end('221 2.0.0 Bye\r\n')
      else if (socket.writable)
        socket.write(/^(EHLO|HELO|MAIL|RCPT|NOOP|RSET)/.test(verb) ? '250 2.1.0 Ok\r\n' : '500 5.5.2 Error: bad syntax\r\n')
    }
  })
}

function relay(from: Socket, port: number): void {
  const to = connect({ port, host: '127.0.0.1', noDelay: true })
  from.pipe(to).pipe(from)
  from.on('close', () => to.destroy())
  to.on('error', () => from.destroy()).on('close', () => from.destroy())
}
