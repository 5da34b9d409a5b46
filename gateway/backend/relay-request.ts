// The start of a relay: the client, the events that the caller receives, and what the caller may still do.
import type { Endpoint } from '../../crds/values/endpoint.ts'
import type { TcpSocket } from '../sockets/tcp-socket.ts'
import type { Backends } from './backends.ts'
import type { Target } from './target-record.ts'

export interface RelayRequest {
  /** Paused and without a reader. */
  readonly client: TcpSocket
  readonly clientEndpoint: Endpoint
  readonly serverEndpoint: Endpoint
  /** Named in the PROXY header instead of the client. */
  readonly headerClient?: Endpoint | undefined
  /** The client's bytes that were read but not answered. */
  readonly unread: Uint8Array
  /**
   * Whether the client has received `220-`: then it must not get a backend's refusal, which cannot follow a greeting
   * (postscreen 2.9).
   */
  readonly teaserSent: boolean
}

/** A backend that has answered the client's first recipient or its STARTTLS. */
export interface JoinedBackend {
  readonly target: Target
  /** Those that gave the target: a session is booked on it, and the relay releases it. */
  readonly backends: Backends
  /** Paused and without a reader. */
  readonly socket: TcpSocket
  /** What it has sent for the client. */
  readonly reply: Buffer
  /** From the client's command to the greeting and to the reply. */
  readonly greetingSeconds: number
  readonly replySeconds: number
  /** TLS begins, and the client's side begins it: bytes of the backend that come first are not its own. */
  readonly clientSpeaksFirst: boolean
}

export interface RelayStats {
  /** Label of the backend's address; undefined when the client left before one greeted. */
  readonly backend: string | undefined
  /** Bytes of the client that went to the backend, without the header. */
  readonly toBackend: number
  readonly toClient: number
  /** The side that ended first, and the error code if it did not end in order. */
  readonly endedBy: 'client' | 'backend'
  readonly error: string | undefined
}

/**
 * Exactly one of `onFailed` and `onEnd` is called, as the last event. None is called before `startRelay` has returned.
 */
export interface RelayEvents {
  /** A backend has greeted; the relay runs. */
  onStarted(backend: string): void
  /**
   * What the client sends after `unread`, on its way to the backend, then its end of stream. The bytes are valid only
   * until the call returns.
   */
  onClientData?(bytes: Uint8Array): void
  onClientEnd?(): void
  /**
   * No backend accepted the client, which has received nothing from them. `how` is that of the last one tried
   * (postscreen_send.c). The client is paused and belongs to the caller again; `arrived` are the bytes that came after
   * `unread`. If its stream has ended in between, there is no second event: see `client.inputEnded`.
   */
  onFailed(how: 'connect' | 'send', reason: string, arrived: Uint8Array): void
  /** Both connections are closed, or the client left early. */
  onEnd(stats: RelayStats): void
}

/** A running relay. */
export interface RelayHandle {
  /** Returns the client to the caller (`onFailed`) if no backend has greeted it yet; otherwise does nothing. */
  giveUp(reason: string): void
}
