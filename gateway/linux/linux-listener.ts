// A listening socket of Linux: clients are accepted in batches, with their addresses, and each socket gets the TCP
// options of the listener (tcp(7)).
import type { Endpoint } from '../../crds/values/endpoint.ts'
import type { Listener, ListenRequest } from '../sockets/network.ts'
import { backlog, tcpOptions } from '../sockets/tcp-options.ts'
import type { TcpSocket } from '../sockets/tcp-socket.ts'
import { keepAlive } from './keep-alive.ts'
import {
  AF_INET,
  AF_INET6,
  EAGAIN,
  ECONNABORTED,
  EINTR,
  EPOLLIN,
  IPPROTO_IPV6,
  IPPROTO_TCP,
  IPV6_V6ONLY,
  SO_REUSEADDR,
  SO_REUSEPORT,
  SOCK_CLOEXEC,
  SOCK_NONBLOCK,
  SOCK_STREAM,
  SOL_SOCKET,
  systemError,
  TCP_NODELAY,
  TCP_USER_TIMEOUT,
} from './libc.ts'
import { LinuxSocket, type SocketShare } from './linux-socket.ts'
import type { Watcher } from './reactor.ts'

/** Clients taken at one event: other sockets have their turn behind them. */
const acceptsAtOnce = 128
/**
 * How long a listener waits if there are no descriptors or no memory for another client. Meanwhile, clients wait in its
 * queue.
 */
const restMs = 100

export class LinuxListener implements Listener, Watcher {
  readonly #share: SocketShare
  readonly #accept: (socket: TcpSocket) => void
  readonly #failed: (error: Error) => void
  readonly #fd: number
  readonly #isAnyAddress: boolean
  #rest: NodeJS.Timeout | undefined
  #isClosed = false
  /** Where it listens, also where port 0 was asked for. */
  readonly endpoint: Endpoint

  /** Opens the socket. Throws the error of the system. */
  constructor(share: SocketShare, { endpoint, isShared, accept, failed }: ListenRequest) {
    this.#share = share
    this.#accept = accept
    this.#failed = failed
    this.#isAnyAddress = ['0.0.0.0', '::'].includes(endpoint.address)
    const { calls, reactor } = share
    const isIPv6 = endpoint.address.includes(':')
    this.#fd = checked('socket', calls.open(isIPv6 ? AF_INET6 : AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC))
    try {
      for (const [level, name, value] of optionsOf(isShared, isIPv6)) checked('setsockopt', calls.setOption(this.#fd, level, name, value))
      checked('bind', calls.bind(this.#fd, endpoint))
      checked('listen', calls.listen(this.#fd, backlog))
      this.endpoint = calls.localEndpoint(this.#fd) ?? endpoint
      checked('epoll_ctl', reactor.add(this.#fd, EPOLLIN, this))
    } catch (error) {
      reactor.closeDescriptor(this.#fd)
      throw error
    }
  }

  get isListening(): boolean {
    return !this.#isClosed
  }

  /** Takes no more clients. */
  close(): void {
    if (this.#isClosed) return
    this.#isClosed = true
    clearTimeout(this.#rest)
    this.#share.reactor.closeDescriptor(this.#fd)
  }

  /** For the reactor. */
  ready(): void {
    const { calls } = this.#share
    for (let taken = 0; taken < acceptsAtOnce && !this.#isClosed; taken++) {
      const fd = calls.accept(this.#fd, SOCK_NONBLOCK | SOCK_CLOEXEC)
      if (fd === -EAGAIN) return
      // The client left before it was accepted.
      if (fd === -ECONNABORTED || fd === -EINTR) continue
      if (fd < 0) return this.#restFor(systemError('accept4', fd))
      const client = calls.peer
      const server = this.#isAnyAddress ? calls.localEndpoint(fd) : this.endpoint
      if (client === undefined || server === undefined) this.#share.reactor.closeDescriptor(fd)
      else this.#accept(new LinuxSocket(this.#share, fd, client, server))
    }
  }

  /** Without a pause the listener would be ready again at once, and the process would do nothing else. */
  #restFor(error: Error): void {
    const { reactor } = this.#share
    reactor.change(this.#fd, 0)
    this.#rest = setTimeout(() => reactor.change(this.#fd, EPOLLIN), restMs)
    this.#failed(error)
  }
}

/** Each accepted socket has them too: Linux copies the options of the listening socket. */
function optionsOf(isShared: boolean, isIPv6: boolean): readonly (readonly [level: number, name: number, value: number])[] {
  return [
    [SOL_SOCKET, SO_REUSEADDR, 1],
    [SOL_SOCKET, SO_REUSEPORT, isShared ? 1 : 0],
    ...(isIPv6 ? [[IPPROTO_IPV6, IPV6_V6ONLY, 1] as const] : []),
    [IPPROTO_TCP, TCP_NODELAY, 1],
    ...keepAlive,
    [IPPROTO_TCP, TCP_USER_TIMEOUT, tcpOptions.userTimeout],
  ]
}

function checked(call: string, result: number): number {
  if (result < 0) throw systemError(call, result)
  return result
}
