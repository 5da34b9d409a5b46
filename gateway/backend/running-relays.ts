// All relays of a gateway process, with their log lines and metrics. A client that waits for a backend counts as a
// relay.
import type { Backends } from './backends.ts'
import type { RelayRequest, RelayEvents, RelayHandle } from './relay-request.ts'
import { startRelay } from './relay.ts'
import type { Log } from '../observability/log.ts'
import type { Metrics } from '../observability/metrics.ts'

export class Relays {
  readonly #log: Log
  readonly #metrics: Metrics
  readonly #running = new Map<RelayRequest, RelayHandle>()

  constructor(log: Log, metrics: Metrics) {
    this.#log = log
    this.#metrics = metrics
  }

  /** Clients that wait for a backend included. */
  get size(): number {
    return this.#running.size
  }

  start(sessionId: string, request: RelayRequest, backends: Backends, events: RelayEvents): void {
    const began = performance.now()
    const seconds = (): number => (performance.now() - began) / 1000
    const handle = startRelay(request, backends, {
      ...events,
      onStarted: (backend) => {
        this.#metrics.relayStarted(seconds())
        this.#log.relay(sessionId, 'HANDED OFF', request.clientEndpoint, { backend })
        events.onStarted(backend)
      },
      onFailed: (how, reason, arrived) => {
        this.#running.delete(request)
        this.#metrics.backendFailed(how)
        this.#log.sessionWarning(sessionId, `cannot ${how === 'connect' ? 'connect' : 'pass connection'} to service smtpd: ${reason}`)
        events.onFailed(how, reason, arrived)
      },
      onEnd: (stats) => {
        this.#running.delete(request)
        this.#metrics.relayEnded(stats.toBackend, stats.toClient)
        this.#log.relay(sessionId, 'RELAY ENDED', request.clientEndpoint, { ...stats, seconds: Math.round(seconds() * 1000) / 1000 })
        events.onEnd(stats)
      },
    })
    this.#running.set(request, handle)
  }

  /** Returns the clients that no backend has greeted to their sessions, which know what to reply. */
  giveUpWaiting(reason: string): void {
    for (const handle of this.#running.values()) handle.giveUp(reason)
  }

  /** Ends all relays. A message in transit is not lost: its sender has no reply to DATA yet and will send it again. */
  cut(): void {
    for (const { client } of this.#running.keys()) client.destroy()
  }
}
