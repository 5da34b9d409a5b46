// Just as much of the Kubernetes API as the test cluster's cloud needs: one request, and a list that is kept up to date.
import { readFileSync } from 'node:fs'
import type { IncomingMessage } from 'node:http'
import { Agent, request } from 'node:https'
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'

/** The fields of any object that the cloud looks at. */
export interface ApiObject {
  readonly metadata: {
    readonly name: string
    readonly namespace?: string
    readonly uid: string
    readonly annotations?: Readonly<Record<string, string>>
  }
}

interface List {
  readonly metadata: { readonly resourceVersion: string }
  readonly items: readonly ApiObject[]
}

interface WatchEvent {
  readonly type: 'ADDED' | 'MODIFIED' | 'DELETED' | 'BOOKMARK' | 'ERROR'
  readonly object: ApiObject
}

export class Api {
  readonly #server: string
  readonly #agent: Agent

  /** @param kubeconfig a file with one cluster and one user, certificates included, as the test cluster makes it */
  constructor(kubeconfig: string) {
    const text = readFileSync(kubeconfig, 'utf8')
    const field = (name: string): string => {
      const value = new RegExp(`\\b${name}: '?([^\\s',}]+)`).exec(text)?.[1]
      if (value === undefined) throw new Error(`${kubeconfig} has no ${name}`)
      return value
    }
    const bytes = (name: string): Buffer => Buffer.from(field(name), 'base64')
    this.#server = field('server')
    this.#agent = new Agent({
      keepAlive: true,
      ca: bytes('certificate-authority-data'),
      cert: bytes('client-certificate-data'),
      key: bytes('client-key-data'),
    })
  }

  /** One request. Rejects with the server's words when it does not say 2xx. */
  async call(method: string, path: string, body?: unknown, type = 'application/json'): Promise<unknown> {
    let text = ''
    for await (const line of this.#lines(method, path, body, type)) text += line
    return JSON.parse(text) as unknown
  }

  /** Calls `changed` with all objects at `path`, now and after each change, without end; retries on an error. */
  async follow(path: string, changed: (items: readonly ApiObject[]) => void): Promise<never> {
    for (;;) {
      try {
        await this.#listAndWatch(path, changed)
      } catch (error) {
        console.error(`${path}: ${String(error)}`)
        await sleep(500)
      }
    }
  }

  async #listAndWatch(path: string, changed: (items: readonly ApiObject[]) => void): Promise<void> {
    const list = (await this.call('GET', path)) as List
    const known = new Map(list.items.map((item) => [item.metadata.uid, item]))
    changed([...known.values()])
    const query = `?watch=true&allowWatchBookmarks=true&resourceVersion=${list.metadata.resourceVersion}`
    for await (const line of this.#lines('GET', path + query)) {
      const event = JSON.parse(line) as WatchEvent
      if (event.type === 'ERROR') return
      if (event.type === 'BOOKMARK') continue
      if (event.type === 'DELETED') known.delete(event.object.metadata.uid)
      else known.set(event.object.metadata.uid, event.object)
      changed([...known.values()])
    }
  }

  async *#lines(method: string, path: string, body?: unknown, type = 'application/json'): AsyncGenerator<string> {
    const response = await new Promise<IncomingMessage>((resolve, reject) => {
      const headers = body === undefined ? {} : { 'content-type': type }
      const asked = request(this.#server + path, { method, agent: this.#agent, headers }, resolve)
      asked.on('error', reject).end(body === undefined ? undefined : JSON.stringify(body))
    })
    const failed = (response.statusCode ?? 500) >= 300
    let words = ''
    for await (const line of createInterface({ input: response })) {
      if (failed) words += line
      else yield line
    }
    if (failed) throw new Error(`${method} ${path}: ${response.statusCode} ${words}`)
  }
}
