// What handing a client on takes and gives: the client, what its caller is told, and what he may still do.
import type { Endpoint } from '../../crds/values/endpoint.ts'
import type { TcpSocket } from '../sockets/tcp-socket.ts'

export interface RelayRequest {
  /** Paused and without a reader. */
  readonly client: TcpSocket
  readonly clientEndpoint: Endpoint
  readonly serverEndpoint: Endpoint
  /** The client's bytes that were read and not answered. */
  readonly unread: Uint8Array
  /** Whether the client has got `220-`: then it must never see a backend's refusal, since a greeting cannot become one (postscreen 2.9). */
  readonly teaserSent: boolean
}

export interface RelayStats {
  /** Label of the backend's address; undefined when the client left before one had greeted. */
  readonly backend: string | undefined
  /** Bytes of the client that went to the backend, without the header. */
  readonly toBackend: number
  readonly toClient: number
  /** Who ended first, and how when not in order (an error's code). */
  readonly endedBy: 'client' | 'backend'
  readonly error: string | undefined
}

/** Exactly one of `onFailed` and `onEnd` comes, and it comes last; none of them comes before `startRelay` has returned. */
export interface RelayEvents {
  /** A backend has greeted; the relay runs. */
  onStarted(backend: string): void
  /** What the client says from then on, behind `unread`, on its way to the backend; the bytes are good until it returns. Then its end of stream. */
  onClientData?(bytes: Uint8Array): void
  onClientEnd?(): void
  /**
   * No backend took the client, which has seen nothing of them. `how` is that of the last one tried (postscreen_send.c).
   * The client is paused and the caller's again; `arrived` are the bytes that came since, behind `unread`.
   * An `end` that came since will not come again: ask `client.inputEnded`.
   */
  onFailed(how: 'connect' | 'send', reason: string, arrived: Uint8Array): void
  /** Both connections are closed, or the client left early. */
  onEnd(stats: RelayStats): void
}

/** A hand-off under way. */
export interface RelayHandle {
  /** The client is the caller's again (`onFailed`), where no backend has greeted it yet; else nothing happens. */
  giveUp(reason: string): void
}
