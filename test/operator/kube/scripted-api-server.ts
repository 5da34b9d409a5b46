// An API server without a mind of its own: a test takes each request as it comes and answers it by hand, as badly as it likes.

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { KubeObject } from '../../../operator/kube/object.ts'
import { until } from './virtual-clock.ts'

/** A request that waits for its answer. */
export class Arrival {
  readonly method: string
  readonly path: string
  readonly query: URLSearchParams
  readonly headers: IncomingMessage['headers']
  readonly body: string
  readonly #response: ServerResponse

  constructor(request: IncomingMessage, body: string, response: ServerResponse) {
    const url = new URL(request.url ?? '', 'http://fake')
    this.method = request.method ?? ''
    this.path = url.pathname
    this.query = url.searchParams
    this.headers = request.headers
    this.body = body
    this.#response = response
  }

  get isWatch(): boolean {
    return this.query.get('watch') === 'true'
  }

  /** Whether the client has hung up. */
  get isAbandoned(): boolean {
    return this.#response.destroyed || this.#response.socket === null || this.#response.socket.destroyed
  }

  json(status: number, content: unknown, headers: Readonly<Record<string, string>> = {}): void {
    this.#response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(JSON.stringify(content))
  }

  /** A metav1.Status. */
  refuse(code: number, reason: string, message = '', headers: Readonly<Record<string, string>> = {}): void {
    this.json(code, statusOf(code, reason, message), headers)
  }

  list(resourceVersion: string, items: readonly KubeObject[], next?: string): void {
    this.json(200, { kind: 'List', apiVersion: 'v1', metadata: { resourceVersion, continue: next }, items })
  }

  /** Begins an answer of which the rest may come later. */
  begin(status = 200, type = 'application/json'): void {
    this.#response.writeHead(status, { 'content-type': type }).flushHeaders()
  }

  event(type: string, object: unknown): void {
    this.raw(`${JSON.stringify({ type, object })}\n`)
  }

  bookmark(resourceVersion: string): void {
    this.event('BOOKMARK', { kind: 'PostscreenPolicy', apiVersion: 'postscreen.dev/v1alpha1', metadata: { resourceVersion } })
  }

  raw(text: string | Uint8Array): void {
    this.#response.write(text)
  }

  end(): void {
    this.#response.end()
  }

  /** Breaks the connection off in the middle. */
  cut(): void {
    this.#response.socket?.destroy()
  }
}

/** The body of a refusal, and the object of an ERROR event. */
export function statusOf(code: number, reason: string, message = ''): object {
  return { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Failure', code, reason, message }
}

/** Listens on a free port of 127.0.0.1. */
export class ScriptedApiServer {
  /** Every request so far. */
  readonly arrivals: Arrival[] = []
  /** A kubeconfig file that leads here. */
  readonly kubeconfig: string
  /** Answers requests as they come; without it they wait for `next`. */
  answer: ((arrival: Arrival) => void) | undefined
  readonly #folder: string
  readonly #sockets = new Set<Socket>()
  readonly #waiting: Arrival[] = []
  #server: Server | undefined
  #port = 0

  constructor() {
    this.#folder = mkdtempSync(join(tmpdir(), 'scripted-api-'))
    this.kubeconfig = join(this.#folder, 'kubeconfig')
  }

  static async start(): Promise<ScriptedApiServer> {
    const server = new ScriptedApiServer()
    await server.resume()
    return server
  }

  get connections(): number {
    return this.#sockets.size
  }

  /** The next request that waits for its answer, in order. */
  async next(): Promise<Arrival> {
    await until(() => this.#waiting.length > 0, 'another request')
    const arrival = this.#waiting.shift()
    if (arrival === undefined) throw new Error('no request')
    return arrival
  }

  /** Listens again, on the same port. */
  async resume(): Promise<void> {
    const server = createServer({ keepAliveTimeout: 0, requestTimeout: 0 }, (request, response) => this.#receive(request, response))
    server.on('connection', (socket) => {
      this.#sockets.add(socket)
      socket.on('close', () => this.#sockets.delete(socket)).on('error', () => undefined)
    })
    this.#server = server
    await new Promise<void>((resolve, reject) => {
      server.on('error', reject)
      server.listen(this.#port, '127.0.0.1', resolve)
    })
    this.#port = (server.address() as AddressInfo).port
    writeFileSync(this.kubeconfig, kubeconfigOf(`http://127.0.0.1:${this.#port}`, 'a-token'))
  }

  /** Refuses connections from now on, and breaks off those that stand. */
  async down(): Promise<void> {
    const server = this.#server
    if (server === undefined) return
    this.#server = undefined
    const closed = new Promise((resolve) => server.close(resolve))
    for (const socket of this.#sockets) socket.destroy()
    await closed
  }

  async close(): Promise<void> {
    await this.down()
    rmSync(this.#folder, { recursive: true, force: true })
  }

  #receive(request: IncomingMessage, response: ServerResponse): void {
    let body = ''
    request.setEncoding('utf8').on('data', (piece: string) => {
      body += piece
    })
    request
      .on('error', () => undefined)
      .on('end', () => {
        const arrival = new Arrival(request, body, response)
        this.arrivals.push(arrival)
        if (this.answer === undefined) this.#waiting.push(arrival)
        else this.answer(arrival)
      })
  }
}

/** A kubeconfig with a token, for a server without TLS (or one whose certificate is not verified). */
export function kubeconfigOf(server: string, token: string): string {
  return JSON.stringify({
    apiVersion: 'v1',
    kind: 'Config',
    'current-context': 'fake',
    contexts: [{ name: 'fake', context: { cluster: 'fake', user: 'fake' } }],
    clusters: [{ name: 'fake', cluster: { server, 'insecure-skip-tls-verify': true } }],
    users: [{ name: 'fake', user: { token } }],
  })
}
