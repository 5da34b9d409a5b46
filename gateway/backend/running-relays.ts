// All relays of a gateway process, with their log lines and metrics. A client that waits for a backend counts as a
// relay.
import type { HandOffPoint } from '../core/vocabulary.ts'
import type { Backends } from './backends.ts'
import type { JoinedBackend, RelayRequest, RelayEvents, RelayHandle } from './relay-request.ts'
import { startJoinedRelay, startRelay } from './relay.ts'
import { type OnReplayed, type ReplayRequest, SessionReplay } from './session-replay.ts'
import type { Log } from '../observability/log.ts'
import type { Metrics } from '../observability/metrics.ts'

export class Relays {
  readonly #log: Log
  readonly #metrics: Metrics
  readonly #running = new Map<RelayRequest, RelayHandle>()
  readonly #replays = new Set<SessionReplay>()

  constructor(log: Log, metrics: Metrics) {
    this.#log = log
    this.#metrics = metrics
  }

  /** Clients that wait for a backend included. */
  get size(): number {
    return this.#running.size + this.#replays.size
  }

  start(sessionId: string, request: RelayRequest, backends: Backends, events: RelayEvents): void {
    const handle = startRelay(request, backends, this.#reported(sessionId, request, events, 'greeting', undefined))
    this.#running.set(request, handle)
  }

  /** Repeats a session to a backend. @returns ends it without a result */
  replay(sessionId: string, request: ReplayRequest, backends: Backends, onReplayed: OnReplayed): () => void {
    const replay = new SessionReplay(request, backends, (outcome, joined) => {
      this.#replays.delete(replay)
      if (outcome.is === 'failed') this.#log.sessionWarning(sessionId, `cannot repeat the session to service smtpd: ${outcome.why}`)
      onReplayed(outcome, joined)
    })
    this.#replays.add(replay)
    replay.start()
    return () => {
      this.#replays.delete(replay)
      replay.cancel()
    }
  }

  /** Relays a client to the backend that has answered it. */
  startJoined(sessionId: string, request: RelayRequest, joined: JoinedBackend, at: HandOffPoint, events: RelayEvents): void {
    const handle = startJoinedRelay(request, joined, this.#reported(sessionId, request, events, at, joined))
    this.#running.set(request, handle)
  }

  /** The events of a relay, with their log lines and metrics. */
  #reported(
    sessionId: string,
    request: RelayRequest,
    events: RelayEvents,
    at: HandOffPoint,
    joined: JoinedBackend | undefined,
  ): RelayEvents {
    const began = performance.now()
    const seconds = (): number => (performance.now() - began) / 1000
    return {
      ...events,
      onStarted: (backend) => {
        this.#metrics.relayStarted(backend, at, joined?.greetingSeconds ?? seconds(), joined?.replySeconds)
        this.#log.relay(sessionId, 'HANDED OFF', request.clientEndpoint, { backend, at, ...named(request) })
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
    }
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

/** The address that the backend was told instead of the client's. */
const named = ({ headerClient }: RelayRequest): { readonly named?: string } =>
  headerClient === undefined ? {} : { named: headerClient.address }
