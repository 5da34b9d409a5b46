// A client over loopback and our side of its connection, with a reader that writes down what it is told.
import { once } from 'node:events'
import net from 'node:net'
import type { TestContext } from 'node:test'
import type { Network } from '../../../gateway/sockets/network.ts'
import type { TcpSocket } from '../../../gateway/sockets/tcp-socket.ts'
import { listenOn } from './shells.ts'

/** A reader that writes down what it is told, and can be waited for. */
export class Recorder {
  readonly told: string[] = []
  received = Buffer.alloc(0)
  readonly ended = Promise.withResolvers<void>()
  readonly drained = Promise.withResolvers<void>()
  readonly closed = Promise.withResolvers<Error | undefined>()
  #waiting: { text: string; resolve: () => void } | undefined

  onData(bytes: Buffer): boolean {
    this.told.push(`data ${bytes.length}`)
    this.received = Buffer.concat([this.received, bytes])
    this.#check()
    return false
  }

  onEnd(): void {
    this.told.push('end')
    this.ended.resolve()
  }

  onClose(_: TcpSocket, error: Error | undefined): void {
    this.told.push('close')
    this.closed.resolve(error)
  }

  onDrain(): void {
    this.told.push('drain')
    this.drained.resolve()
  }

  /** Until exactly this has been received. */
  has(text: string): Promise<void> {
    return new Promise((resolve) => {
      this.#waiting = { text, resolve }
      this.#check()
    })
  }

  #check(): void {
    if (this.#waiting !== undefined && this.received.toString('latin1') === this.#waiting.text) this.#waiting.resolve()
  }
}

/** A client and our side of its connection, paused and with a recorder. */
export async function connection(t: TestContext, network: Network) {
  const accepted = Promise.withResolvers<TcpSocket>()
  const listener = await listenOn(network, (socket) => {
    socket.reader = recorder
    accepted.resolve(socket)
  })
  const recorder = new Recorder()
  const client = net.connect({ port: listener.endpoint.port, host: '127.0.0.1', allowHalfOpen: true, noDelay: true })
  client.on('error', () => undefined)
  let text = ''
  client.on('data', (bytes: Buffer) => (text += bytes.toString('latin1')))
  await once(client, 'connect')
  const socket = await accepted.promise
  t.after(() => {
    client.destroy()
    socket.destroy()
    listener.close()
  })
  const clientHas = async (expected: string): Promise<void> => {
    while (text !== expected) await once(client, 'data')
  }
  return { socket, recorder, client, clientHas, clientText: () => text, listener }
}
