// Many SMTP clients in one process, each from an address of its own: it follows a script and tells what became of it.
//
// Cheap on purpose, so that the server has more to do than they have: one read buffer for all (`onread` spares the stream), no timer for each.
import { connect, type Socket } from 'node:net'

/** What a client does. With nothing in it, the client is mute and stays until the server hangs up. */
export interface Script {
  /** Said as soon as the connection stands, without waiting for a greeting. */
  readonly early?: Buffer
  /** Said one by one, each when a reply is complete; after the last one the client waits for the server to hang up. */
  readonly turns?: readonly Buffer[]
  /** How long it thinks before each turn. */
  readonly pauseMs?: number
  /** Resets the connection at that moment. */
  readonly leaves?: 'when connected' | 'when greeted' | 'after its turns'
}

/** How one call ended: by the server, by the client's own script, by our patience, or with an error's code. */
export type Ending = 'hung up' | 'left' | 'late' | (string & {})

/** Times are milliseconds of performance.now(). */
export interface Visit {
  readonly from: string
  readonly beganAt: number
  readonly connectedAt: number | undefined
  /** When the first byte came: the server's program has accepted, not only its kernel. */
  readonly heardAt: number | undefined
  readonly endedAt: number
  /** One byte a character, at most 4 kB. */
  readonly heard: string
  readonly ending: Ending
}

/** The last line that a client heard, and how its visit ended: what is counted where visits go wrong. */
export const endOf = ({ heard, ending }: Visit): string => `${heard.trimEnd().split('\r\n').at(-1) ?? ''} (${ending})`

const heardLimit = 4096
const shared = Buffer.alloc(65_536)

/** The `index`th address of 127.`second`.0.0/16, without those ending in .0 and .255; repeats after 65,024. */
export function loopbackAddress(second: number, index: number): string {
  return `127.${second}.${Math.floor(index / 254) & 255}.${1 + (index % 254)}`
}

/** One client. Calls at once; `done` is called once. */
export class Client {
  readonly from: string
  readonly beganAt = performance.now()
  connectedAt: number | undefined
  heardAt: number | undefined
  heard = ''
  readonly #script: Script
  readonly #done: (visit: Visit) => void
  readonly #socket: Socket
  #turn = 0
  #ending: Ending = 'hung up'

  constructor(port: number, from: string, script: Script, done: (visit: Visit) => void) {
    this.from = from
    this.#script = script
    this.#done = done
    this.#socket = connect({
      port,
      host: '127.0.0.1',
      localAddress: from,
      noDelay: script.turns !== undefined,
      // When the server has ended, `#ended` closes: one system call, where Node would shut down, wait, and close.
      allowHalfOpen: true,
      onread: { buffer: shared, callback: (count, buffer) => this.#hear(count, buffer) },
    })
    this.#socket.on('connect', this.#connected).on('end', this.#ended).on('error', this.#failed).on('close', this.#closed)
    if (script.early !== undefined) this.#socket.write(script.early)
  }

  /** Resets the connection. */
  leave(why: Ending = 'left'): void {
    this.#ending = why
    if (this.connectedAt === undefined) this.#socket.destroy()
    else this.#socket.resetAndDestroy()
  }

  /** Ends the connection in order. */
  end(): void {
    this.#ending = 'left'
    this.#socket.end()
  }

  readonly #connected = (): void => {
    this.connectedAt = performance.now()
    if (this.#script.leaves === 'when connected') this.leave()
  }

  #hear(count: number, buffer: Uint8Array): boolean {
    this.heardAt ??= performance.now()
    if (this.heard.length < heardLimit) this.heard += (buffer as Buffer).toString('latin1', 0, Math.min(count, heardLimit))
    if (this.#script.leaves === 'when greeted') this.leave()
    else if (this.#script.turns !== undefined && endsReply(buffer, count)) this.#take(this.#script.turns)
    return true
  }

  #take(turns: readonly Buffer[]): void {
    const words = turns[this.#turn++]
    if (words !== undefined && this.#script.pauseMs !== undefined) setTimeout(() => this.#socket.write(words), this.#script.pauseMs)
    else if (words !== undefined) this.#socket.write(words)
    else if (this.#script.leaves === 'after its turns') this.leave()
  }

  readonly #ended = (): void => void this.#socket.destroy()

  readonly #failed = (error: NodeJS.ErrnoException): void => {
    this.#ending = error.code ?? error.message
  }

  readonly #closed = (): void => {
    const { from, beganAt, connectedAt, heardAt, heard } = this
    this.#done({ from, beganAt, connectedAt, heardAt, endedAt: performance.now(), heard, ending: this.#ending })
  }
}

/** Whether the last line is the last of a reply: `250 text`, not `250-text`. */
function endsReply(buffer: Uint8Array, count: number): boolean {
  if (buffer[count - 1] !== 0x0a) return false
  const before = buffer.lastIndexOf(0x0a, count - 2)
  return buffer[before + 4] === 0x20
}

/** A stream of clients. */
export interface Crowd {
  readonly port: number
  readonly count: number
  /** How many are there at the same time. With `count`, all come at once. */
  readonly atOnce: number
  readonly client: (index: number) => { readonly from: string; readonly script: Script }
  /** A client that is still there after this long leaves, and is `late`. */
  readonly patienceMs: number
  readonly onVisit?: (visit: Visit, index: number) => void
}

/** Lets them come, the next as one goes. @returns milliseconds until the last one has gone */
export async function visitAll(crowd: Crowd): Promise<number> {
  const { promise, resolve } = Promise.withResolvers<void>()
  const began = performance.now()
  // In the order of their coming, so that the impatient are in front.
  const there = new Set<Client>()
  let next = 0
  const come = (): void => {
    const index = next++
    const { from, script } = crowd.client(index)
    const client: Client = new Client(crowd.port, from, script, (visit) => {
      there.delete(client)
      crowd.onVisit?.(visit, index)
      if (next < crowd.count) come()
      else if (there.size === 0) resolve()
    })
    there.add(client)
  }
  const patience = setInterval(() => {
    const since = performance.now() - crowd.patienceMs
    for (const client of there) {
      if (client.beganAt > since) break
      client.leave('late')
    }
  }, 100)
  for (let i = 0; i < Math.min(crowd.atOnce, crowd.count); i++) come()
  await promise
  clearInterval(patience)
  return performance.now() - began
}

/** Clients that are to stay. */
export interface Held {
  /** All that came and have not gone. */
  readonly there: ReadonlySet<Client>
  /** Those that have gone without having been told to. */
  readonly gone: readonly Visit[]
  /** Waits until everyone who is there has heard something; throws after `ms`. */
  untilHeard(ms: number): Promise<void>
  /** Lets all go, and waits until they have. */
  leave(how: 'end' | 'reset'): Promise<void>
}

/** Lets `count` clients come and stay. */
export function hold(port: number, count: number, client: (index: number) => { from: string; script: Script }): Held {
  const there = new Set<Client>()
  const gone: Visit[] = []
  let leaving = false
  const over = Promise.withResolvers<void>()
  for (let i = 0; i < count; i++) {
    const { from, script } = client(i)
    const one: Client = new Client(port, from, script, (visit) => {
      there.delete(one)
      if (!leaving) gone.push(visit)
      else if (there.size === 0) over.resolve()
    })
    there.add(one)
  }
  return {
    there,
    gone,
    untilHeard: async (ms) => {
      const deadline = performance.now() + ms
      for (const one of there) {
        while (one.heardAt === undefined && there.has(one)) {
          if (performance.now() > deadline) throw new Error(`after ${ms} ms ${one.from} has heard nothing`)
          await new Promise((done) => setTimeout(done, 10))
        }
      }
    },
    leave: async (how) => {
      leaving = true
      if (there.size === 0) return
      for (const one of there) {
        if (how === 'reset') one.leave()
        else one.end()
      }
      await over.promise
    },
  }
}
