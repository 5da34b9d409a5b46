// Opens connections on descriptors of Linux, to numeric addresses.
import type { Endpoint } from '../../crds/values/endpoint.ts'
import type { ConnectTcp } from '../sockets/tcp-socket.ts'
import {
  AF_INET,
  AF_INET6,
  EINPROGRESS,
  EINTR,
  IPPROTO_TCP,
  SOCK_CLOEXEC,
  SOCK_NONBLOCK,
  SOCK_STREAM,
  systemError,
  TCP_NODELAY,
} from './libc.ts'
import { LinuxSocket, type SocketShare } from './linux-socket.ts'

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
  calls.setOption(fd, IPPROTO_TCP, TCP_NODELAY, 1)
  const result = calls.connect(fd, to)
  // After EINTR too, the kernel goes on (connect(2)).
  return result < 0 && result !== -EINPROGRESS && result !== -EINTR ? { fd, error: systemError('connect', result) } : { fd }
}
