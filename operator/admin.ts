// The operator's health and metrics over HTTP.
import http from 'node:http'
import type net from 'node:net'

export interface AdminPages {
  /** Why the operator is not alive, or undefined. */
  readonly sick: () => string | undefined
  readonly notReady: () => string | undefined
  readonly metrics: () => Promise<{ readonly type: string; readonly text: string }>
}

export interface AdminServer {
  /** ADDR:PORT, also where port 0 was asked for. */
  readonly address: string
  close(): void
}

interface Page {
  readonly code: number
  readonly type: string
  readonly text: string
}

const plain = (code: number, text: string): Page => ({ code, type: 'text/plain; charset=utf-8', text: `${text}\n` })
const verdict = (problem: string | undefined): Page => (problem === undefined ? plain(200, 'ok') : plain(503, problem))

async function pageOf(path: string, pages: AdminPages): Promise<Page> {
  switch (path) {
    case '/healthz':
      return verdict(pages.sick())
    case '/readyz':
      return verdict(pages.notReady())
    case '/metrics':
      return { code: 200, ...(await pages.metrics()) }
    default:
      return plain(404, 'there are /healthz, /readyz and /metrics')
  }
}

/** Opens the server on `host` (undefined: all addresses of both families). Rejects when the port is taken. */
export function serveAdmin(
  { host, port }: { readonly host: string | undefined; readonly port: number },
  pages: AdminPages,
): Promise<AdminServer> {
  const server = http.createServer({ requestTimeout: 5000, headersTimeout: 5000, maxHeaderSize: 8192 }, (request, response) => {
    const path = (request.url ?? '/').split('?', 1)[0] ?? '/'
    pageOf(path, pages)
      .catch((error: unknown) => plain(500, String(error)))
      .then(({ code, type, text }) => response.writeHead(code, { 'content-type': type, 'cache-control': 'no-store' }).end(text))
      .catch(() => response.destroy())
  })
  server.maxConnections = 100
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen({ port, ...(host !== undefined && { host }) }, () => {
      const { address, port: bound } = server.address() as net.AddressInfo
      const close = (): void => {
        server.close()
        server.closeAllConnections()
      }
      resolve({ address: address.includes(':') ? `[${address}]:${bound}` : `${address}:${bound}`, close })
    })
  })
}
