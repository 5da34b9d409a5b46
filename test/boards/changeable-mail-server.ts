// The mail server behind the gateways, which can be taken away, or replaced by something that speaks no SMTP.
import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import { startMailSink } from '../laboratory/mail-sink.ts'

export interface ChangeableMailServer {
  readonly address: string
  /** `down`: it closes connections at once. `other`: it greets as a server of another protocol. */
  state: 'works' | 'down' | 'other'
  stop(): void
}

export async function startChangeableMailServer(): Promise<ChangeableMailServer> {
  const sink = await startMailSink('header')
  const open = new Set<Socket>()
  const server = createServer((socket) => {
    open.add(socket)
    socket.on('close', () => open.delete(socket)).on('error', () => undefined)
    if (made.state === 'down') socket.destroy()
    else if (made.state === 'other') socket.write('SSH-2.0-OpenSSH_9.2\r\n')
    else {
      const onward = connect(sink.port, '127.0.0.1')
      onward.on('error', () => socket.destroy()).on('close', () => socket.destroy())
      socket.on('close', () => onward.destroy())
      socket.pipe(onward).pipe(socket)
    }
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const made: ChangeableMailServer = {
    address: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    state: 'works',
    stop: () => {
      server.close()
      for (const socket of open) socket.destroy()
      sink.stop()
    },
  }
  return made
}
