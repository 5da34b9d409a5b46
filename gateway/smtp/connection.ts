// One client connection: turns the events of its socket into events of the session, and carries out the effects that
// the session returns.
import type { Screening } from '../core/clients.ts'
import type { Outcome } from '../core/outcome-names.ts'
import type { Rules } from '../core/rules.ts'
import { headerClient } from '../core/client-address/session-address.ts'
import { newSession, type Session } from '../core/session.ts'
import { step } from '../core/step.ts'
import type { DnsblLookup } from '../dns/dnsbl-resolver.ts'
import type { Endpoint } from '../../crds/values/endpoint.ts'
import type { ReplayPlan } from '../core/replay-plan.ts'
import type { DnsblAnswer, Effect, Event, HandOffPoint, LogRecord, TimerName } from '../core/vocabulary.ts'
import type { EhloPromises } from '../core/ehlo-keywords-offered.ts'
import { closeWith, type Linger } from './linger.ts'
import { startTls, type TlsResult, type TlsSession } from './tls-session.ts'
import type { JoinedBackend, RelayRequest, RelayEvents } from '../backend/relay-request.ts'
import type { OnReplayed, ReplayRequest } from '../backend/session-replay.ts'
import type { SecureContext, SocketReader, TcpSocket } from '../sockets/tcp-socket.ts'
import { Waiter, type WaitQueues } from './wait-queues.ts'

/** How often it is checked that a client that is not read is still there. */
const checkAliveMs = 2000

/** What sessions use of the gateway, under the policy that was active when the client connected. */
export interface SessionServices {
  readonly screening: Screening
  readonly linger: Linger
  readonly waits: WaitQueues
  readonly rules: Rules
  readonly tls: SecureContext | undefined
  now(): number
  recall(key: string): string | undefined | Promise<string | undefined>
  remember(key: string, record: string, trusting?: readonly string[]): void
  lookup(client: string, rules: Rules, listener: (answer: DnsblAnswer, complete: boolean) => void): DnsblLookup
  relay(sessionId: string, request: RelayRequest, events: RelayEvents): void
  /** What EHLO may promise to a client that may be handed off in its session. */
  readonly promises: EhloPromises
  /** Repeats a session to a backend. @returns ends it without a result */
  replay(sessionId: string, request: ReplayRequest, onReplayed: OnReplayed): () => void
  /** Relays a client to the backend that has answered it. */
  relayJoined(sessionId: string, request: RelayRequest, joined: JoinedBackend, at: HandOffPoint, events: RelayEvents): void
  log(sessionId: string, record: LogRecord): void
  /** Counts an event that is not logged. */
  count(record: LogRecord): void
  /** How the session went; called once for each. */
  decided(sessionId: string, client: Endpoint, outcome: Outcome): void
  tlsResult(sessionId: string, client: Endpoint, result: TlsResult): void
  /** The connection is no longer screened: it is relayed or closed. */
  ended(connection: Connection): void
  /** A bug of the gateway. Only this connection ends. */
  bug(sessionId: string, error: unknown): void
}

/**
 * One socket with its session. It reads the socket itself: there are no other objects or closures for each connection.
 */
export class Connection extends Waiter implements SocketReader {
  readonly id: string
  readonly session: Session
  readonly #services: SessionServices
  readonly #plain: TcpSocket
  #socket: TcpSocket
  #tls: TlsSession | undefined
  #pending = ''
  #timerName: TimerName | undefined
  #lookup: DnsblLookup | undefined
  #cancelReplay: (() => void) | undefined
  #joined: JoinedBackend | undefined
  /** Whether the session receives the client's bytes while they are relayed. */
  #observes = false
  #isDecided = false

  constructor(services: SessionServices, socket: TcpSocket, ends: { client: Endpoint; server: Endpoint }, id: string) {
    super()
    this.id = id
    this.#services = services
    this.#plain = socket
    this.#socket = socket
    const { rules, screening, tls, promises } = services
    this.session = newSession(rules, screening, ends.client, ends.server, tls !== undefined, promises)
  }

  /** Begins screening. The socket is paused. */
  start(): void {
    this.#socket.reader = this
    this.#on({ type: 'connect' })
  }

  /** The drain time is over. */
  shutDown(): void {
    this.#on({ type: 'shutdown' })
  }

  onData(bytes: Buffer): boolean {
    this.#on({ type: 'data', bytes })
    return false
  }

  onEnd(): void {
    this.#on({ type: 'end' })
  }

  /** A reset is an end of stream to the session; while a backend is asked, a client that only ends its stream stays. */
  onClose(): void {
    this.#on({ type: this.#cancelReplay === undefined ? 'end' : 'gone' })
  }

  override waitOver(): void {
    const name = this.#timerName
    if (name !== undefined) this.#on({ type: 'timer', name })
  }

  #on(event: Event): void {
    try {
      for (const effect of step(this.session, this.#services.now(), event)) this.#carryOut(effect)
      this.#flush()
      this.#reportOutcome()
    } catch (error) {
      this.#abort(error)
    }
  }

  #reportOutcome(): void {
    const { outcome, client } = this.session
    if (outcome === undefined || this.#isDecided) return
    this.#isDecided = true
    this.#services.decided(this.id, client, outcome)
  }

  /** A bug of the gateway: corrects the counters and closes the socket. Other connections continue. */
  #abort(error: unknown): void {
    this.#services.bug(this.id, error)
    this.#disarm()
    this.#endLookup()
    this.#endReplay()
    try {
      step(this.session, this.#services.now(), { type: 'gone' })
      this.#reportOutcome()
    } catch (second) {
      this.#services.bug(this.id, second)
    }
    this.#socket.destroy()
    this.#services.ended(this)
  }

  #carryOut(effect: Effect): void {
    switch (effect.do) {
      case 'send':
        this.#pending += effect.text
        break
      case 'log':
        this.#services.log(this.id, effect.record)
        break
      case 'count':
        this.#services.count(effect.record)
        break
      case 'arm':
        this.#arm(effect.timer, effect.ms)
        break
      case 'disarm':
        this.#disarm()
        break
      case 'read':
        this.#socket.resume()
        break
      case 'pause':
        this.#socket.pause()
        break
      case 'recall':
        this.#recall(effect.key)
        break
      case 'remember':
        this.#services.remember(effect.key, effect.record, effect.trusting)
        break
      case 'lookup':
        this.#lookup = this.#services.lookup(this.session.client.address, this.session.rules, this.#onAnswer)
        break
      case 'abandonLookup':
        this.#endLookup(effect.why)
        break
      case 'relay':
        this.#relay(effect.unread, effect.teaserSent)
        break
      case 'replay':
        this.#replay(effect.plan)
        break
      case 'join':
        this.#join(effect.unread, effect.at)
        break
      case 'observe':
        this.#observes = true
        break
      case 'unobserve':
        this.#observes = false
        break
      case 'startTls':
        this.#startTls(effect.handshakeMs)
        break
      case 'close':
        this.#close(effect.atOnce)
        break
    }
  }

  readonly #onAnswer = (answer: DnsblAnswer, complete: boolean): void => this.#on({ type: 'dnsbl', answer, complete })

  /**
   * Also after the last answer: the resolver keeps a lookup and its listeners for ten seconds. Without this, each
   * session that asked stayed in memory that long (measured: 3.4 kB a session, 40 MB at 1,100 sessions a second).
   */
  #endLookup(why: 'done' | 'overdue' = 'done'): void {
    this.#lookup?.cancel(why)
    this.#lookup = undefined
  }

  #recall(key: string): void {
    const found = this.#services.recall(key)
    if (typeof found === 'object') void found.then((record) => this.#on({ type: 'recalled', record }))
    else this.#on({ type: 'recalled', record: found })
  }

  #arm(name: TimerName, ms: number): void {
    this.#timerName = name
    this.#services.waits.arm(this, ms)
  }

  #disarm(): void {
    this.#timerName = undefined
    this.#services.waits.disarm(this)
  }

  /** All replies to one event are sent in one write. */
  #flush(): void {
    if (this.#pending === '') return
    const text = this.#pending
    this.#pending = ''
    if (this.#socket.isWritable) this.#socket.write(text)
  }

  #leave(socket: TcpSocket): void {
    socket.pause()
    socket.reader = undefined
  }

  #close(atOnce = false): void {
    const text = this.#pending
    this.#pending = ''
    this.#endLookup()
    this.#endReplay()
    this.#tls?.release()
    this.#leave(this.#socket)
    if (atOnce) closeWith(this.#socket, text)
    else this.#services.linger.end(this.#socket, text)
    this.#services.ended(this)
  }

  /** Both ends of the connection, and what a PROXY header says about the client. */
  #ends(): Pick<RelayRequest, 'clientEndpoint' | 'serverEndpoint' | 'headerClient'> {
    const { client, server } = this.session
    return { clientEndpoint: client, serverEndpoint: server, headerClient: headerClient(this.session) }
  }

  #relay(unread: Uint8Array, teaserSent: boolean): void {
    this.#flush()
    this.#endLookup()
    this.#leave(this.#socket)
    const request = { client: this.#plain, ...this.#ends(), unread, teaserSent }
    this.#services.relay(this.id, request, {
      onStarted: () => {
        this.#on({ type: 'handedOff' })
        this.#services.ended(this)
      },
      onClientData: (bytes) => {
        if (this.#observes) this.#on({ type: 'data', bytes })
      },
      onClientEnd: () => {
        if (this.#observes) this.#on({ type: 'end' })
      },
      onFailed: (how, _reason, arrived) => this.#takeBack(how, arrived),
      onEnd: () => this.#on({ type: 'gone' }),
    })
  }

  /** The socket stays with this object, which does not read it, but hears when it closes. */
  #replay(plan: ReplayPlan): void {
    this.#flush()
    const request = { ...this.#ends(), teaserSent: false, plan }
    const checks = setInterval(() => this.#plain.checkAlive(), checkAliveMs)
    const cancel = this.#services.replay(this.id, request, (outcome, joined) => {
      this.#cancelReplay = undefined
      clearInterval(checks)
      this.#joined = joined
      this.#on({ type: 'replayed', outcome })
    })
    this.#cancelReplay = () => {
      clearInterval(checks)
      cancel()
    }
  }

  #endReplay(): void {
    this.#cancelReplay?.()
    this.#cancelReplay = undefined
  }

  #join(unread: Uint8Array, at: HandOffPoint): void {
    const joined = this.#joined
    if (joined === undefined) throw new Error('no backend has answered')
    this.#joined = undefined
    this.#leave(this.#plain)
    const request = { client: this.#plain, ...this.#ends(), unread, teaserSent: false }
    this.#services.relayJoined(this.id, request, joined, at, {
      onStarted: () => undefined,
      onFailed: () => undefined,
      onEnd: () => this.#on({ type: 'gone' }),
    })
    this.#services.ended(this)
  }

  /** No backend took the client: its session continues, with what it has sent meanwhile. */
  #takeBack(how: 'connect' | 'send', arrived: Uint8Array): void {
    if (arrived.length > 0) this.#on({ type: 'data', bytes: arrived })
    if (this.#plain.inputEnded) this.#on({ type: 'end' })
    this.#plain.reader = this
    this.#on({ type: 'handOffFailed', how })
  }

  #startTls(handshakeMs: number): void {
    this.#flush()
    this.#leave(this.#plain)
    const secureContext = this.#services.tls
    if (secureContext === undefined) throw new Error('STARTTLS without a certificate')
    this.#tls = startTls(this.#plain, secureContext, { handshakeMs }, (result) =>
      this.#services.tlsResult(this.id, this.session.client, result),
    )
    this.#socket = this.#tls.socket
    this.#socket.reader = this
    this.#socket.resume()
  }
}
