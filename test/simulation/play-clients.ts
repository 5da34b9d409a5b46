// Plays random clients on the core under a policy, in virtual time: what a gateway would log, and what became of each client.
import { newScreening } from '../../gateway/core/clients.ts'
import { logText } from '../../gateway/core/log-text.ts'
import type { Rules } from '../../gateway/core/rules.ts'
import { newSession, type Session } from '../../gateway/core/session.ts'
import { step } from '../../gateway/core/step.ts'
import type { Effect, Event, TimerName } from '../../gateway/core/vocabulary.ts'
import { jsonRecord, sessionRecord } from '../../gateway/observability/json-record.ts'
import type { RandomClient } from './random-clients.ts'

export type Fate = 'handed off' | 'deferred' | 'refused' | 'left'

export interface Played {
  /** The JSON log. */
  readonly lines: readonly string[]
  /** In the order of the clients. */
  readonly fates: readonly Fate[]
}

interface Task {
  readonly at: number
  readonly order: number
  readonly run: () => void
}

/** Epoch milliseconds at which the clients begin to come. */
export const startTime = 1_790_000_000_000

const betweenLinesMs = 10

/** What all connections share. */
class Stage {
  readonly rules: Rules
  readonly screening = newScreening()
  readonly allowlist = new Map<string, string>()
  readonly lines: string[] = []
  now = startTime
  #tasks: Task[] = []
  #order = 0

  constructor(rules: Rules) {
    this.rules = rules
  }

  later(ms: number, run: () => void): void {
    this.at(this.now + ms, run)
  }

  at(at: number, run: () => void): void {
    this.#tasks.push({ at, order: this.#order++, run })
    // The tasks are few at a time: clients are added as they come.
    let i = this.#tasks.length - 1
    const task = this.#tasks[i]
    for (; i > 0 && task !== undefined; i--) {
      const before = this.#tasks[i - 1]
      if (before === undefined || before.at <= task.at) break
      this.#tasks[i - 1] = task
      this.#tasks[i] = before
    }
  }

  runUntil(time: number): void {
    for (let next = this.#tasks[0]; next !== undefined && next.at <= time; next = this.#tasks[0]) {
      this.#tasks.shift()
      this.now = next.at
      next.run()
    }
    this.now = Math.max(this.now, time)
  }

  runAll(): void {
    while (this.#tasks.length > 0) this.runUntil(this.#tasks.at(-1)?.at ?? 0)
  }

  /** A line with the time of this world. */
  write(line: string): void {
    this.lines.push(line.trimEnd().replace(/"time":"[^"]*"/, `"time":"${new Date(this.now).toISOString()}"`))
  }
}

/** @param clients in the order in which they come */
export function playClients(rules: Rules, clients: readonly RandomClient[]): Played {
  const stage = new Stage(rules)
  const connections = clients.map((client, number) => {
    stage.runUntil(startTime + client.at)
    return new Connection(stage, client, number)
  })
  stage.runAll()
  return { lines: stage.lines, fates: connections.map((connection) => connection.fate()) }
}

class Connection {
  readonly #stage: Stage
  readonly #client: RandomClient
  readonly #id: string
  readonly #session: Session
  #timer = 0
  #relayed = false
  #greeted = false
  #isGone = false
  #over = false
  #asks = 0

  constructor(stage: Stage, client: RandomClient, number: number) {
    this.#stage = stage
    this.#client = client
    this.#id = `0123abcd-${number.toString(36)}`
    const { address, port, server, talksAt, leavesAt } = client
    this.#session = newSession(stage.rules, stage.screening, { address, port }, { address: server, port: 25 })
    if (talksAt !== undefined) stage.later(talksAt, () => this.#talkEarly())
    if (leavesAt !== undefined) stage.later(leavesAt, () => this.#leaveEarly())
    this.#on({ type: 'connect' })
  }

  /** What the client got to know of it. */
  fate(): Fate {
    const { rcptReply, finalReply, hungUp } = this.#session
    if (this.#relayed) return 'handed off'
    if (rcptReply.code >= 500 || finalReply.code === 521) return 'refused'
    return hungUp && this.#session.smtp === undefined ? 'left' : 'deferred'
  }

  /** A greeted client waits for the reply to what it has said; only a client that is still waiting talks too early. */
  #talkEarly(): void {
    if (!this.#greeted && !this.#relayed) this.#on({ type: 'data', bytes: Buffer.from('HELO early\r\n') })
  }

  #leaveEarly(): void {
    if (this.#greeted || this.#relayed) return
    this.#isGone = true
    this.#on({ type: 'end' })
  }

  #on(event: Event): void {
    if (this.#over) return
    const before = this.#session.phase
    for (const effect of step(this.#session, this.#stage.now, event)) this.#carryOut(effect)
    if (before !== 'smtp' && this.#session.phase === 'smtp') this.#speak()
    if (before !== 'observe' && this.#session.phase === 'observe') this.#speak()
  }

  /** The client says its lines, one after the other. */
  #speak(): void {
    this.#greeted = true
    if (this.#isGone) return
    const { says } = this.#client
    for (const [i, line] of says.entries())
      this.#stage.later((i + 1) * betweenLinesMs, () => this.#on({ type: 'data', bytes: Buffer.from(line, 'latin1') }))
    if (says.at(-1) !== 'QUIT\r\n') this.#stage.later((says.length + 1) * betweenLinesMs, () => this.#on({ type: 'end' }))
  }

  #carryOut(effect: Effect): void {
    const stage = this.#stage
    switch (effect.do) {
      case 'log':
        stage.write(sessionRecord(undefined, this.#id, effect.record, logText(effect.record) ?? effect.record.event))
        break
      case 'recall':
        this.#on({ type: 'recalled', record: stage.allowlist.get(effect.key) })
        break
      case 'remember':
        stage.allowlist.set(effect.key, effect.record)
        break
      case 'lookup':
        this.#lookUp()
        break
      case 'arm':
        this.#arm(effect.timer, effect.ms)
        break
      case 'disarm':
        this.#timer++
        break
      case 'relay':
        this.#relay()
        break
      case 'replay':
        this.#stage.later(0, () => this.#on({ type: 'replayed', outcome: { is: 'joined', reply: '250 2.1.5 Ok\r\n' } }))
        break
      case 'join':
        this.#relayed = true
        this.#endRelayLater()
        break
      case 'close':
        this.#over = true
        break
      case 'startTls':
        throw new Error('these clients do not start TLS')
      case 'count':
      case 'send':
      case 'read':
      case 'pause':
      case 'abandonLookup':
      case 'observe':
      case 'unobserve':
        break
    }
  }

  #arm(name: TimerName, ms: number): void {
    const mine = ++this.#timer
    this.#stage.later(ms, () => {
      if (this.#timer === mine) this.#on({ type: 'timer', name })
    })
  }

  #lookUp(): void {
    const { lists } = this.#stage.rules.dnsbl
    for (const { domain } of lists) {
      const listing = this.#client.listings.get(domain)
      if (listing === undefined) continue
      const { ms, ttl, addresses, error } = listing
      this.#stage.later(ms, () => {
        const answer = { domain, addresses, ttl, ...(error !== undefined && { error: { kind: error, text: error } }) }
        this.#on({ type: 'dnsbl', answer, complete: ++this.#asks === lists.length })
      })
    }
  }

  #relay(): void {
    this.#relayed = true
    this.#stage.later(1, () => {
      this.#on({ type: 'handedOff' })
      this.#endRelayLater()
    })
  }

  #endRelayLater(): void {
    const write = (event: string): void =>
      this.#stage.write(jsonRecord('info', undefined, { session: this.#id, event, client: this.#session.client, msg: '' }))
    write('HANDED OFF')
    this.#stage.later(this.#client.relayMs, () => {
      write('RELAY ENDED')
      this.#on({ type: 'gone' })
    })
  }
}
