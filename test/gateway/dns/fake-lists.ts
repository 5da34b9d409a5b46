// A monitor of DNS lists on a clock that the test moves, with a DNS that the test makes up.
import type { DnsResult } from '../../../gateway/dns/dns-client.ts'
import { ListMonitor, type ListTestRules } from '../../../gateway/dns/list-monitor.ts'
import { alone, type ListChannel } from '../../../gateway/dns/list-sharing.ts'
import type { DnsblErrorKind } from '../../../gateway/core/vocabulary.ts'
import type { DnsblRules } from '../../../gateway/core/dnsbl.ts'
import { rulesOf, type SpecFragment } from '../../support/core-session.ts'

/** `127.0.0.2 127.0.0.4`, nothing for a name that does not exist, or `!timeout`. */
export type Say = (name: string) => string

export type Dnsbl = NonNullable<SpecFragment['dnsbl']>

function resultOf(text: string): DnsResult {
  if (text.startsWith('!')) return { addresses: [], ttl: -1, error: { kind: text.slice(1) as DnsblErrorKind, text: text.slice(1) } }
  return { addresses: text === '' ? [] : text.split(' '), ttl: 60, error: undefined }
}

/** The rules of a policy with these lists. */
export const listRules = (dnsbl: Dnsbl): DnsblRules => rulesOf({ dnsbl }).dnsbl

interface Timer {
  readonly at: number
  readonly call: () => void
}

/** The defaults of a policy. */
export const shareBounds = { percent: 95, usualPercent: 60, clients: 50, windowMs: 600_000 }

export class FakeLists {
  readonly monitor: ListMonitor
  readonly asked: string[] = []
  /** Such as `bl.example suspended ListsEverything` and `resolver down`. */
  readonly log: string[] = []
  say: Say
  #now = 0
  #timers = new Set<Timer>()

  constructor(
    dnsbl: Dnsbl,
    say: Say,
    more: Partial<ListTestRules> & { readonly channel?: ListChannel; readonly random?: () => number } = {},
  ) {
    this.say = say
    const { channel = alone, random = () => 0.5, everyMs = 600_000, suspends = true } = more
    this.monitor = new ListMonitor({
      ask: async (name) => {
        this.asked.push(name)
        return resultOf(this.say(name))
      },
      channel,
      events: {
        changed: ({ list }, changes, found) => {
          for (const { family, after } of changes)
            this.log.push(
              `${found ? '' : 'heard: '}${list.domain}${family === 'IPv6' ? ' IPv6' : ''} ${after.standing} ${after.fault?.reason ?? ''}`.trimEnd(),
            )
        },
        resolver: (state) => this.log.push(`resolver ${state}`),
        tested: () => undefined,
      },
      now: () => this.#now,
      date: () => this.#now,
      random,
      later: (call, ms) => {
        const timer = { at: this.#now + ms, call }
        this.#timers.add(timer)
        return () => void this.#timers.delete(timer)
      },
    })
    this.monitor.use({ dnsbl: listRules(dnsbl), everyMs, suspends, share: shareBounds })
  }

  get now(): number {
    return this.#now
  }

  /** Lets so many seconds pass, with all that is due in them. */
  async pass(seconds: number): Promise<void> {
    const end = this.#now + seconds * 1000
    for (;;) {
      const [next] = [...this.#timers].toSorted((one, other) => one.at - other.at)
      if (next === undefined || next.at > end) break
      this.#now = Math.max(this.#now, next.at)
      this.#timers.delete(next)
      next.call()
      // The test that has begun here ends before the clock goes on.
      for (let i = 0; i < 30; i++) await Promise.resolve()
    }
    this.#now = end
  }

  /** `standing reason` of a list. */
  stateOf(domain: string): string {
    const found = this.monitor.lists().find(({ list }) => list.domain === domain)
    return found === undefined ? 'none' : `${found.shown.standing} ${found.shown.fault?.reason ?? ''}`.trimEnd()
  }
}
