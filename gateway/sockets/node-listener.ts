// Listening sockets on Node's net.Server: each client's connection as a TcpSocket, with the TCP options that a public
// port needs.
import net from 'node:net'
import type { Endpoint } from '../../crds/values/endpoint.ts'
import { setOptionsOfListener, setOptionsOfSocket } from '../node-internals/listening-handle.ts'
import type { Listener, ListenRequest } from './network.ts'
import { NodeSocket } from './node-socket.ts'
import { backlog, tcpOptions } from './tcp-options.ts'

export function listenOnNode({ endpoint, isShared, accept, failed }: ListenRequest): Promise<Listener> {
  return new Promise((resolve, reject) => {
    let areInherited = false
    // Paused: the policy decides whether a client's bytes are read at all. Half-open: a client may end its input and
    // still wait for replies.
    const server = net.createServer({ pauseOnConnect: true, allowHalfOpen: true }, (socket) => {
      if (!areInherited) setOptionsOfSocket(socket, tcpOptions)
      accept(new NodeSocket(socket))
    })
    server.once('error', reject)
    const { address: host, port } = endpoint
    server.listen({ host, port, backlog, ipv6Only: host.includes(':'), reusePort: isShared }, () => {
      areInherited = setOptionsOfListener(server, tcpOptions)
      server.off('error', reject).on('error', failed)
      resolve(new NodeListener(server))
    })
  })
}

class NodeListener implements Listener {
  readonly #server: net.Server
  readonly endpoint: Endpoint

  constructor(server: net.Server) {
    this.#server = server
    const { address, port } = server.address() as net.AddressInfo
    this.endpoint = { address, port }
  }

  get isListening(): boolean {
    return this.#server.listening
  }

  close(): void {
    this.#server.close()
  }
}
