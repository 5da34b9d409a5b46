// Plays a dialogue without a socket and without a clock: the session and the replay of the core, and scripted mail
// servers. What a mail server says later is said at once.
import assert from 'node:assert/strict'
import { newScreening } from '../../../gateway/core/clients.ts'
import type { ReplayPlan } from '../../../gateway/core/replay-plan.ts'
import { readReplayReply } from '../../../gateway/core/replay-reply.ts'
import { type Replay, type ReplayEffect, type ReplayEvent, replayStep, startReplay } from '../../../gateway/core/replay.ts'
import { newSession, type Session } from '../../../gateway/core/session.ts'
import { step } from '../../../gateway/core/step.ts'
import type { Effect, Event, LogRecord } from '../../../gateway/core/vocabulary.ts'
import { rulesOf, startTime } from '../../support/core-session.ts'
import type { Dialogue } from './dialogue.ts'
import { ScriptedCall } from './scripted-backend.ts'
import { promisesOf, usualSpec } from './usual.ts'

const bytesOf = (text: string): Buffer => Buffer.from(text, 'latin1')

/** A mail server that is being called. */
interface Line {
  readonly call: ScriptedCall
  readonly server: number
  said: string
  /** Where its words go. */
  part: 'greeting' | 'replay' | 'relay' | 'dropped'
}

export class CoreRig {
  readonly calls: readonly ScriptedCall[][]
  readonly log: LogRecord[] = []
  readonly remembered = new Map<string, string>()
  readonly session: Session
  /** What the client has read, and whether its connection is closed. */
  text = ''
  /** The part of it that the session has sent: its own replies, and those of a backend that has refused the client. */
  sent = ''
  isClosed = false
  readonly #dialogue: Dialogue
  readonly #later: (() => void)[] = []
  #replay: Replay | undefined
  #line: Line | undefined
  #tried = new Set<number>()
  #hasFailed = false

  constructor(dialogue: Dialogue) {
    this.#dialogue = dialogue
    this.calls = (dialogue.backends ?? [{}]).map(() => [])
    const rules = rulesOf({ ...usualSpec, ...dialogue.spec })
    const client = { address: '192.0.2.7', port: 4711 }
    const server = { address: '198.51.100.1', port: 25 }
    this.session = newSession(rules, newScreening(), client, server, false, promisesOf(dialogue))
    this.#on({ type: 'connect' })
    this.#settle()
  }

  /** The client sends this; everything that follows from it happens. */
  send(text: string): void {
    if (this.#line?.part === 'relay') this.#line.call.take(text)
    else this.#on({ type: 'data', bytes: bytesOf(text) })
    this.#settle()
  }

  end(): void {
    if (this.#line?.part !== 'relay') this.#on({ type: 'end' })
    this.#settle()
  }

  /** The drain time is over. */
  shutDown(): void {
    this.#on({ type: 'shutdown' })
    this.#settle()
  }

  #settle(): void {
    for (let next = this.#later.shift(); next !== undefined; next = this.#later.shift()) next()
  }

  #on(event: Event): void {
    for (const effect of step(this.session, startTime, event)) this.#carryOut(effect)
  }

  #carryOut(effect: Effect): void {
    switch (effect.do) {
      case 'send':
        this.text += effect.text
        this.sent += effect.text
        break
      case 'log':
        this.log.push(effect.record)
        break
      case 'count':
        break
      case 'recall':
        this.#later.push(() => this.#on({ type: 'recalled', record: undefined }))
        break
      case 'remember':
        this.remembered.set(effect.key, effect.record)
        break
      case 'replay':
        this.#startReplay(effect.plan)
        break
      case 'join':
        this.#join(effect.unread)
        break
      case 'close':
        this.isClosed = true
        break
      case 'startTls':
      case 'relay':
      case 'lookup':
        assert.fail(effect.do)
        break
      case 'arm':
      case 'disarm':
      case 'read':
      case 'pause':
      case 'abandonLookup':
      case 'observe':
      case 'unobserve':
        break
    }
  }

  #startReplay(plan: ReplayPlan): void {
    const { replay, effects } = startReplay(plan, startTime)
    this.#replay = replay
    this.#tried = new Set()
    for (const effect of effects) this.#do(effect)
  }

  #tell(event: ReplayEvent): void {
    const replay = this.#replay
    if (replay !== undefined) for (const effect of replayStep(replay, startTime, event)) this.#do(effect)
  }

  #do(effect: ReplayEffect): void {
    switch (effect.do) {
      case 'call':
        this.#hasFailed = false
        this.#later.push(() => this.#call())
        break
      case 'send':
        this.#line?.call.take(effect.text)
        break
      case 'leave':
        if (effect.quit) this.#line?.call.take('QUIT\r\n')
        if (this.#line !== undefined) this.#line.part = 'dropped'
        break
      case 'finish': {
        const { outcome } = effect
        this.#replay = undefined
        if (outcome.is === 'joined') this.text += outcome.reply
        this.#later.push(() => this.#on({ type: 'replayed', outcome }))
        break
      }
      case 'arm':
      case 'disarm':
      case 'learn':
      case 'blame':
        break
    }
  }

  /** Calls the next mail server, as backend-search.ts does. */
  #call(): void {
    const scripts = this.#dialogue.backends ?? [{}]
    // The one with the fewest sessions so far, as for real ones that are used in turn.
    const left = [...scripts.keys()].filter((i) => !this.#tried.has(i))
    const used = (i: number): number => this.calls[i]?.length ?? 0
    const server = left.toSorted((a, b) => used(a) - used(b))[0] ?? -1
    const script = scripts[server]
    if (script === undefined) return this.#tell({ type: 'noBackend', hasFailed: this.#hasFailed })
    this.#tried.add(server)
    if (script === 'refuses') {
      this.#hasFailed = true
      return this.#call()
    }
    const wire = {
      send: (text: string): void => void this.#later.push(() => this.#heard(line, text)),
      end: (): void => void this.#later.push(() => this.#ended(line)),
      later: (_: number, run: () => void): void => void this.#later.push(run),
    }
    // The greeting comes when the caller is ready.
    const line: Line = { call: new ScriptedCall(script, wire), server, said: '', part: 'greeting' }
    this.calls[server]?.push(line.call)
    this.#line = line
    line.call.take('PROXY\r\n')
  }

  #heard(line: Line, text: string): void {
    if (line.part === 'relay') this.text += text
    else if (line.part === 'replay') this.#tell({ type: 'data', text })
    else if (line.part === 'greeting') this.#greeted(line, text)
  }

  #greeted(line: Line, text: string): void {
    line.said += text
    const reply = readReplayReply(line.said)
    if (reply === 'more') return
    const isOther = (this.#dialogue.backends ?? [{}]).some((_, i) => !this.#tried.has(i))
    if (reply === 'garbage' || (reply.code >= 400 && isOther)) {
      line.part = 'dropped'
      this.#hasFailed = true
      return this.#call()
    }
    line.part = 'replay'
    this.#tell({ type: 'greeted', text: line.said, checkHeader: false })
  }

  #ended(line: Line): void {
    // The session joins first.
    if (line.part === 'replay' && this.#replay === undefined) return void this.#later.push(() => this.#ended(line))
    if (line.part === 'relay') {
      this.isClosed = true
      this.#on({ type: 'gone' })
    } else if (line.part === 'replay') this.#tell({ type: 'lost' })
    else if (line.part === 'greeting') {
      line.part = 'dropped'
      this.#hasFailed = true
      this.#call()
    }
  }

  #join(unread: Uint8Array): void {
    const line = this.#line
    assert.ok(line !== undefined)
    line.part = 'relay'
    if (unread.length > 0) line.call.take(Buffer.from(unread).toString('latin1'))
  }
}
