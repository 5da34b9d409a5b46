// The socket options by which idle and dead connections are noticed (tcp(7)), for clients and for mail servers.
import { tcpOptions } from '../sockets/tcp-options.ts'
import { IPPROTO_TCP, SO_KEEPALIVE, SOL_SOCKET, TCP_KEEPCNT, TCP_KEEPIDLE, TCP_KEEPINTVL } from './libc.ts'

export const keepAlive = [
  [SOL_SOCKET, SO_KEEPALIVE, 1],
  [IPPROTO_TCP, TCP_KEEPIDLE, tcpOptions.keepAliveIdle / 1000],
  [IPPROTO_TCP, TCP_KEEPINTVL, tcpOptions.keepAliveInterval / 1000],
  [IPPROTO_TCP, TCP_KEEPCNT, tcpOptions.keepAliveProbes],
] as const
