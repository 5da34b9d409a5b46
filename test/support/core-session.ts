// Drives the core by hand: a gateway without sockets, its clients, a clock that stands still until a test moves it, and what came of it.
//
//   drive({ greet: { action: 'Enforce' } })
//     .connect('192.0.2.1')
//     .hears('220-mx.example.com ESMTP Postfix')
//     .at(1200)
//     .sends('EHLO spam.example\r\n')
//     .logs('CONNECT from CLIENT to [198.51.100.1]:25', 'PREGREET 19 after 1.2 from CLIENT: EHLO spam.example\\r\\n')
//
// `hears`, `logs` and `does` each compare everything of their kind that came since they were last asked: replies, log lines, all other effects.
// In log lines CLIENT stands for the client's address and port. Stamps of the allowlist are seconds since the gateway's start: `+86406;1;1;1;1`.
import assert from 'node:assert/strict'
import { parseAccessTable } from '../../crds/values/access-table.ts'
import { parsePolicy } from '../../crds/policy.ts'
import { apiVersion, kind, type PolicySpec, type PolicySpecInput } from '../../crds/schema/policy.schema.ts'
import { newScreening, type Screening } from '../../gateway/core/clients.ts'
import { logText } from '../../gateway/core/log-text.ts'
import { compileRules, type Rules } from '../../gateway/core/rules.ts'
import { newSession, type Session } from '../../gateway/core/session.ts'
import { step } from '../../gateway/core/step.ts'
import type { Endpoint } from '../../crds/values/endpoint.ts'
import type { Effect, Event, LogRecord, TimerName } from '../../gateway/core/vocabulary.ts'
import { compileTable } from '../../gateway/core/access-list.ts'
import { inspect } from 'node:util'

/** The part of a policy that a test is about. */
export type SpecFragment = Partial<PolicySpecInput>

/** Epoch milliseconds at which every gateway starts. */
export const startTime = 1_700_000_000_000
const startSecond = startTime / 1000

/** The server address of a connection that says nothing else. */
export const serverAddress = '198.51.100.1'

/** A whole policy around a fragment. Throws with the problems of a bad one. */
export function policyOf(fragment: SpecFragment): PolicySpec {
  // What postscreen does, whatever the default of a policy is.
  const deepTests = { handoff: 'Reconnect', ...fragment.deepTests }
  const spec = { hostname: 'mx.example.com', backend: { addresses: ['192.0.2.25:10025'] }, ...fragment, deepTests }
  const result = parsePolicy({ apiVersion, kind, metadata: { name: 'test' }, spec })
  assert.ok('policy' in result, inspect(result))
  return result.policy.spec
}

/** The rules of a policy fragment. The machine is called pod-1, its time zone is one where it is always the same second. */
export function rulesOf(fragment: SpecFragment, tables: ReadonlyMap<string, string> = new Map()): Rules {
  const read = new Map([...tables].map(([name, text]) => [name, compileTable(parseAccessTable(text).rules)]))
  return compileRules(policyOf(fragment), { hostname: 'pod-1', localTime: () => 'Nov 14 22:13:20', tables: read })
}

/** `+86400;0;1;1;1` as it is stored. */
export function stored(written: string): string {
  const stamp = (text: string): string => (/^[+-]/.test(text) ? String(startSecond + Number(text)) : text)
  return written.split(';').map(stamp).join(';')
}

/** The other way round. */
function relative(record: string): string {
  const stamp = (text: string): string =>
    Number(text) > 1_000_000 ? `${Number(text) < startSecond ? '' : '+'}${Number(text) - startSecond}` : text
  return record.split(';').map(stamp).join(';')
}

const latin1 = (bytes: Uint8Array): string => Buffer.from(bytes).toString('latin1')

/** An effect that is neither reply nor log, in words. */
function inWords(effect: Exclude<Effect, { do: 'send' | 'log' }>): string {
  if (effect.do === 'recall') return `recall ${effect.key}`
  if (effect.do === 'remember') return `remember ${effect.key} ${relative(effect.record)}`
  if (effect.do === 'arm') return `arm ${effect.timer} ${effect.ms}`
  if (effect.do === 'relay' && effect.unread.length > 0) return `relay ${JSON.stringify(latin1(effect.unread))}`
  return effect.do
}

/** postscreen's line, or for events that it has none for, our own words. */
export function lineOf(record: LogRecord): string {
  if (record.event === 'AUDIT') return `AUDIT would ${record.would}: ${record.reply}`
  if (record.event === 'DNSBL ERROR CODE') return `DNSBL ERROR CODE ${record.address} from ${record.domain}`
  const { address, port } = record.client
  return logText(record)?.replaceAll(`[${address}]:${port}`, 'CLIENT') ?? `no line for ${record.event}`
}

export interface ConnectOptions {
  readonly to?: string
  /** The server has a certificate. */
  readonly tlsReady?: boolean
  /** The store takes its time: the test says `recalled` itself. */
  readonly slowStore?: boolean
}

/** One gateway: the sessions share its counters, its store and its clock. */
export class Gateway {
  readonly rules: Rules
  readonly screening: Screening = newScreening()
  /** The temporary allowlist. */
  readonly store = new Map<string, string>()
  now = startTime
  readonly #clients: Client[] = []

  constructor(rules: Rules) {
    this.rules = rules
  }

  /** Puts a record into the temporary allowlist: `+86400;1;1;1;1`. */
  remembering(address: string, record: string): this {
    this.store.set(address, stored(record))
    return this
  }

  connect(address: string, options: ConnectOptions = {}): Client {
    const client = new Client(this, { address, port: 40_000 + this.#clients.length }, options)
    this.#clients.push(client)
    return client.event({ type: 'connect' })
  }

  /** That many clients, each with an address of its own, none of which anybody looks at. */
  crowd(size: number): Client[] {
    return Array.from({ length: size }, (_, i) => this.connect(`203.0.113.${i}`))
  }

  /** Goes on to that moment; on the way timers go off in their order. */
  goTo(now: number): void {
    for (;;) {
      const due = this.#clients.filter(({ alarm }) => alarm !== undefined && alarm.due <= now)
      const next = due.toSorted((a, b) => (a.alarm?.due ?? 0) - (b.alarm?.due ?? 0))[0]
      if (next?.alarm === undefined) break
      this.now = Math.max(this.now, next.alarm.due)
      next.timerGoesOff()
    }
    this.now = Math.max(this.now, now)
  }
}

/** One client's session. Each method returns the client, so that a test reads as a story. */
export class Client {
  readonly session: Session
  readonly effects: Effect[] = []
  alarm: { readonly name: TimerName; readonly due: number } | undefined
  readonly #gateway: Gateway
  readonly #slowStore: boolean
  readonly #start: number
  readonly #seen = { send: 0, log: 0, other: 0 }
  readonly #unanswered: Set<string>

  constructor(gateway: Gateway, from: Endpoint, options: ConnectOptions) {
    this.#gateway = gateway
    this.#slowStore = options.slowStore ?? false
    this.#start = gateway.now
    this.#unanswered = new Set(gateway.rules.dnsbl.lists.map(({ domain }) => domain))
    const to = { address: options.to ?? serverAddress, port: 25 }
    this.session = newSession(gateway.rules, gateway.screening, from, to, options.tlsReady ?? false)
  }

  event(event: Event): this {
    for (const effect of step(this.session, this.#gateway.now, event)) this.#carryOut(effect)
    return this
  }

  #carryOut(effect: Effect): void {
    this.effects.push(effect)
    if (effect.do === 'arm') this.alarm = { name: effect.timer, due: this.#gateway.now + effect.ms }
    else if (effect.do === 'disarm') this.alarm = undefined
    else if (effect.do === 'remember') this.#gateway.store.set(effect.key, effect.record)
    else if (effect.do === 'recall' && !this.#slowStore) this.event({ type: 'recalled', record: this.#gateway.store.get(effect.key) })
  }

  timerGoesOff(): void {
    const name = this.alarm?.name
    this.alarm = undefined
    if (name !== undefined) this.event({ type: 'timer', name })
  }

  /** That many milliseconds behind its connect. */
  at(ms: number): this {
    this.#gateway.goTo(this.#start + ms)
    return this
  }

  /** Bytes from the client, one a character; each argument is one read. */
  sends(...chunks: string[]): this {
    for (const chunk of chunks) this.event({ type: 'data', bytes: Buffer.from(chunk, 'latin1') })
    return this
  }

  /** The same as `sends`, each line a read of its own, without its CRLF. */
  says(...lines: string[]): this {
    return this.sends(...lines.map((line) => `${line}\r\n`))
  }

  leaves(): this {
    return this.event({ type: 'end' })
  }

  /** A DNSBL's answer; the last one of the policy's domains completes the lookup. */
  listed(domain: string, addresses: readonly string[] = [], ttl = -1): this {
    this.#unanswered.delete(domain)
    return this.event({ type: 'dnsbl', answer: { domain, addresses, ttl }, complete: this.#unanswered.size === 0 })
  }

  /** What a slow store says at last. */
  recalled(record: string | undefined): this {
    return this.event({ type: 'recalled', record: record === undefined ? undefined : stored(record) })
  }

  handedOff(): this {
    return this.event({ type: 'handedOff' })
  }

  refused(how: 'connect' | 'send'): this {
    return this.event({ type: 'handOffFailed', how })
  }

  /** Reply lines since it was last asked. */
  replies(): string[] {
    const text = this.#news('send').map((effect) => effect.text)
    for (const part of text) assert.ok(part.endsWith('\r\n'), `a reply without line end: ${JSON.stringify(part)}`)
    return text.join('').split('\r\n').slice(0, -1)
  }

  /** Log lines since it was last asked. */
  lines(): string[] {
    return this.#news('log').flatMap(({ record }) => (record.event === 'TESTS' ? [] : [lineOf(record)]))
  }

  /** All other effects since it was last asked. */
  acts(): string[] {
    const found = this.effects.slice(this.#seen.other)
    this.#seen.other = this.effects.length
    return found.flatMap((effect) => (effect.do === 'send' || effect.do === 'log' ? [] : [inWords(effect)]))
  }

  #news<K extends 'send' | 'log'>(kindOf: K): Extract<Effect, { do: K }>[] {
    const found = this.effects.slice(this.#seen[kindOf])
    this.#seen[kindOf] = this.effects.length
    return found.filter((effect): effect is Extract<Effect, { do: K }> => effect.do === kindOf)
  }

  hears(...lines: string[]): this {
    assert.deepEqual(this.replies(), lines)
    return this
  }

  logs(...lines: string[]): this {
    assert.deepEqual(this.lines(), lines)
    return this
  }

  does(...acts: string[]): this {
    assert.deepEqual(this.acts(), acts)
    return this
  }

  /** Forgets what has come so far. */
  ignoringAllThat(): this {
    this.#seen.send = this.#seen.log = this.#seen.other = this.effects.length
    return this
  }

  /** Everything so far, in order: `< reply`, `log line`, and the other effects. */
  story(): string[] {
    return this.effects.flatMap((effect) => {
      if (effect.do === 'send')
        return effect.text
          .split('\r\n')
          .slice(0, -1)
          .map((line) => `< ${line}`)
      if (effect.do === 'log') return effect.record.event === 'TESTS' ? [] : [`log ${lineOf(effect.record)}`]
      return [inWords(effect)]
    })
  }

  get isClosed(): boolean {
    return this.effects.some((effect) => effect.do === 'close')
  }

  get isRelayed(): boolean {
    return this.effects.some((effect) => effect.do === 'relay')
  }

  /** Records written to the allowlist, all of them. */
  get remembered(): string[] {
    return this.effects.flatMap((effect) => (effect.do === 'remember' ? [relative(effect.record)] : []))
  }
}

/** A gateway under a policy that has this fragment. `tables`: the texts of the table files that it names. */
export function drive(fragment: SpecFragment = {}, tables: ReadonlyMap<string, string> = new Map()): Gateway {
  return new Gateway(rulesOf(fragment, tables))
}
