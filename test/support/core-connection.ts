// One client connection in a virtual world: the core's session on one side, what the client has sent and read on the other.

import { logText } from '../../gateway/core/log-text.ts'
import { newSession } from '../../gateway/core/session.ts'
import type { Session } from '../../gateway/core/session.ts'
import { step } from '../../gateway/core/step.ts'
import type { Endpoint } from '../../crds/values/endpoint.ts'
import type { Effect, Event } from '../../gateway/core/vocabulary.ts'
import { closed, noTls, timedOut, tlsOk } from './player.ts'
import { smtpdGreeting, smtpdReply } from './stand-in-smtpd.ts'
import type { VirtualWorld } from './virtual-world.ts'

/** What is behind the session: nothing yet, a TLS handshake with the client, the smtpd, or nothing any more. */
type Stage = 'screened' | 'handshake' | 'relayed' | 'over'

export class CoreConnection {
  readonly #world: VirtualWorld
  readonly #session: Session
  readonly #backendUp: boolean
  #stage: Stage = 'screened'
  /** What the client has sent and no reader has read yet; `#end` when the client has ended sending after it. */
  #kernel = ''
  #end = false
  #reading = false
  #unread = ''
  #closed = false
  #smtpdInput = ''
  #observes = false
  #disarm: () => void = () => undefined
  #abandon: () => void = () => undefined

  constructor(world: VirtualWorld, ends: { readonly client: Endpoint; readonly server: Endpoint }, backendUp: boolean) {
    this.#world = world
    this.#backendUp = backendUp
    this.#session = newSession(world.rules, world.screening, ends.client, ends.server, world.rules.smtp.tls !== 'None')
    this.#on({ type: 'connect' })
  }

  #on(event: Event): void {
    if (this.#stage === 'over') return
    for (const effect of step(this.#session, this.#world.now, event)) this.#carryOut(effect)
  }

  #carryOut(effect: Effect): void {
    const world = this.#world
    switch (effect.do) {
      case 'send':
        this.#unread += effect.text
        break
      case 'log':
        world.log.push(logText(effect.record) ?? '')
        break
      case 'arm':
        this.#disarm()
        this.#disarm = world.later(effect.ms, () => this.#on({ type: 'timer', name: effect.timer }))
        break
      case 'disarm':
        this.#disarm()
        break
      case 'read':
        this.#reading = true
        world.later(0, () => this.#deliver())
        break
      case 'pause':
        this.#reading = false
        break
      case 'recall':
        world.later(0, () => this.#on({ type: 'recalled', record: world.allowlist.get(effect.key) }))
        break
      case 'remember':
        world.allowlist.set(effect.key, effect.record)
        break
      case 'lookup':
        this.#abandon = world.lookUp(this.#session.client.address, (answer, complete) => this.#on({ type: 'dnsbl', answer, complete }))
        break
      case 'abandonLookup':
        this.#abandon()
        break
      case 'relay':
        this.#abandon()
        world.later(0, () => this.#relay(effect.unread))
        break
      case 'startTls':
        this.#stage = 'handshake'
        break
      case 'close':
        this.#abandon()
        this.#over()
        break
      case 'replay':
      case 'join':
        throw new Error('these scenarios have no backend that answers in the same session')
      case 'observe':
        this.#observes = true
        break
      case 'unobserve':
        this.#observes = false
        break
      case 'count':
        break
    }
  }

  #over(): void {
    this.#stage = 'over'
    this.#closed = true
  }

  #relay(unread: Uint8Array): void {
    if (!this.#backendUp) return this.#on({ type: 'handOffFailed', how: 'connect' })
    this.#on({ type: 'handedOff' })
    this.#stage = 'relayed'
    this.#unread += smtpdGreeting
    this.#kernel = Buffer.from(unread).toString('latin1') + this.#kernel
    this.#reading = true
    this.#deliver()
  }

  #relayEnds(): void {
    this.#on({ type: 'gone' })
    this.#over()
  }

  /** Gives what the client has sent to the current reader. */
  #deliver(): void {
    if (!this.#reading || this.#closed) return
    const bytes = this.#kernel
    this.#kernel = ''
    if (this.#observes && bytes !== '') this.#on({ type: 'data', bytes: Buffer.from(bytes, 'latin1') })
    if (this.#stage === 'relayed') this.#tellSmtpd(bytes)
    // Whatever a client says in place of a handshake, the handshake fails: to the session that is an end of its input.
    else if (this.#stage === 'handshake' && bytes !== '') this.#on({ type: 'end' })
    else if (bytes !== '') this.#on({ type: 'data', bytes: Buffer.from(bytes, 'latin1') })
    if (!this.#end || this.#kernel !== '') return
    if (this.#stage === 'relayed') this.#relayEnds()
    else this.#on({ type: 'end' })
  }

  #tellSmtpd(bytes: string): void {
    const lines = (this.#smtpdInput + bytes).split('\n')
    this.#smtpdInput = lines.pop() ?? ''
    for (const line of lines) {
      const reply = smtpdReply(line)
      this.#unread += reply
      if (reply.startsWith('221')) return this.#relayEnds()
    }
  }

  /** The client sends one packet. */
  send(bytes: string): void {
    if (this.#closed) return
    this.#kernel += bytes
    this.#deliver()
  }

  /** The client ends its side, or leaves. */
  end(): void {
    if (this.#closed || this.#end) return
    this.#end = true
    this.#deliver()
  }

  /** The client reads lines until `done`, or until its patience is over. */
  read(seconds: number, done: (lines: readonly string[]) => boolean): string[] {
    const lines: string[] = []
    const enough = (): boolean => {
      for (let at = this.#unread.indexOf('\n'); at >= 0 && !done(lines); at = this.#unread.indexOf('\n')) {
        lines.push(this.#unread.slice(0, at).replace(/\r$/, ''))
        this.#unread = this.#unread.slice(at + 1)
      }
      return done(lines) || this.#closed
    }
    this.#world.passTime(this.#world.now + seconds * 1000, enough)
    if (done(lines)) return lines
    return [...lines, this.#closed ? closed : timedOut]
  }

  /** The client starts TLS, if it was asked to. */
  tls(): string[] {
    if (this.#closed) return [closed]
    if (this.#stage !== 'handshake') return [noTls]
    this.#stage = 'screened'
    return [tlsOk]
  }
}
