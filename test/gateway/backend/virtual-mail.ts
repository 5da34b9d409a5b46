// Mail servers, clients and a table of backends in a time that moves only when a test says so: nothing is sent over a network.
import { Socket } from 'node:net'
import type { TestContext } from 'node:test'
import type { BackendOptions } from '../../../gateway/backend/backend-options.ts'
import { Backends } from '../../../gateway/backend/backends.ts'
import { BackendSearch } from '../../../gateway/backend/backend-search.ts'
import { NodeSocket } from '../../../gateway/sockets/node-socket.ts'
import { endpoints } from '../smtp/paused-client.ts'
import { longTimeouts } from './long-timeouts.ts'
import { endpointsOf } from '../../support/endpoints.ts'

/** A connection to a mail server that takes it at once, greets after `greetsAfter` milliseconds, and replies to each command. */
class Connection extends Socket {
  readonly #timers: NodeJS.Timeout[] = []

  constructor(greetsAfter: number) {
    super()
    this.#later(0, () => this.emit('connect'))
    if (Number.isFinite(greetsAfter)) this.#later(greetsAfter, () => this.emit('data', Buffer.from('220 mx\r\n')))
  }

  override write(text: unknown): boolean {
    if (text === 'NOOP\r\n') this.#later(1, () => this.emit('data', Buffer.from('250 ok\r\n')))
    if (text === 'QUIT\r\n') this.#later(1, () => this.emit('data', Buffer.from('221 bye\r\n')))
    return true
  }

  override destroy(): this {
    for (const timer of this.#timers) clearTimeout(timer)
    return super.destroy()
  }

  #later(ms: number, act: () => void): void {
    this.#timers.push(setTimeout(act, ms))
  }
}

/** How long each connection waits for its greeting. `Infinity`: the mail server hangs. */
export type GreetsAfter = () => number

/** About two seconds: each connection waits for another time, the same ones in each run. */
export function aboutTwoSeconds(): GreetsAfter {
  let connections = 0
  return () => 1900 + ((connections++ * 137) % 600)
}

/** A client that looks for a backend. */
export interface Visit {
  /** When it came, and when it was greeted or refused. */
  readonly came: number
  greeted?: number
  failed?: { readonly at: number; readonly reason: string }
  /** The client leaves. */
  readonly leave: () => void
}

export interface World {
  readonly backends: Backends
  /** By label of the mail server. */
  readonly greetsAfter: Map<string, GreetsAfter>
  /** Connections that have begun, probes included. */
  readonly connections: { readonly to: string; readonly at: number }[]
  /** What the log would say. */
  readonly changes: string[]
  readonly come: () => Visit
  /** Lets time pass, in steps of `stepMs`. */
  readonly pass: (ms: number, stepMs?: number) => Promise<void>
}

export function world(t: TestContext, addresses: readonly string[], greets: GreetsAfter, options: Partial<BackendOptions> = {}): World {
  t.mock.timers.enable({ apis: ['setTimeout', 'setInterval'] })
  let now = 0
  const greetsAfter = new Map(addresses.map((label) => [label, greets]))
  const connections: World['connections'] = []
  const changes: string[] = []
  const backends = new Backends({
    ...longTimeouts,
    addresses: endpointsOf(...addresses),
    now: () => now,
    connect: ({ address, port }, reader) => {
      const to = `${address}:${port}`
      connections.push({ to, at: now })
      const connection = new Connection(greetsAfter.get(to)?.() ?? Number.POSITIVE_INFINITY)
      connection.once('connect', () => reader.onConnect())
      const socket = new NodeSocket(connection)
      socket.reader = reader
      return socket
    },
    onChange: (label, from, to, why) => changes.push(`${now}: ${label} ${from} -> ${to}${why === undefined ? '' : `: ${why}`}`),
    ...options,
  })
  t.after(() => backends.close())
  const come = (): Visit => {
    const request = { client: new NodeSocket(new Socket()), ...endpoints, unread: new Uint8Array(), teaserSent: true }
    const search = new BackendSearch(request, backends, {
      found: (target, table, socket) => {
        visit.greeted = now
        socket.destroy()
        table.release(target)
      },
      failed: (_how, reason) => void (visit.failed = { at: now, reason }),
    })
    const visit: Visit = { came: now, leave: () => search.giveUp() }
    search.start()
    return visit
  }
  const pass = async (ms: number, stepMs = 10): Promise<void> => {
    for (const end = now + ms; now < end;) {
      now += stepMs
      t.mock.timers.tick(stepMs)
      await new Promise((done) => setImmediate(done))
    }
  }
  return { backends, greetsAfter, connections, changes, come, pass }
}
