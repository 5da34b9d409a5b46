// Keeps the networks of the policy's senders: reads their SPF records from time to time, and keeps the last good
// results on disk, in the shared store, and in the other processes of the gateway. Sessions only see the finished
// networks.
//
// One process of a gateway reads for all. With a shared store, one gateway reads for all: it takes a lease on the
// domain, and the others take its result. Pauses are random, so that gateways without a shared store do not ask DNS at
// the same moment.
import type { Network } from '../../crds/values/network.ts'
import { messageOf } from '../../runtime/caught.ts'
import { afterRefresh, newSender, permittedBy, type PermittedNetworks, type Sender, spfTimes } from '../core/spf/sender.ts'
import type { SenderRule } from '../core/spf/senders-of-policy.ts'
import type { SpfBounds } from '../core/spf/spf-bounds.ts'
import { type AskDns, resolveSpf } from './resolve-spf.ts'
import { formatSender, parseSender } from './sender-text.ts'
import { readSpfFile, writeSpfFile } from './spf-file.ts'
import type { SharedSenders } from './shared-senders.ts'
import type { SpfChannel, SpfMessage } from './spf-sharing.ts'

export interface SpfEvents {
  /** The permitted networks are others now. */
  readonly changed: (networks: ReadonlyMap<string, readonly Network[]>) => void
  /** A record was read, or could not be read. `found`: by this process. */
  readonly refreshed: (before: Sender, after: Sender, found: boolean) => void
  readonly warn: (text: string) => void
}

export interface SpfKeeperOptions {
  readonly ask: AskDns
  readonly bounds: SpfBounds
  readonly channel: SpfChannel
  /** Undefined: results are not kept on disk. */
  readonly file: string | undefined
  readonly shared: Pick<SharedSenders, 'isAway' | 'read' | 'lease' | 'write'>
  readonly events: SpfEvents
  /** Milliseconds of a clock that never goes back, and since 1970. */
  readonly now: () => number
  readonly date: () => number
  /** As Math.random. */
  readonly random: () => number
}

/** How often it looks whether a sender is due. */
export const lookMs = 1000
/** A sender that was never read is read within this time; one whose result is old, within a minute. */
const startMs = 3000
const overdueMs = 60_000
/** How long a process that starts waits for the connection to the shared store, before it reads by itself. */
const awaySharedMs = 10_000
/** When another gateway is reading the record: until its result is looked for. */
const lookAgainMs = { withoutResult: 3000, withResult: 30_000 }
/** A clock of another machine may be ahead by so much. */
const clocksDifferMs = 300_000
/** After what was read from disk or from others, the next refresh is not later than this. */
const latestDueMs = 1.2 * spfTimes.longestMs

export class SpfKeeper {
  readonly #options: SpfKeeperOptions
  #rules: readonly SenderRule[] = []
  #senders = new Map<string, Sender>()
  /** Of this process alone: not before. */
  readonly #notBefore = new Map<string, number>()
  /** For the shared store. */
  readonly #waitsUntil: number
  #timer: NodeJS.Timeout | undefined
  #isBusy = false
  #closed = false
  #permitted: PermittedNetworks = { networks: new Map(), leftOut: new Map() }
  #writing: Promise<void> = Promise.resolve()

  constructor(options: SpfKeeperOptions) {
    this.#options = options
    this.#waitsUntil = options.now() + awaySharedMs
  }

  /** Follows a policy. What is already known of its senders is permitted at once. */
  use(rules: readonly SenderRule[]): void {
    const before = this.#senders
    const isNew = rules.some(({ domain }) => !before.has(domain))
    const kept = isNew ? this.#readFile() : new Map<string, Sender>()
    this.#rules = rules
    this.#senders = new Map(rules.map(({ domain }) => [domain, before.get(domain) ?? this.#begin(domain, kept.get(domain))]))
    this.#publish()
    clearInterval(this.#timer)
    this.#timer = undefined
    if (rules.length === 0 || this.#closed) return
    this.#timer = setInterval(() => void this.look(), lookMs).unref()
    if (isNew && !this.#options.channel.isReader()) this.#options.channel.send({ is: 'ask' })
  }

  /** What is permitted now. */
  get permitted(): PermittedNetworks {
    return this.#permitted
  }

  /** In the order of the policy. */
  senders(): readonly Sender[] {
    return [...this.#senders.values()]
  }

  /** Another process of the gateway tells or asks. */
  hear(message: SpfMessage): void {
    if (message.is === 'ask') return this.#tell(this.senders().filter(({ triedAt }) => triedAt > 0))
    for (const text of message.senders) {
      const sender = parseSender(text, this.#options.bounds)
      if (sender !== undefined) this.#learn(sender, false)
    }
  }

  /** Reads what is due, one sender after the other. Never rejects. Called by the timer. */
  async look(): Promise<void> {
    if (this.#isBusy || this.#closed || !this.#options.channel.isReader()) return
    this.#isBusy = true
    try {
      for (const rule of this.#rules) {
        // oxlint-disable-next-line no-await-in-loop -- one after the other, so that many senders are not a burst of questions
        if (this.#isDue(rule.domain)) await this.#refresh(rule)
      }
    } catch (error) {
      this.#options.events.warn(`SPF records could not be read: ${messageOf(error)}`)
    } finally {
      this.#isBusy = false
    }
  }

  async close(): Promise<void> {
    this.#closed = true
    clearInterval(this.#timer)
    await this.#writing
  }

  #isDue(domain: string): boolean {
    const sender = this.#senders.get(domain)
    const now = this.#options.date()
    return sender !== undefined && !this.#closed && now >= sender.dueAt && now >= (this.#notBefore.get(domain) ?? 0)
  }

  async #refresh({ domain, refreshMs }: SenderRule): Promise<void> {
    const { ask, bounds, now, date, random, shared } = this.#options
    if (shared.isAway && now() < this.#waitsUntil) return
    const found = await shared.read(domain)
    if (found !== undefined) this.#learn(found, false)
    if (!this.#isDue(domain)) return this.#save()
    if (!(await shared.lease(domain))) return this.#lookAgain(domain)
    const expansion = await resolveSpf(domain, { ask, bounds, now })
    const before = this.#senders.get(domain)
    // The policy may have changed meanwhile.
    if (before === undefined || this.#closed) return
    const after = afterRefresh(before, expansion, bounds, { now: date(), refreshMs, random: random() })
    this.#learn(after, true)
    this.#save()
    await shared.write(after)
  }

  #lookAgain(domain: string): void {
    const hasResult = (this.#senders.get(domain)?.networks.length ?? 0) > 0
    const pause = hasResult ? lookAgainMs.withResult : lookAgainMs.withoutResult
    this.#notBefore.set(domain, this.#options.date() + pause * (0.5 + this.#options.random()))
  }

  #begin(domain: string, kept: Sender | undefined): Sender {
    const now = this.#options.date()
    const random = this.#options.random()
    const start = now + random * startMs
    if (kept === undefined) return newSender(domain, start)
    const dueAt = Math.min(kept.dueAt, now + latestDueMs)
    return {
      ...kept,
      goodAt: Math.min(kept.goodAt, now),
      dueAt: Math.max(dueAt, kept.networks.length > 0 ? now + random * overdueMs : start),
    }
  }

  /** Takes a newer state of a sender. */
  #learn(sender: Sender, found: boolean): void {
    const now = this.#options.date()
    const before = this.#senders.get(sender.domain)
    if (before === undefined || sender.triedAt > now + clocksDifferMs || (!found && sender.triedAt <= before.triedAt)) return
    const after = { ...sender, goodAt: Math.min(sender.goodAt, now), dueAt: Math.min(sender.dueAt, now + latestDueMs) }
    this.#senders.set(sender.domain, after)
    this.#options.events.refreshed(before, after, found)
    this.#publish()
    if (this.#options.channel.isReader()) this.#tell([after])
  }

  #tell(senders: readonly Sender[]): void {
    if (senders.length > 0) this.#options.channel.send({ is: 'news', senders: senders.map(formatSender) })
  }

  #publish(): void {
    const before = this.#permitted.networks
    this.#permitted = permittedBy(this.senders(), this.#options.bounds)
    const { networks } = this.#permitted
    if (networks.size === before.size && [...networks].every(([domain, some]) => isSame(before.get(domain), some))) return
    this.#options.events.changed(networks)
  }

  #readFile(): ReadonlyMap<string, Sender> {
    const { file, bounds, events } = this.#options
    if (file === undefined) return new Map()
    try {
      const now = this.#options.date()
      const found = readSpfFile(file).map((text) => parseSender(text, bounds))
      return new Map(
        found.flatMap((sender) => (sender === undefined || sender.triedAt > now + clocksDifferMs ? [] : [[sender.domain, sender]])),
      )
    } catch (error) {
      events.warn(`the networks of SPF records that were kept cannot be read: ${messageOf(error)}`)
      return new Map()
    }
  }

  /** Several changes are written once. */
  #save(): void {
    const { file, events } = this.#options
    if (file === undefined) return
    this.#writing = this.#writing
      .then(() => writeSpfFile(file, this.senders().map(formatSender)))
      .catch((error: unknown) => events.warn(`the networks of SPF records cannot be kept in ${file}: ${messageOf(error)}`))
  }
}

const isSame = (one: readonly Network[] | undefined, other: readonly Network[]): boolean =>
  one === other ||
  (one?.length === other.length &&
    one.every(({ family, first, last }, at) => family === other[at]?.family && first === other[at].first && last === other[at].last))
