// The admin server, on an address of its own: health, readiness, metrics and status. It only answers questions.
import http from 'node:http'
import type net from 'node:net'
import { messageOf } from './caught.ts'
import { formatEndpoint } from './endpoint-text.ts'
import type { Endpoint } from '../core/vocabulary.ts'
import { ListenError } from './listener.ts'

/** What the gateway tells about itself when asked. */
export interface AdminPages {
  /** Why the gateway is not ready for clients; empty when it is. */
  notReady(): readonly string[] | Promise<readonly string[]>
  metrics(): Promise<{ readonly type: string; readonly text: string }>
  /** Whatever JSON can say, or a promise of it. */
  status(): unknown
}

/** A running admin server. */
export interface AdminServer {
  /** ADDR:PORT, also where port 0 was asked for. */
  readonly address: string
  close(): void
}

interface Answer {
  readonly code: number
  readonly type: string
  readonly text: string
}

const plain = (code: number, text: string): Answer => ({ code, type: 'text/plain; charset=utf-8', text: `${text}\n` })

async function answer(method: string | undefined, path: string, pages: AdminPages): Promise<Answer> {
  if (method !== 'GET' && method !== 'HEAD') return plain(405, 'only GET and HEAD are answered here')
  switch (path) {
    case '/healthz':
      return plain(200, 'ok')
    case '/readyz': {
      const reasons = await pages.notReady()
      return reasons.length === 0 ? plain(200, 'ready') : plain(503, `not ready: ${reasons.join('; ')}`)
    }
    case '/metrics':
      return { code: 200, ...(await pages.metrics()) }
    case '/status':
      return { code: 200, type: 'application/json', text: `${JSON.stringify(await pages.status(), undefined, 2)}\n` }
    default:
      return plain(404, 'there are /healthz, /readyz, /metrics and /status')
  }
}

async function respond(request: http.IncomingMessage, response: http.ServerResponse, pages: AdminPages): Promise<void> {
  const path = (request.url ?? '/').split('?', 1)[0] ?? '/'
  const { code, type, text } = await answer(request.method, path, pages).catch((error: unknown) => plain(500, messageOf(error)))
  response.writeHead(code, { 'content-type': type, 'content-length': Buffer.byteLength(text), 'cache-control': 'no-store' })
  response.end(request.method === 'HEAD' ? undefined : text)
}

/** Without the last one Node looks for requests that take too long only twice a minute. */
const limits = {
  requestTimeout: 5000,
  headersTimeout: 5000,
  keepAliveTimeout: 60_000,
  maxHeaderSize: 8192,
  connectionsCheckingInterval: 1000,
}

/**
 * Opens the server. Requests are small and few: what is slow, large or many is cut.
 * The address `*` stands for all addresses of both families, or of the one that the machine has.
 * @throws ListenError
 */
export function serveAdmin(endpoint: Endpoint, pages: AdminPages): Promise<AdminServer> {
  const server = http.createServer(limits, (request, response) => {
    respond(request, response, pages).catch(() => response.destroy())
  })
  server.maxConnections = 100
  return new Promise((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) =>
      reject(new ListenError(endpoint, error.code ?? error.message, '--admin ADDR:PORT')),
    )
    // Without a host Node listens on :: for both families, and where there is no IPv6 on 0.0.0.0.
    server.listen({ port: endpoint.port, ...(endpoint.address !== '*' && { host: endpoint.address }) }, () => {
      const { address, port } = server.address() as net.AddressInfo
      resolve({
        address: formatEndpoint({ address, port }),
        close: () => {
          server.close()
          server.closeAllConnections()
        },
      })
    })
  })
}
