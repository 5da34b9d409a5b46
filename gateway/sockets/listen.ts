// Opens the listening sockets of one address, which no other program may use.
import { type Endpoint, formatEndpoint } from '../../crds/values/endpoint.ts'
import type { Listener, ListenRequest, Network } from './network.ts'

/**
 * The number of sockets on one address. Each has its own queue, and one client at a time is accepted from each. If
 * 10,000 clients connect at once, the queue of a single socket drops hundreds, which try again after 1, 3, 7 s.
 * Measured time until all were greeted: 2.3 to 4.3 s with one socket, 1.2 s with two, 0.5 s with four.
 */
const socketsEach = 4

/** A listening socket cannot be opened. `code` is the system's. */
export class ListenError extends Error {
  readonly code: string
  readonly address: string
  readonly port: number
  /** @param flag the option that changes the address */
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
 * @param request `isShared`: the other processes of this gateway have sockets there as well
 * @throws ListenError, with all sockets closed again
 */
export async function listenTogether(network: Network, request: ListenRequest): Promise<readonly Listener[]> {
  // Only Linux distributes clients among sockets that share a port.
  if (process.platform !== 'linux') return [await listen(network, request)]
  const endpoint = request.isShared ? request.endpoint : await vacant(network, request)
  const first = await listen(network, { ...request, endpoint, isShared: true })
  const listeners = [first]
  try {
    while (listeners.length < socketsEach) listeners.push(await listen(network, { ...request, endpoint: first.endpoint, isShared: true }))
    return listeners
  } catch (error) {
    for (const listener of listeners) listener.close()
    throw error
  }
}

async function listen(network: Network, request: ListenRequest): Promise<Listener> {
  try {
    return await network.listen(request)
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException
    throw new ListenError(request.endpoint, code ?? message)
  }
}

/**
 * Throws if another program listens there, because the kernel would let both share the port. Finds a free port if port
 * 0 is requested.
 */
async function vacant(network: Network, request: ListenRequest): Promise<Endpoint> {
  const alone = await listen(network, { ...request, isShared: false })
  alone.close()
  return alone.endpoint
}
