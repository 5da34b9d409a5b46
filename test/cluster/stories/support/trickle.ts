// A steady trickle of clients, each new and each with one message, while something happens to the cluster.
import { setTimeout as sleep } from 'node:timers/promises'
import { deliver, type Visit, wasQueued } from './smtp-client.ts'

export interface Arrival extends Visit {
  /** When it called, in milliseconds of performance.now(). */
  readonly at: number
  readonly delivered: boolean
}

export interface TrickleOptions {
  readonly host: string
  /** The number of the first client; the following ones have the numbers behind it. */
  readonly firstClient: number
  /** Ten a second when left out. */
  readonly everyMs?: number
  /** How long a client waits for the end of its session. */
  readonly withinMs: number
}

export interface Trickle {
  /** Stops new clients. Resolves with all clients that came, when the last one has left. */
  stop(): Promise<readonly Arrival[]>
}

/** They come from now on. */
export function trickle({ host, firstClient, everyMs = 100, withinMs }: TrickleOptions): Trickle {
  const arrivals: Promise<Arrival>[] = []
  let going = true
  const coming = (async () => {
    for (let client = firstClient; going; client++) {
      const at = performance.now()
      arrivals.push(deliver({ host, client, withinMs }).then((visit) => ({ ...visit, at, delivered: wasQueued(visit) })))
      await sleep(everyMs)
    }
  })()
  return {
    async stop() {
      going = false
      await coming
      return Promise.all(arrivals)
    },
  }
}

/** How sessions ended that should not have, for people. */
export const inWords = (failed: readonly Visit[]): string =>
  failed
    .slice(0, 5)
    .map(({ from, ending, heard, tookMs }) => `${from}: ${Math.round(tookMs)} ms, ${ending}: ${JSON.stringify(heard.slice(-200))}`)
    .join('\n')
