// The HTTP server of a program for probes, metrics and status: small pages, few clients, and no client can keep the
// others out.
import type http from 'node:http'
import type net from 'node:net'
import { type Endpoint, formatEndpoint } from '../crds/values/endpoint.ts'

/**
 * Not with `import`, which reads every export of the module. One of them, WebSocket, makes Node load its own copy of
 * undici: 65 ms and 16 MB.
 */
const { createServer } = process.getBuiltinModule('node:http')

export interface AdminPage {
  readonly code: number
  readonly type: string
  readonly text: string
  readonly headers?: Readonly<Record<string, string>>
}

/** Takes over the response as a stream of server-sent events; or gives the page that is answered instead. */
export type OpenStream = (response: http.ServerResponse, query: URLSearchParams) => AdminPage | undefined

type MakePage = (query: URLSearchParams) => AdminPage | Promise<AdminPage>

/**
 * The pages by their path. Each is given the query of the request. A page that throws or rejects is answered with 500
 * and the message. A path that begins with `/page/` is part of another page. `post` changes something: only programs on
 * this machine (in this pod) may ask for it, since the server knows no users.
 */
export type AdminPages = Readonly<
  Record<string, MakePage | { readonly get: MakePage; readonly post: MakePage } | { readonly stream: OpenStream }>
>

export interface AdminServer {
  /** ADDR:PORT, also where port 0 was asked for. */
  readonly address: string
  close(): void
}

export const plainPage = (code: number, text: string): AdminPage => ({ code, type: 'text/plain; charset=utf-8', text: `${text}\n` })

/**
 * Connections at a time. Kubelet, Prometheus and operator need a handful; each costs a descriptor, which a program that
 * is short of them needs for its probes.
 */
export const connectionsAtMost = 32

/**
 * How long a client may be silent while it sends a request or receives its answer. Longer than a kubelet waits for a
 * probe (15 s): after the process has stood still, this limit is checked before the sockets are read, and the probe
 * would be refused although its request has arrived.
 */
const silenceMs = 30_000
const limits = {
  /** For the whole request. */
  requestTimeout: silenceMs,
  headersTimeout: silenceMs,
  /**
   * Longer than a minute: with just that, a Prometheus that asks once a minute would find its connection closed every
   * time.
   */
  keepAliveTimeout: 75_000,
  maxHeaderSize: 8192,
  /** Without this Node looks for requests that take too long only twice a minute. */
  connectionsCheckingInterval: 1000,
}
/** How long an answer may take to be made. */
const makingMs = 330_000

/**
 * Opens the server. It answers GET and HEAD, and POST where a page has it. The address `*` stands for all addresses of
 * both families, or of the one that the machine has.
 * Rejects with the error of the system when it cannot listen there.
 */
export function serveAdmin({ address: host, port }: Endpoint, pages: AdminPages): Promise<AdminServer> {
  const connections = new Connections()
  const server = createServer(limits, (request, response) => {
    connections.requested(request.socket)
    response.once('close', () => connections.answered(request.socket))
    respond(request, response, pages).catch(() => response.destroy())
  })
  // Later than the limit for a request, so that a client that does not complete one reads 408 first.
  server.setTimeout(2 * silenceMs)
  server.on('connection', (socket: net.Socket) => connections.add(socket))
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    // Without a host Node listens on :: for both families, and where there is no IPv6 on 0.0.0.0.
    server.listen({ port, ...(host !== '*' && { host }) }, () => {
      // A connection that cannot be accepted, for want of descriptors say, must not end the program.
      server.off('error', reject).on('error', () => undefined)
      const { address, port: bound } = server.address() as net.AddressInfo
      const close = (): void => {
        server.close()
        server.closeAllConnections()
      }
      resolve({ address: formatEndpoint({ address, port: bound }), close })
    })
  })
}

async function respond(request: http.IncomingMessage, response: http.ServerResponse, pages: AdminPages): Promise<void> {
  request.socket.setTimeout(makingMs)
  const page = pageOf(request, pages)
  if (request.method === 'GET' && typeof page === 'object' && 'stream' in page) return stream(request, response, page.stream)
  const { code, type, text, headers } = await answer(request, pages).catch((error: unknown) =>
    plainPage(500, error instanceof Error ? error.message : String(error)),
  )
  send(request, response, { code, type, text, ...(headers !== undefined && { headers }) })
}

function send(request: http.IncomingMessage, response: http.ServerResponse, { code, type, text, headers }: AdminPage): void {
  request.socket.setTimeout(silenceMs)
  response.writeHead(code, { ...headers, 'content-type': type, 'content-length': Buffer.byteLength(text), 'cache-control': 'no-store' })
  response.end(request.method === 'HEAD' ? undefined : text)
}

/** The program writes at least every few seconds, so a socket without traffic has lost its reader. */
function stream(request: http.IncomingMessage, response: http.ServerResponse, open: OpenStream): void {
  // Sent with the first message, so that the program can still answer with a page.
  response.statusCode = 200
  response.setHeader('content-type', 'text/event-stream')
  response.setHeader('cache-control', 'no-store')
  const instead = open(response, new URLSearchParams(queryOf(request)))
  if (instead !== undefined) send(request, response, instead)
}

const pathOf = ({ url = '/' }: http.IncomingMessage): string => url.split('?', 1)[0] ?? '/'
const queryOf = (request: http.IncomingMessage): string => (request.url ?? '/').slice(pathOf(request).length)

function pageOf(request: http.IncomingMessage, pages: AdminPages): AdminPages[string] | undefined {
  const path = pathOf(request)
  return Object.hasOwn(pages, path) ? pages[path] : undefined
}

async function answer(request: http.IncomingMessage, pages: AdminPages): Promise<AdminPage> {
  const { method, socket, headers } = request
  const page = pageOf(request, pages)
  const query = new URLSearchParams(queryOf(request))
  if (method === 'POST' && typeof page === 'object' && 'post' in page) {
    // A page in a browser on this machine names its origin.
    const isOwn = isLoopback(socket.remoteAddress) && headers.origin === undefined
    return isOwn ? await page.post(query) : plainPage(403, 'only a program on this machine or in this pod can change something')
  }
  if (method !== 'GET' && method !== 'HEAD') return plainPage(405, 'only GET and HEAD are answered here')
  if (page === undefined) return plainPage(404, `there are ${listOf(Object.keys(pages).filter((path) => !path.startsWith('/page/')))}`)
  if (typeof page === 'object' && 'stream' in page) return { code: 200, type: 'text/event-stream', text: '' }
  return typeof page === 'object' ? await page.get(query) : await page(query)
}

const isLoopback = (address = ''): boolean => /^(::ffff:)?127\.|^::1$/.test(address)

/** `a, b and c`. */
const listOf = (names: readonly string[]): string => `${names.slice(0, -1).join(', ')} and ${names.at(-1)}`

interface Connection {
  readonly peer: string
  /** Has asked for a page that is being made or sent. */
  asks: boolean
}

/** The open connections. When there are too many, an idle one is closed in favour of the new one. */
class Connections {
  /** The one that has been idle for the longest time first. */
  readonly #open = new Map<net.Socket, Connection>()

  add(socket: net.Socket): void {
    if (this.#open.size >= connectionsAtMost) this.#makeRoom()?.destroy()
    this.#open.set(socket, { peer: socket.remoteAddress ?? '', asks: false })
    socket.once('close', () => this.#open.delete(socket))
  }

  requested(socket: net.Socket): void {
    const connection = this.#open.get(socket)
    if (connection !== undefined) connection.asks = true
  }

  answered(socket: net.Socket): void {
    const connection = this.#open.get(socket)
    if (connection === undefined) return
    connection.asks = false
    this.#open.delete(socket)
    this.#open.set(socket, connection)
  }

  /**
   * Chooses the connection to close: of the peer that has the most connections, so that a program with many of them
   * does not push out the kubelet's, the one that has been idle for the longest time. One with an answer under way is
   * closed only when there is no other.
   */
  #makeRoom(): net.Socket | undefined {
    const idle = [...this.#open].filter(([, { asks }]) => !asks)
    const candidates = idle.length > 0 ? idle : [...this.#open]
    const counts = new Map<string, number>()
    for (const [, { peer }] of candidates) counts.set(peer, (counts.get(peer) ?? 0) + 1)
    const most = Math.max(...counts.values())
    const [chosen] = candidates.find(([, { peer }]) => counts.get(peer) === most) ?? []
    if (chosen !== undefined) this.#open.delete(chosen)
    return chosen
  }
}
