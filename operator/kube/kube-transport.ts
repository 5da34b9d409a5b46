// One request to the API server, with credentials, a connection, a time limit and a limited answer. Every failure
// becomes a KubeError.

import { type Dispatcher, request as send } from 'undici'
import type { Clock } from '../../runtime/clock.ts'
import type { Access, ClusterAccess } from './cluster-access.ts'
import { Deadline } from './deadline.ts'
import { KubeError, kubeErrorOf } from './kube-error.ts'
import type { RequestGate } from './request-gate.ts'
import type { Resource } from './resource.ts'
import { badAnswer } from './watch-event.ts'

export type Verb = 'get' | 'list' | 'watch' | 'apply' | 'create' | 'replace' | 'patch' | 'delete'

/**
 * Called once for each request. `status` is 0 if there was no answer. For a watch, it is called when the answer begins.
 */
export type Observe = (verb: Verb, resource: Resource, status: number, seconds: number) => void

/** What a caller can change for a single request. */
export interface CallOptions {
  /** The time limit for the whole request, in milliseconds. */
  readonly timeoutMs?: number
  readonly signal?: AbortSignal
  /** Does not wait for other requests; used for the lease. */
  readonly urgent?: boolean
  /** Called at the moment when the request is sent, after all waiting. If it throws, the request is not sent. */
  readonly beforeSending?: () => void
}

export interface KubeRequest {
  readonly verb: Verb
  readonly resource: Resource
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'
  /** From pathOf. */
  readonly path: string
  readonly query?: Readonly<Record<string, string | number | undefined>>
  readonly body?: { readonly type: string; readonly content: unknown }
  readonly accept?: string
  /** The longest allowed answer, in bytes. */
  readonly answerLimit: number
  /** The answer may take minutes: it gets a connection of its own, as a watch does. */
  readonly isLong?: boolean
}

interface TransportOptions {
  readonly access: ClusterAccess
  readonly gate: RequestGate
  readonly clock: Clock
  readonly requestTimeoutMs: number
  readonly userAgent: string
  readonly observe: Observe
}

/** The longest error response that is read, in bytes. */
const refusalLimit = 64 * 1024

/** The beginning of an answer. */
type Answer = Dispatcher.ResponseData

export class KubeTransport {
  readonly #options: TransportOptions

  constructor(options: TransportOptions) {
    this.#options = options
  }

  /** The JSON of a 2xx answer. Rejects with a KubeError for everything else. */
  async ask(wanted: KubeRequest, call?: CallOptions): Promise<unknown> {
    const text = await this.askText(wanted, call)
    try {
      return JSON.parse(text)
    } catch {
      // The message of JSON.parse quotes its input.
      throw badAnswer(`${nameOf(wanted)}: the answer is not JSON`)
    }
  }

  /** The text of a 2xx answer. Rejects with a KubeError for everything else. */
  async askText(wanted: KubeRequest, { timeoutMs, signal, urgent = false, beforeSending }: CallOptions = {}): Promise<string> {
    const { clock, gate, requestTimeoutMs } = this.#options
    const deadline = new Deadline(clock, timeoutMs ?? requestTimeoutMs, nameOf(wanted), signal)
    try {
      if (!urgent) await gate.enter(deadline)
      try {
        return await this.#exchange(wanted, deadline, beforeSending)
      } finally {
        if (!urgent) gate.leave()
      }
    } finally {
      deadline.end()
    }
  }

  /** A 2xx answer whose body is still to be read, within the deadline. Rejects with a KubeError. */
  async open(wanted: KubeRequest, deadline: Deadline, beforeSending: () => void = () => undefined): Promise<Answer> {
    const began = this.#options.clock.now()
    let status = 0
    try {
      const access = await deadline.race(this.#options.access.current())
      beforeSending()
      const answer = await this.#send(access, wanted, deadline)
      status = answer.statusCode
      if (status >= 200 && status < 300) return answer
      if (status === 401) this.#options.access.refused()
      throw await refusal(wanted, answer, deadline)
    } finally {
      this.#options.observe(wanted.verb, wanted.resource, status, (this.#options.clock.now() - began) / 1000)
    }
  }

  /**
   * The body of a 2xx answer, in pieces as they come. The time limit is for its beginning. Throws a KubeError for
   * everything else, and when `signal` ends it.
   */
  async *stream(wanted: KubeRequest, signal: AbortSignal): AsyncGenerator<Uint8Array, void> {
    const what = nameOf(wanted)
    const deadline = new Deadline(this.#options.clock, this.#options.requestTimeoutMs, what, signal)
    try {
      const { body } = await this.open(wanted, deadline)
      body.on('error', () => undefined)
      try {
        deadline.lift()
        for await (const piece of body as AsyncIterable<Uint8Array>) yield piece
      } finally {
        body.destroy()
      }
    } catch (error) {
      throw transportError(what, deadline.signal.aborted ? deadline.signal.reason : error)
    } finally {
      deadline.end()
    }
  }

  async #exchange(wanted: KubeRequest, deadline: Deadline, beforeSending?: () => void): Promise<string> {
    const answer = await this.open(wanted, deadline, beforeSending)
    return await readText(answer, wanted.answerLimit, nameOf(wanted), deadline)
  }

  async #send(
    access: Access,
    { verb, method, path, query, body, accept, isLong, ...wanted }: KubeRequest,
    deadline: Deadline,
  ): Promise<Answer> {
    const headers: Record<string, string> = {
      ...access.headers,
      'user-agent': this.#options.userAgent,
      accept: accept ?? 'application/json',
    }
    if (body !== undefined) headers['content-type'] = body.type
    const sent = send(`${access.server}${path}${queryText(query)}`, {
      method,
      headers,
      body: body === undefined ? null : JSON.stringify(body.content),
      dispatcher: verb === 'watch' || isLong === true ? access.watches : access.requests,
      signal: deadline.signal,
    })
    try {
      // undici notices an abort only after the connection is established, so the abort is raced with the request. An
      // answer that comes too late is dropped.
      return await deadline.race(sent)
    } catch (error) {
      void sent.then(drop, () => undefined)
      throw transportError(nameOf({ verb, path, ...wanted }), error)
    }
  }
}

function nameOf({ verb, path }: Pick<KubeRequest, 'verb' | 'path'>): string {
  return `${verb} ${path.replace(/^\/apis?\//, '')}`
}

function queryText(query: KubeRequest['query'] = {}): string {
  const pairs = Object.entries(query).flatMap(([name, value]) => (value === undefined ? [] : [`${name}=${encodeURIComponent(value)}`]))
  return pairs.length === 0 ? '' : `?${pairs.join('&')}`
}

function drop({ body }: Answer): void {
  body.on('error', () => undefined).destroy()
}

async function refusal(wanted: KubeRequest, answer: Answer, deadline: Deadline): Promise<KubeError> {
  const header = answer.headers['retry-after']
  const text = await readText(answer, refusalLimit, nameOf(wanted), deadline).catch(() => '')
  const body = jsonOrNothing(text) ?? textOfPage(wanted, answer, text)
  return kubeErrorOf(nameOf(wanted), answer.statusCode, body, typeof header === 'string' ? header : undefined)
}

/** A pod behind pods/proxy says in plain text why it refuses. */
function textOfPage({ accept }: KubeRequest, { headers }: Answer, text: string): object | undefined {
  const type = headers['content-type']
  return accept === '*/*' && typeof type === 'string' && type.startsWith('text/plain') ? { message: text.trim() } : undefined
}

/** A proxy on the way may answer with its own page. */
function jsonOrNothing(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

async function readText({ body }: Answer, limit: number, what: string, deadline: Deadline): Promise<string> {
  const pieces: Uint8Array[] = []
  let bytes = 0
  try {
    for await (const piece of body as AsyncIterable<Uint8Array>) {
      bytes += piece.length
      if (bytes > limit) throw new KubeError(`${what}: an answer of more than ${limit} bytes`, { status: 0, reason: 'TooLarge' })
      pieces.push(piece)
    }
  } catch (error) {
    throw transportError(what, deadline.signal.aborted ? deadline.signal.reason : error)
  } finally {
    body.on('error', () => undefined).destroy()
  }
  return Buffer.concat(pieces, bytes).toString('utf8')
}

/** The KubeError for a network failure. The messages of Node and undici contain addresses and codes, but no headers. */
export function transportError(what: string, error: unknown): KubeError {
  if (error instanceof KubeError) return error
  const code = error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : ''
  const message = error instanceof Error ? error.message : String(error)
  return new KubeError(`${what}: ${message.includes(code) ? message : `${code} ${message}`.trim()}`, { status: 0, reason: 'NoConnection' })
}
