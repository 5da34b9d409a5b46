// Watches the share of clients that each DNS list lists, and raises and ends the suspicion that it has gone bad.
import { allowlistKeys } from '../core/allowlist-key.ts'
import { type DnsblRules, judge } from '../core/dnsbl.ts'
import { dnsblQueryName } from '../core/dnsbl-query-name.ts'
import type { DnsblAnswer } from '../core/vocabulary.ts'
import { zoneOf } from './dnsbl-resolver.ts'
import { type ShareBounds, ShareOfClients, type Suspicion } from './list-share.ts'
import { listName } from './list-sharing.ts'
import type { Ask } from './list-test.ts'

export interface ShareEvents {
  readonly suspect: (name: string, suspicion: Suspicion) => void
  readonly clear: (name: string) => void
  /**
   * Whether the list is suspended because of its share: then it is asked only to see whether the share is usual again.
   */
  readonly isSuspect: (name: string) => boolean
}

/** A suspended list is asked about so few clients that it costs nothing. */
const shadowGapMs = 1000

/** A busy gateway looks at some lookups only, so that sessions do not cost more. */
const sample = { atOnce: 200, perSecond: 50 } as const

/** What one list has answered about one client that has been looked up. */
interface Heard {
  readonly name: string
  readonly answer: DnsblAnswer
  /** Undefined: no usable answer. */
  readonly listed: boolean | undefined
  /** Listed with a positive weight. */
  readonly isBad: boolean
}

export class ShareWatch {
  readonly #ask: Ask
  readonly #events: ShareEvents
  readonly #now: () => number
  readonly #shares = new Map<string, ShareOfClients>()
  /** The addresses of one IPv6 network are one client. */
  readonly #clientOf = allowlistKeys({ ipv4: 32, ipv6: 64 })
  /** How many lookups may be looked at now, and when that was calculated. */
  #room: number = sample.atOnce
  #roomAt = 0
  #shadowAt = Number.NEGATIVE_INFINITY

  constructor(ask: Ask, events: ShareEvents, now: () => number) {
    this.#ask = ask
    this.#events = events
    this.#now = now
  }

  /** All lists have answered about a client. */
  lookedUp(client: string, answers: readonly DnsblAnswer[], rules: DnsblRules, bounds: ShareBounds): void {
    if (bounds.percent === 0 || !this.#hasRoom()) return
    const heard = answers.map((answer) => hear(answer, rules))
    const bad = heard.filter(({ isBad }) => isBad).length
    const key = this.#clientOf(client)
    for (const one of heard) {
      const others = heard.some(({ name, listed }) => name !== one.name && listed !== undefined)
      // Other lists know this client as bad: that this list has it too proves nothing.
      if (bad > (one.isBad ? 1 : 0)) continue
      if (one.listed !== undefined) this.#count(one.name, key, one.listed, others, bounds)
      else if (others && one.answer.standing === 'suspended' && this.#events.isSuspect(one.name))
        void this.#shadow(client, one, rules, bounds)
    }
  }

  /** Whether this lookup is one of the sample. */
  #hasRoom(): boolean {
    const now = this.#now()
    this.#room = Math.min(sample.atOnce, this.#room + ((now - this.#roomAt) * sample.perSecond) / 1000)
    this.#roomAt = now
    if (this.#room < 1) return false
    this.#room--
    return true
  }

  /** Forgets lists that the policy does not contain any more. */
  keep(names: ReadonlySet<string>): void {
    for (const name of this.#shares.keys()) if (!names.has(name)) this.#shares.delete(name)
  }

  #count(name: string, key: string, listed: boolean, others: boolean, bounds: ShareBounds): void {
    const now = this.#now()
    const share = this.#shares.get(name) ?? new ShareOfClients()
    this.#shares.set(name, share)
    share.add(key, listed, now, bounds)
    if (this.#events.isSuspect(name)) {
      if (share.isUsual(bounds)) this.#events.clear(name)
      return
    }
    if (!listed) return
    const verdict = share.judge(now, bounds)
    if (verdict === undefined) return
    const { listed: count, of } = share.current
    const text = `${count} of ${of} clients that the other lists pass are listed`
    share.restart()
    this.#events.suspect(name, { text, isSudden: verdict === 'sudden' && others })
  }

  /** Asks a suspended list, without an effect on the client. */
  async #shadow(client: string, { name, answer: { domain, account } }: Heard, rules: DnsblRules, bounds: ShareBounds): Promise<void> {
    const now = this.#now()
    const list = rules.lists.find((one) => one.domain === domain && one.account === account)
    const question = list === undefined ? undefined : dnsblQueryName(client, zoneOf(list))
    if (question === undefined || now - this.#shadowAt < shadowGapMs) return
    this.#shadowAt = now
    const { addresses, ttl, error } = await this.#ask(question, domain)
    const answer = { domain, ...(account !== undefined && { account }), addresses, ttl, ...(error !== undefined && { error }) }
    const { listed } = hear(answer, rules)
    if (listed !== undefined) this.#count(name, this.#clientOf(client), listed, true, bounds)
  }
}

function hear(answer: DnsblAnswer, rules: DnsblRules): Heard {
  const { standing, ...own } = answer
  const name = listName(answer)
  if (standing === 'suspended') return { name, answer, listed: undefined, isBad: false }
  const verdict = judge(rules, own)
  switch (verdict.is) {
    case 'listed':
      return { name, answer, listed: true, isBad: verdict.hits.some(({ weight }) => weight > 0) }
    case 'clean':
    case 'unweighted':
      return { name, answer, listed: false, isBad: false }
    case 'error':
    case 'timeout':
    case 'suspended':
      return { name, answer, listed: undefined, isBad: false }
  }
}
