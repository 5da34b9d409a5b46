// Plays a session of a client that behaves well, with the same `step` as the sessions of real clients, and reports what
// happens to the client.
import type { Endpoint } from '../../../crds/values/endpoint.ts'
import { copyFor, type Screening } from '../clients.ts'
import type { Rules } from '../rules.ts'
import { newSession, type Session } from '../session.ts'
import { step } from '../step.ts'
import type { DnsblAnswer, Effect, Event, LogRecord, TimerName } from '../vocabulary.ts'

/** An answer of a DNS list, and the milliseconds from the question to it. */
export interface TimedAnswer {
  readonly answer: DnsblAnswer
  readonly afterMs: number
}

/** What decides about a client before it says anything. */
export interface RehearsalInput {
  readonly rules: Rules
  /** The sessions that the gateway has now; they are not changed. */
  readonly screening: Screening
  readonly client: Endpoint
  readonly server: Endpoint
  readonly tlsReady: boolean
  /** The client's record in the temporary allowlist. */
  readonly record: string | undefined
  readonly answers: readonly TimedAnswer[]
  /** Epoch milliseconds at which it connects. */
  readonly now: number
}

/** What the client experiences: a mail server, a reply that is temporary, or one that is final. */
export type Outcome = 'handedOff' | 'deferred' | 'refused'

export interface Rehearsal {
  readonly outcome: Outcome
  /** The reply that refuses the client; undefined for one that is handed off. */
  readonly reply: string | undefined
  /** What a session would log, in order. */
  readonly records: readonly LogRecord[]
  /** From the connection to the hand-off or to the refusing reply. */
  readonly elapsedMs: number
  /** The record that the temporary allowlist would get. */
  readonly remembered: string | undefined
  /** How the session ended. */
  readonly session: Session
}

/** Plays the session to its end. */
export function rehearse(input: RehearsalInput): Rehearsal {
  return new Stage(input).play()
}

type Happening = { readonly at: number; readonly event: Event }

/** What a mail client says, one command after each reply. */
const plainScript = ['EHLO client.example', 'MAIL FROM:<>', 'RCPT TO:<postmaster>', 'QUIT']
const tlsScript = ['EHLO client.example', 'STARTTLS', ...plainScript]

class Stage {
  readonly #input: RehearsalInput
  readonly #session: Session
  readonly #records: LogRecord[] = []
  readonly #script: string[]
  #now: number
  #timer: { readonly name: TimerName; readonly at: number } | undefined
  #coming: Happening[] = []
  /** What the gateway has sent and the client has not answered yet. */
  #heard = ''
  #refusal: { readonly reply: string; readonly at: number } | undefined
  #remembered: string | undefined
  #end: { readonly outcome: Outcome; readonly at: number } | undefined

  constructor(input: RehearsalInput) {
    const { rules, client, server, tlsReady, screening } = input
    this.#input = input
    this.#now = input.now
    this.#script = [...(rules.smtp.tls === 'Encrypt' && tlsReady ? tlsScript : plainScript)]
    const copy = copyFor(screening, rules.allowlistKey(client.address), rules.bans?.networkOf(client.address))
    this.#session = newSession(rules, copy, client, server, tlsReady)
  }

  play(): Rehearsal {
    this.#tell({ type: 'connect' })
    while (this.#end === undefined) {
      const next = this.#next()
      // Every phase has a timer, a question or a reply that the client answers.
      if (next === undefined) throw new Error(`a rehearsed session stays in the phase ${this.#session.phase}`)
      this.#now = Math.max(this.#now, next.at)
      this.#tell(next.event)
    }
    const { outcome, at } = this.#end
    return {
      outcome,
      reply: outcome === 'handedOff' ? undefined : this.#refusal?.reply,
      records: this.#records,
      elapsedMs: (outcome === 'handedOff' ? at : (this.#refusal?.at ?? at)) - this.#input.now,
      remembered: this.#remembered,
      session: this.#session,
    }
  }

  #tell(event: Event): void {
    for (const effect of step(this.#session, this.#now, event)) this.#carryOut(effect)
    if (this.#end === undefined) this.#answer()
  }

  /** The event that is due first; at the same moment, an answer counts before a timer. */
  #next(): Happening | undefined {
    const [first] = this.#coming.toSorted((a, b) => a.at - b.at)
    const timer = this.#timer
    if (timer !== undefined && (first === undefined || timer.at < first.at)) {
      this.#timer = undefined
      return { at: timer.at, event: { type: 'timer', name: timer.name } }
    }
    this.#coming = this.#coming.filter((one) => one !== first)
    return first
  }

  #carryOut(effect: Effect): void {
    switch (effect.do) {
      case 'send':
        this.#heard += effect.text
        this.#noteRefusal(effect.text)
        break
      case 'recall':
        this.#coming.push({ at: this.#now, event: { type: 'recalled', record: this.#input.record } })
        break
      case 'remember':
        this.#remembered = effect.record
        break
      case 'lookup':
        this.#ask()
        break
      case 'abandonLookup':
        this.#coming = this.#coming.filter(({ event }) => event.type !== 'dnsbl')
        break
      case 'arm':
        this.#timer = { name: effect.timer, at: this.#now + effect.ms }
        break
      case 'disarm':
        this.#timer = undefined
        break
      case 'log':
      case 'count':
        this.#records.push(effect.record)
        break
      case 'relay':
      case 'replay':
      case 'join':
        // In the same session, the mail server has the last word about the recipient.
        this.#end = { outcome: 'handedOff', at: this.#now }
        break
      case 'close':
        this.#end = { outcome: this.#refusal !== undefined && isTemporary(this.#refusal.reply) ? 'deferred' : 'refused', at: this.#now }
        break
      case 'read':
      case 'pause':
      case 'observe':
      case 'unobserve':
      case 'startTls':
        break
    }
  }

  #noteRefusal(text: string): void {
    // A footer makes further lines, which follow a hyphen.
    const [, code, words] = /^([45]\d\d)[ -]([^\r\n]*)/m.exec(text) ?? []
    if (code !== undefined) this.#refusal ??= { reply: `${code} ${words}`, at: this.#now }
  }

  /** The answers in the order in which they come. Without all of them, the greet wait ends the test. */
  #ask(): void {
    const { answers, rules } = this.#input
    const inOrder = answers.toSorted((a, b) => a.afterMs - b.afterMs)
    for (const [index, { answer, afterMs }] of inOrder.entries()) {
      const complete = index + 1 === rules.dnsbl.lists.length
      this.#coming.push({ at: this.#now + afterMs, event: { type: 'dnsbl', answer, complete } })
    }
  }

  /** The client waits for the end of each reply, and leaves when it is refused. */
  #answer(): void {
    if (!/^\d{3} [^\n]*\n$/m.test(this.#heard) || !this.#heard.endsWith('\n')) return
    this.#heard = ''
    const command = this.#refusal === undefined ? this.#script.shift() : 'QUIT'
    const bytes = Uint8Array.from(`${command ?? 'QUIT'}\r\n`, (character) => character.charCodeAt(0))
    this.#coming.push({ at: this.#now, event: { type: 'data', bytes } })
  }
}

const isTemporary = (reply: string): boolean => reply.startsWith('4')
