// The replay of one client's session (core/replay.ts) on real connections: finds backends, carries lines in both
// directions, keeps the time, and gives away the connection to the backend that has answered.
import { latin1Bytes } from '../core/printable.ts'
import { type Replay, type ReplayEffect, type ReplayEvent, replayStep, startReplay } from '../core/replay.ts'
import type { ReplayOutcome, ReplayPlan } from '../core/replay-plan.ts'
import type { SocketReader, TcpSocket } from '../sockets/tcp-socket.ts'
import { BackendSearch, type SearchRequest } from './backend-search.ts'
import type { Backends } from './backends.ts'
import type { JoinedBackend } from './relay-request.ts'
import type { Target } from './target-record.ts'

export interface ReplayRequest extends SearchRequest {
  readonly plan: ReplayPlan
}

/** Receives the result, once, later. `joined` comes with the outcome of that name. */
export type OnReplayed = (outcome: ReplayOutcome, joined: JoinedBackend | undefined) => void

/** How long a backend that was told QUIT may take to close. */
const leaveMs = 2000

/** One backend that has greeted. */
interface Current {
  readonly target: Target
  readonly backends: Backends
  readonly socket: TcpSocket
}

export class SessionReplay implements SocketReader {
  readonly #request: ReplayRequest
  readonly #onReplayed: OnReplayed
  #backends: Backends
  readonly #replay: Replay
  readonly #first: readonly ReplayEffect[]
  #search: BackendSearch | undefined
  #current: Current | undefined
  /** Backends that something was sent to. */
  readonly #spokenTo = new Set<Target>()
  #timer: NodeJS.Timeout | undefined
  #over = false
  readonly #began = performance.now()
  #greetingSeconds = 0

  constructor(request: ReplayRequest, backends: Backends, onReplayed: OnReplayed) {
    this.#request = request
    this.#backends = backends
    this.#onReplayed = onReplayed
    const { replay, effects } = startReplay(request.plan, Date.now())
    this.#replay = replay
    this.#first = effects
  }

  start(): void {
    process.nextTick(() => {
      if (!this.#over) this.#carryOut(this.#first)
    })
  }

  /** Ends it without a result. */
  cancel(): void {
    if (this.#over) return
    this.#over = true
    clearTimeout(this.#timer)
    this.#search?.giveUp()
    this.#leave(false)
  }

  #on(event: ReplayEvent): void {
    if (!this.#over) this.#carryOut(replayStep(this.#replay, Date.now(), event))
  }

  #carryOut(effects: readonly ReplayEffect[]): void {
    for (const effect of effects) this.#do(effect)
  }

  #do(effect: ReplayEffect): void {
    const client = this.#request.clientEndpoint.address
    const current = this.#current
    switch (effect.do) {
      case 'call':
        return this.#call(effect.mayWait)
      case 'send':
        current?.socket.write(effect.text)
        return
      case 'arm':
        clearTimeout(this.#timer)
        this.#timer = setTimeout(() => this.#on({ type: 'timeout' }), effect.ms)
        return
      case 'disarm':
        clearTimeout(this.#timer)
        return
      case 'leave':
        return this.#leave(effect.quit)
      case 'learn':
        if (current !== undefined) current.backends.latest.keywords.learn(current.target.label, client, effect.offered)
        return
      case 'blame':
        if (current !== undefined) blame(current, client, effect.why)
        return
      case 'finish':
        return this.#finish(effect.outcome)
    }
  }

  #call(mayWait: boolean): void {
    const again = { avoid: this.#spokenTo, mayWait, holdDeadline: this.#search?.holdDeadline }
    const events = {
      found: (target: Target, backends: Backends, socket: TcpSocket, greeting: Buffer) =>
        this.#found({ target, backends, socket }, greeting),
      failed: () => this.#on({ type: 'noBackend', hasFailed: search.hasFailed }),
    }
    const isFirst = this.#search === undefined
    const search = isFirst
      ? new BackendSearch(this.#request, this.#backends, events)
      : new BackendSearch(this.#request, this.#backends, events, again)
    this.#search = search
    search.start()
  }

  #found(current: Current, greeting: Buffer): void {
    this.#backends = current.backends
    this.#current = current
    this.#spokenTo.add(current.target)
    this.#greetingSeconds = this.#seconds()
    current.socket.reader = this
    current.socket.resume()
    this.#on({ type: 'greeted', text: greeting.toString('latin1'), checkHeader: current.backends.checksHeaders })
  }

  onData(bytes: Buffer): boolean {
    this.#on({ type: 'data', text: bytes.toString('latin1') })
    return false
  }

  onEnd(): void {
    this.#on({ type: 'lost' })
  }

  onClose(): void {
    this.#on({ type: 'lost' })
  }

  #seconds(): number {
    return (performance.now() - this.#began) / 1000
  }

  #times(): Pick<JoinedBackend, 'greetingSeconds' | 'replySeconds'> {
    return { greetingSeconds: this.#greetingSeconds, replySeconds: this.#seconds() }
  }

  #leave(quit: boolean): void {
    const current = this.#current
    if (current === undefined) return
    this.#current = undefined
    current.backends.release(current.target)
    if (quit) leaveInOrder(current.socket)
    else {
      current.socket.reader = undefined
      current.socket.destroy()
    }
  }

  #finish(outcome: ReplayOutcome): void {
    this.#over = true
    clearTimeout(this.#timer)
    const current = this.#current
    if (outcome.is !== 'joined' || current === undefined) return this.#onReplayed(outcome, undefined)
    this.#current = undefined
    current.socket.pause()
    current.socket.reader = undefined
    current.backends.health.answered(current.target)
    const reply = Buffer.from(latin1Bytes(outcome.reply))
    this.#onReplayed(outcome, { ...current, reply, ...this.#times(), clientSpeaksFirst: this.#request.plan.goal === 'STARTTLS' })
  }
}

/** Postfix logs a lost connection for a client that does not say QUIT. */
function leaveInOrder(socket: TcpSocket): void {
  socket.reader = leaving
  socket.end('QUIT\r\n')
  socket.resume()
  socket.whenIdle(leaveMs, () => socket.destroy())
}

/** Drops what a backend still sends. */
const leaving: SocketReader = { onData: () => false, onEnd: () => undefined, onClose: () => undefined }

const faults = {
  gone: 'it closed the connection of a client after its greeting',
  timeout: 'it did not reply to a command of a client',
  garbage: 'its reply to a command of a client is not SMTP',
} as const

function blame({ target, backends }: Current, client: string, why: Extract<ReplayEffect, { do: 'blame' }>['why']): void {
  // The client's EHLO may be the reason of such a reply.
  if (why === 'header') backends.health.suspect(target)
  else backends.health.lost(target, client, faults[why])
}
