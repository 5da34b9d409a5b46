// A keeper of senders on a clock that the test moves, with a DNS zone and a shared store that the test makes up.
import { formatNetwork } from '../../../crds/values/network.ts'
import type { Sender } from '../../../gateway/core/spf/sender.ts'
import type { DnsResult } from '../../../gateway/dns/dns-client.ts'
import type { QueryType } from '../../../gateway/dns/dns-message.ts'
import { formatSender, parseSender } from '../../../gateway/spf/sender-text.ts'
import type { SpfChannel } from '../../../gateway/spf/spf-sharing.ts'
import { alone } from '../../../gateway/spf/spf-sharing.ts'
import { SpfKeeper } from '../../../gateway/spf/spf-keeper.ts'
import { testBounds } from './nasty-records.ts'
import { answerFrom, type Zone } from './zone-server.ts'

export const minute = 60_000
export const hour = 60 * minute

/** The Valkey that fake gateways share. */
export class FakeStore {
  readonly texts = new Map<string, string>()
  readonly leases = new Set<string>()
  isAway = false
}

export interface FakeOptions {
  readonly store?: FakeStore
  readonly channel?: SpfChannel
  readonly file?: string
  readonly random?: number
  readonly refreshMs?: number
  /** Where the clock begins. */
  readonly at?: number
}

export class FakeSenders {
  readonly keeper: SpfKeeper
  readonly asked: string[] = []
  readonly warnings: string[] = []
  zone: Zone
  now: number
  permitted = ''

  constructor(zone: Zone, { store, channel = alone, file, random = 0.5, refreshMs = 6 * hour, at = 1_800_000_000_000 }: FakeOptions = {}) {
    this.zone = zone
    this.now = at
    this.keeper = new SpfKeeper({
      ask: async (name, type) => this.#answer(name, type),
      bounds: testBounds,
      channel,
      file,
      shared: sharedBy(store),
      events: {
        changed: (networks) => (this.permitted = [...networks.values()].flat().map(formatNetwork).join(' ')),
        refreshed: () => undefined,
        warn: (text) => this.warnings.push(text),
      },
      now: () => this.now,
      date: () => this.now,
      random: () => random,
    })
    this.keeper.use([{ domain: 's.test', refreshMs }])
  }

  #answer(name: string, type: QueryType): DnsResult {
    this.asked.push(`${type} ${name}`)
    const answer = answerFrom(this.zone, { name, type })
    if (answer.is === 'error') return { addresses: [], ttl: -1, error: { kind: 'servfail', text: answer.why } }
    const isAddress = type === 'A' || type === 'AAAA'
    return { addresses: isAddress ? answer.records : [], ...(!isAddress && { texts: answer.records }), ttl: answer.ttl, error: undefined }
  }

  get sender(): Sender {
    const [sender] = this.keeper.senders()
    if (sender === undefined) throw new Error('no sender')
    return sender
  }

  /** Lets time pass; looks whenever something is due. */
  async pass(ms: number): Promise<void> {
    const end = this.now + ms
    while (this.now < end) {
      this.now = Math.min(end, Math.max(this.now + 1000, Math.min(this.sender.dueAt, end)))
      // oxlint-disable-next-line no-await-in-loop -- the time goes step by step
      await this.keeper.look()
    }
  }
}

function sharedBy(store: FakeStore | undefined) {
  return {
    get isAway() {
      return store?.isAway ?? false
    },
    read: async (domain: string) => {
      const text = store?.isAway === true ? undefined : store?.texts.get(domain)
      return text === undefined ? undefined : parseSender(text, testBounds)
    },
    lease: async (domain: string) => {
      if (store === undefined || store.isAway) return true
      const isFree = !store.leases.has(domain)
      store.leases.add(domain)
      return isFree
    },
    write: async (sender: Sender) => void store?.texts.set(sender.domain, formatSender(sender)),
  }
}
