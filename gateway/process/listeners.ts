// The listening sockets of a gateway: opened together or not at all, closed together.
import { messageOf } from '../../runtime/caught.ts'
import { type Endpoint, formatEndpoint } from '../../crds/values/endpoint.ts'
import { ListenError, listenTogether } from '../sockets/listen.ts'
import type { Listener, Network } from '../sockets/network.ts'
import type { TcpSocket } from '../sockets/tcp-socket.ts'
import type { Log } from '../observability/log.ts'

/** The shortest time between two warnings, in milliseconds. */
const warningEveryMs = 60_000

export class Listeners {
  readonly #network: Network
  readonly #log: Log
  readonly #areShared: boolean
  #listeners: readonly Listener[] = []
  #asked: readonly string[] = []
  #warnedAt = Number.NEGATIVE_INFINITY

  /** @param areShared other processes of the gateway open the same ones */
  constructor(network: Network, log: Log, areShared: boolean) {
    this.#network = network
    this.#log = log
    this.#areShared = areShared
  }

  /** Where sockets listen, also where port 0 was requested. Each place once, although several sockets listen there. */
  get listening(): readonly Endpoint[] {
    const open = this.#listeners.filter(({ isListening }) => isListening).map(({ endpoint }) => endpoint)
    return [...new Map(open.map((endpoint) => [formatEndpoint(endpoint), endpoint])).values()]
  }

  /** Whether these addresses differ from those that were opened. */
  areElsewhere(endpoints: readonly Endpoint[]): boolean {
    if (this.#listeners.length === 0) return false
    return endpoints.length !== this.#asked.length || !endpoints.every((endpoint) => this.#asked.includes(formatEndpoint(endpoint)))
  }

  /**
   * Opens sockets for each endpoint and gives each client to `accept`.
   * @throws ListenError, with all sockets closed again
   */
  async open(endpoints: readonly Endpoint[], accept: (socket: TcpSocket) => void): Promise<void> {
    this.#asked = endpoints.map(formatEndpoint)
    const common = { accept, isShared: this.#areShared, failed: (error: Error) => this.#cannotAccept(error) }
    const opened = await Promise.allSettled(endpoints.map((endpoint) => listenTogether(this.#network, { ...common, endpoint })))
    const listeners = opened.filter((result) => result.status === 'fulfilled').flatMap((result) => result.value)
    const failures = opened.filter((result) => result.status === 'rejected').map((result): unknown => result.reason)
    const fatal = failures.find((reason) => listeners.length === 0 || !lacksIPv6(reason))
    if (fatal !== undefined) {
      for (const listener of listeners) listener.close()
      throw fatal
    }
    for (const reason of failures) this.#log.warning(messageOf(reason))
    this.#listeners = listeners
  }

  /**
   * One client is lost: descriptors or memory are short on this machine (EMFILE, ENFILE, ENOBUFS, ENOMEM). The gateway
   * continues.
   */
  #cannotAccept(error: Error): void {
    const now = performance.now()
    if (now - this.#warnedAt < warningEveryMs) return
    this.#warnedAt = now
    this.#log.warning(`cannot accept clients: ${error.message}; check the limit of open files and the memory of this machine`)
  }

  /** Accepts no more clients; connections that are open stay open. */
  close(): void {
    for (const listener of this.#listeners) listener.close()
  }
}

/** Without IPv6 on a machine the gateway listens on IPv4 alone: the default is both. */
function lacksIPv6(reason: unknown): boolean {
  return reason instanceof ListenError && reason.address === '::' && ['EAFNOSUPPORT', 'EADDRNOTAVAIL'].includes(reason.code)
}
