// DatagramSocket on a descriptor of Linux: datagrams of one turn of the event loop are sent in one call, and datagrams
// are received in batches.
import { networkInterfaces } from 'node:os'
import type { DatagramOptions, DatagramReader, DatagramSocket, OpenDatagramSocket } from '../sockets/datagram-socket.ts'
import {
  AF_INET,
  AF_INET6,
  EAGAIN,
  EINTR,
  EPOLLIN,
  EPOLLOUT,
  SO_RCVBUF,
  SOCK_CLOEXEC,
  SOCK_DGRAM,
  SOCK_NONBLOCK,
  SOL_SOCKET,
  systemError,
} from './libc.ts'
import type { SocketShare } from './linux-socket.ts'
import type { MessageBatch } from './message-batch.ts'
import type { Watcher } from './reactor.ts'
import { sockaddrLength, writeSocketAddress } from './socket-address.ts'

export interface DatagramShare extends SocketShare {
  readonly outgoing: MessageBatch
  readonly incoming: MessageBatch
}

export function linuxDatagramSockets(share: DatagramShare): OpenDatagramSocket {
  return (options, reader) => new LinuxDatagramSocket(share, options, reader)
}

class LinuxDatagramSocket implements DatagramSocket, Watcher {
  readonly #share: DatagramShare
  readonly #reader: DatagramReader
  /** The port and address of the server in a struct sockaddr. */
  readonly #server = Buffer.alloc(sockaddrLength)
  readonly #serverBytes: readonly [start: number, end: number]
  #fd = -1
  #isClosed = false
  #waiting: Buffer[] = []

  constructor(share: DatagramShare, options: DatagramOptions, reader: DatagramReader) {
    this.#share = share
    this.#reader = reader
    this.#serverBytes = options.server.address.includes(':') ? [8, 24] : [4, 8]
    const failed = this.#open(options)
    // Reported later: the caller does not have the socket yet.
    process.nextTick(() => {
      if (this.#isClosed) return
      if (failed === undefined) this.#reader.onReady(this.#share.calls.option(this.#fd, SOL_SOCKET, SO_RCVBUF))
      else this.#reader.onError(failed)
    })
  }

  send(bytes: Buffer): void {
    if (this.#waiting.push(bytes) === 1) process.nextTick(() => this.#flush())
  }

  close(): void {
    if (this.#isClosed) return
    this.#isClosed = true
    this.#waiting = []
    if (this.#fd < 0) return
    this.#share.reactor.closeDescriptor(this.#fd)
    this.#fd = -1
  }

  /** For the reactor. */
  ready(events: number): void {
    if ((events & EPOLLOUT) !== 0) {
      this.#share.reactor.change(this.#fd, EPOLLIN)
      this.#flush()
    }
    if ((events & ~EPOLLOUT) !== 0 && this.#fd >= 0) this.#receive()
  }

  #receive(): void {
    const { incoming } = this.#share
    const count = incoming.receive(this.#fd)
    if (count < 0 && count !== -EAGAIN && count !== -EINTR) return this.#reader.onError(systemError('recvmmsg', count))
    for (let i = 0; i < count && !this.#isClosed; i++) {
      // The kernel compares the source too, but not for datagrams that arrived before the socket was connected.
      if (this.#isServer(incoming.sender(i))) this.#reader.onMessage(incoming.message(i))
      else this.#reader.onStray()
    }
  }

  #isServer(sender: Buffer): boolean {
    const [start, end] = this.#serverBytes
    return sender.compare(this.#server, 2, 4, 2, 4) === 0 && sender.compare(this.#server, start, end, start, end) === 0
  }

  #flush(): void {
    while (this.#waiting.length > 0 && this.#fd >= 0) {
      const sent = this.#share.outgoing.send(this.#fd, this.#waiting)
      if (sent === -EAGAIN) return this.#share.reactor.change(this.#fd, EPOLLIN | EPOLLOUT)
      if (sent === -EINTR) continue
      if (sent < 0) {
        // The error is about an earlier datagram (ICMP) or about the network. In both cases, the reader gives up the
        // queries in progress.
        this.#waiting = []
        return this.#reader.onError(systemError('sendmmsg', sent))
      }
      this.#waiting = sent === this.#waiting.length ? [] : this.#waiting.slice(sent)
    }
  }

  /** @returns why it cannot be opened */
  #open({ server, receiveBufferBytes }: DatagramOptions): Error | undefined {
    const { calls, reactor } = this.#share
    const [address = '', zone] = server.address.split('%')
    if (!Number.isInteger(server.port) || server.port < 1 || server.port > 65_535) return new RangeError(`${server.port} is not a port`)
    const fd = calls.open(address.includes(':') ? AF_INET6 : AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC)
    if (fd < 0) return systemError('socket', fd)
    this.#fd = fd
    calls.setOption(fd, SOL_SOCKET, SO_RCVBUF, receiveBufferBytes)
    writeSocketAddress(this.#server, { address, port: server.port })
    const connected = calls.connect(fd, { address, port: server.port }, scopeOf(zone))
    if (connected < 0) return systemError('connect', connected)
    const added = reactor.add(fd, EPOLLIN, this, false)
    return added < 0 ? systemError('epoll_ctl', added) : undefined
  }
}

/** The number of the interface that the zone of a link-local address names; 0 where there is none. */
function scopeOf(zone: string | undefined): number {
  if (zone === undefined) return 0
  const addresses = networkInterfaces()[zone] ?? []
  return addresses.find(({ family }) => family === 'IPv6')?.scopeid ?? (Number(zone) || 0)
}
