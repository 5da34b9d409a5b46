// DatagramSocket on Node's dgram.
import { createSocket, type RemoteInfo, type Socket } from 'node:dgram'
import { type AddressInfo, isIPv6 } from 'node:net'
import type { DatagramOptions, DatagramReader, DatagramSocket, OpenDatagramSocket } from './datagram-socket.ts'

export const openNodeDatagramSocket: OpenDatagramSocket = (options, reader) => new NodeDatagramSocket(options, reader)

class NodeDatagramSocket implements DatagramSocket {
  readonly #reader: DatagramReader
  readonly #receiveBufferBytes: number
  readonly #socket: Socket
  #server: AddressInfo | undefined
  #closed = false

  constructor({ server: { address, port }, receiveBufferBytes }: DatagramOptions, reader: DatagramReader) {
    this.#reader = reader
    this.#receiveBufferBytes = receiveBufferBytes
    this.#socket = createSocket(isIPv6(address) ? 'udp6' : 'udp4')
    this.#socket.unref()
    this.#socket.on('error', this.#onError).on('connect', this.#onConnect).on('message', this.#onMessage)
    try {
      this.#socket.connect(port, address)
    } catch (error) {
      // The port is not valid. Reported later, like any other failure: the caller does not have the socket yet.
      const cause = error instanceof Error ? error : new Error(String(error))
      process.nextTick(() => this.#onError(cause))
    }
  }

  send(bytes: Buffer): void {
    this.#socket.send(bytes, this.#onSent)
  }

  close(): void {
    if (this.#closed) return
    this.#closed = true
    this.#socket.close()
  }

  readonly #onConnect = (): void => {
    if (this.#closed) return
    this.#server = this.#socket.remoteAddress()
    this.#socket.setRecvBufferSize(this.#receiveBufferBytes)
    this.#reader.onReady(this.#socket.getRecvBufferSize())
  }

  readonly #onMessage = (bytes: Buffer, { address, port }: RemoteInfo): void => {
    if (this.#closed) return
    // The kernel compares the source too, but not of what arrived between bind and connect.
    if (port === this.#server?.port && address === this.#server.address) this.#reader.onMessage(bytes)
    else this.#reader.onStray()
  }

  readonly #onSent = (error: Error | null): void => {
    if (error !== null) this.#onError(error)
  }

  readonly #onError = (error: Error): void => {
    if (!this.#closed) this.#reader.onError(error)
  }
}
