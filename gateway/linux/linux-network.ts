// The Network of Linux: one reactor and one set of buffers for all sockets of a process.
import type { Network } from '../sockets/network.ts'
import { type Libc, loadLibc } from './libc.ts'
import { linuxConnect } from './linux-connect.ts'
import { linuxDatagramSockets } from './linux-datagram-socket.ts'
import { LinuxListener } from './linux-listener.ts'
import { MessageBatch } from './message-batch.ts'
import { Reactor } from './reactor.ts'
import { SocketCalls } from './socket-calls.ts'

/**
 * No query is longer. Over UDP, an answer has at most 512 bytes without EDNS (RFC 1035 4.2.1), but some servers send
 * more.
 */
const questionBytes = 512
const answerBytes = 4096

/** The network, or the reason in words why it cannot be used here. */
export function linuxNetwork(libc: Libc | string = loadLibc()): Network | string {
  if (typeof libc === 'string') return libc
  try {
    const share = {
      reactor: new Reactor(libc),
      calls: new SocketCalls(libc),
      outgoing: new MessageBatch(libc, questionBytes, 'outgoing'),
      incoming: new MessageBatch(libc, answerBytes, 'incoming'),
    }
    return {
      name: 'linux',
      listen: async (request) => new LinuxListener(share, request),
      connect: linuxConnect(share),
      openDatagramSocket: linuxDatagramSockets(share),
    }
  } catch (error) {
    return `epoll cannot be used: ${error instanceof Error ? error.message : String(error)}`
  }
}
