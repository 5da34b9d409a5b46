// The listening sockets of a gateway: opened together or not at all, closed together.
import type net from 'node:net'
import { messageOf } from '../../runtime/caught.ts'
import { type Endpoint, formatEndpoint } from '../../crds/values/endpoint.ts'
import { ListenError, listenTogether } from '../sockets/node-listener.ts'
import type { TcpSocket } from '../sockets/tcp-socket.ts'
import type { Log } from '../observability/log.ts'

/** The shortest time between two warnings, in milliseconds. */
const warningEveryMs = 60_000

export class Listeners {
  readonly #log: Log
  readonly #areShared: boolean
  #servers: readonly net.Server[] = []
  #asked: readonly string[] = []
  #warnedAt = Number.NEGATIVE_INFINITY

  /** @param areShared other processes of the gateway open the same ones */
  constructor(log: Log, areShared: boolean) {
    this.#log = log
    this.#areShared = areShared
  }

  /** ADDR:PORT of each open socket, also where port 0 was requested. */
  get listening(): readonly string[] {
    return [...new Set(this.places.map(formatEndpoint))]
  }

  /** The same as values; several sockets may listen at one place. */
  get places(): readonly Endpoint[] {
    return this.#servers.filter((server) => server.listening).map(boundTo)
  }

  /** Whether these addresses differ from those that were opened. */
  areElsewhere(endpoints: readonly Endpoint[]): boolean {
    if (this.#servers.length === 0) return false
    return endpoints.length !== this.#asked.length || !endpoints.every((endpoint) => this.#asked.includes(formatEndpoint(endpoint)))
  }

  /**
   * Opens sockets for each endpoint and gives each client to `accept`.
   * @throws ListenError, with all sockets closed again
   */
  async open(endpoints: readonly Endpoint[], accept: (socket: TcpSocket) => void): Promise<void> {
    this.#asked = endpoints.map(formatEndpoint)
    const opened = await Promise.allSettled(endpoints.map((endpoint) => listenTogether(endpoint, accept, this.#areShared)))
    const servers = opened.filter((result) => result.status === 'fulfilled').flatMap((result) => result.value)
    const failures = opened.filter((result) => result.status === 'rejected').map((result): unknown => result.reason)
    const fatal = failures.find((reason) => servers.length === 0 || !lacksIPv6(reason))
    if (fatal !== undefined) {
      for (const server of servers) server.close()
      throw fatal
    }
    for (const reason of failures) this.#log.warning(messageOf(reason))
    for (const server of servers) server.on('error', (error) => this.#cannotAccept(error))
    this.#servers = servers
  }

  /** One client is lost: descriptors or memory are short on this machine (EMFILE, ENFILE, ENOBUFS, ENOMEM). The gateway continues. */
  #cannotAccept(error: Error): void {
    const now = performance.now()
    if (now - this.#warnedAt < warningEveryMs) return
    this.#warnedAt = now
    this.#log.warning(`cannot accept clients: ${error.message}; check the limit of open files and the memory of this machine`)
  }

  /** Accepts no more clients; connections that are open stay open. */
  close(): void {
    for (const server of this.#servers) server.close()
  }
}

function boundTo(server: net.Server): Endpoint {
  const { address, port } = server.address() as net.AddressInfo
  return { address, port }
}

/** Without IPv6 on a machine the gateway listens on IPv4 alone: the default is both. */
function lacksIPv6(reason: unknown): boolean {
  return reason instanceof ListenError && reason.address === '::' && ['EAFNOSUPPORT', 'EADDRNOTAVAIL'].includes(reason.code)
}
