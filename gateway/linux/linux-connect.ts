// Opens connections on descriptors of Linux, to numeric addresses.
import type { Endpoint } from '../../crds/values/endpoint.ts'
import type { ConnectTcp } from '../sockets/tcp-socket.ts'
import {
  AF_INET,
  AF_INET6,
  EINPROGRESS,
  IPPROTO_TCP,
  SO_KEEPALIVE,
  SOCK_CLOEXEC,
  SOCK_NONBLOCK,
  SOCK_STREAM,
  SOL_SOCKET,
  systemError,
  TCP_KEEPCNT,
  TCP_KEEPIDLE,
  TCP_KEEPINTVL,
  TCP_NODELAY,
} from './libc.ts'
import { LinuxSocket, type SocketShare } from './linux-socket.ts'

/** In seconds; the same as those of net.Socket (node-connect.ts). */
const options = [
  [IPPROTO_TCP, TCP_NODELAY, 1],
  [SOL_SOCKET, SO_KEEPALIVE, 1],
  [IPPROTO_TCP, TCP_KEEPIDLE, 60],
  [IPPROTO_TCP, TCP_KEEPINTVL, 10],
  [IPPROTO_TCP, TCP_KEEPCNT, 6],
] as const

export function linuxConnect(share: SocketShare): ConnectTcp {
  return (to, reader) => {
    const { fd, error } = begin(share, to)
    const socket = new LinuxSocket(share, fd, to)
    socket.reader = reader
    if (error === undefined) socket.whenConnected(() => reader.onConnect())
    else socket.fail(error)
    return socket
  }
}

function begin({ calls }: SocketShare, to: Endpoint): { readonly fd: number; readonly error?: Error } {
  const family = to.address.includes(':') ? AF_INET6 : AF_INET
  const fd = calls.open(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC)
  if (fd < 0) return { fd, error: systemError('socket', fd) }
  for (const [level, name, value] of options) calls.setOption(fd, level, name, value)
  const result = calls.connect(fd, to)
  return result < 0 && result !== -EINPROGRESS ? { fd, error: systemError('connect', result) } : { fd }
}
