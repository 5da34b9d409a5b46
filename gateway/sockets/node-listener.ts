// Listening sockets on Node's net.Server: each client's connection as a TcpSocket, with the TCP options that a public port needs.
import net from 'node:net'
import { formatEndpoint, type Endpoint } from '../../crds/values/endpoint.ts'
import { setOptionsOfListener, setOptionsOfSocket, type TcpOptions } from '../node-internals/listening-handle.ts'
import { NodeSocket } from './node-socket.ts'
import type { TcpSocket } from './tcp-socket.ts'

/** A dead client is found within two minutes, whether it owes us an acknowledgement or only silence. */
const tcpDefaults: TcpOptions = { keepAliveIdle: 60_000, keepAliveInterval: 10_000, keepAliveProbes: 6, userTimeout: 120_000 }

/** The kernel cuts it to net.core.somaxconn, which is 4096 and cannot be changed inside a pod. */
const backlog = 16_384
/**
 * Sockets on one address, each with such a queue, and libuv takes a client from each of them at a time. Of 10,000 clients at once, one socket's
 * queue drops hundreds, who come again after 1, 3, 7 s: measured 2.3 to 4.3 s until all were greeted with one, 1.2 s with two, 0.5 s with four.
 */
const socketsEach = 4

/** A listening socket cannot be opened. `code` is the system's. */
export class ListenError extends Error {
  readonly code: string
  readonly address: string
  readonly port: number
  /** @param flag the option with which another place can be chosen */
  constructor(endpoint: Endpoint, code: string, flag = '--listen ADDR:PORT') {
    super(`cannot listen on ${formatEndpoint(endpoint)}: ${reason(code, flag)}`)
    this.code = code
    this.address = endpoint.address
    this.port = endpoint.port
  }
}

function reason(code: string, flag: string): string {
  if (code === 'EADDRINUSE') return `the port is in use; stop what uses it or choose another with ${flag}`
  if (code === 'EACCES')
    return 'not allowed; ports below 1024 need CAP_NET_BIND_SERVICE, so listen on 2525 and let the Service map port 25 to it'
  if (code === 'EADDRNOTAVAIL') return 'this machine does not have that address'
  if (code === 'ENOTSUP') return 'this system does not share a port among processes; leave out --workers'
  return code
}

/**
 * Opens one listening socket and gives each client's socket, paused, to `accept`. Port 0 takes a free one.
 * @param isShared other processes of this user listen there too, and the kernel distributes the clients (SO_REUSEPORT)
 */
export function listen(
  endpoint: Endpoint,
  accept: (socket: TcpSocket) => void,
  isShared = false,
  options = tcpDefaults,
): Promise<net.Server> {
  return new Promise((resolve, reject) => {
    let areInherited = false
    // Paused: the policy decides whether a client's bytes are read at all. Half-open: a client may end its input and still wait for replies.
    const server = net.createServer({ pauseOnConnect: true, allowHalfOpen: true }, (socket) => {
      if (!areInherited) setOptionsOfSocket(socket, options)
      accept(new NodeSocket(socket))
    })
    server.once('error', (error: NodeJS.ErrnoException) => reject(new ListenError(endpoint, error.code ?? error.message)))
    const { address: host, port } = endpoint
    server.listen({ host, port, backlog, ipv6Only: host.includes(':'), reusePort: isShared }, () => {
      areInherited = setOptionsOfListener(server, options)
      resolve(server)
    })
  })
}

/**
 * Opens the sockets of one address, which no other program may have.
 * @param isShared the other processes of this gateway have sockets there as well
 */
export async function listenTogether(
  endpoint: Endpoint,
  accept: (socket: TcpSocket) => void,
  isShared: boolean,
): Promise<readonly net.Server[]> {
  // Only Linux distributes clients among sockets that share a port.
  if (process.platform !== 'linux') return [await listen(endpoint, accept, isShared)]
  const first = await listen(isShared ? endpoint : await vacant(endpoint, accept), accept, true)
  const at = { ...endpoint, port: portOf(first) }
  const servers = [first]
  try {
    while (servers.length < socketsEach) servers.push(await listen(at, accept, true))
    return servers
  } catch (error) {
    for (const server of servers) server.close()
    throw error
  }
}

const portOf = (server: net.Server): number => (server.address() as net.AddressInfo).port

/** Throws when another program listens there: the kernel would let both share the port. Finds a free port where 0 is asked for. */
async function vacant(endpoint: Endpoint, accept: (socket: TcpSocket) => void): Promise<Endpoint> {
  const alone = await listen(endpoint, accept)
  const port = portOf(alone)
  alone.close()
  return { ...endpoint, port }
}
