// The EHLO keywords of all backends of a gateway: what its EHLO reply may promise to a client whose session will be
// continued at one of them. Active only where the policy continues sessions in this way.
import { type BackendOffer, promiseOf, type PromiseOfBackends } from '../core/promise-of-backends.ts'
import { type EhloPromises, type OfferedKeywords, promisable } from '../core/ehlo-keywords-offered.ts'
import type { BackendOptions } from './backend-options.ts'
import { clientFamily, type ClientFamily } from './client-family.ts'
import type { KeywordsHeard } from './keyword-probe.ts'
import { KeywordSchedule } from './keyword-schedule.ts'
import type { KeywordNews } from './keyword-sharing.ts'
import type { KeywordSource } from './target-keywords.ts'
import type { TargetRecord } from './target-record.ts'
import type { TargetTable } from './target-table.ts'

/** How long a backend that has begun to work, and whose keywords are not known yet, does not count. */
const graceMs = 2000
/** The other processes are told again after this time that nothing has changed. */
const repeatMs = 60_000

export class BackendKeywords implements EhloPromises {
  readonly #options: BackendOptions
  readonly #table: TargetTable
  readonly #now: () => number
  readonly #schedule: KeywordSchedule
  /** Families of which clients have come. A backend may be unable to read a header of the other one. */
  readonly #families: Set<ClientFamily>

  /** @param previous of the table that is replaced */
  constructor(options: BackendOptions, table: TargetTable, now: () => number, previous?: BackendKeywords) {
    this.#options = options
    this.#table = table
    this.#now = now
    this.#families = new Set(previous === undefined ? ['ipv4'] : previous.#families)
    this.#schedule = new KeywordSchedule(options, now, (record, family, heard) => this.#probed(record, family, heard))
    if (previous === undefined) return
    if (previous.#options.proxyProtocol !== options.proxyProtocol) for (const record of table.records) record.keywords.forget()
  }

  get active(): boolean {
    return this.#options.learnsKeywords === true
  }

  promiseFor(clientAddress: string): OfferedKeywords | undefined {
    if (!this.active) return undefined
    const family = this.#familyOf(clientAddress)
    this.#want(family, true)
    return this.promised(family)?.promise
  }

  /** The same for a family, with the backends that limit it. */
  promised(family: ClientFamily): PromiseOfBackends | undefined {
    const listed = [...this.#table.listed]
    const working = listed.filter(({ state }) => state === 'working')
    const offers = working.filter((record) => this.#counts(record, family)).map((record) => offerOf(record, family))
    // While none works, a client will wait for one of them to return: what they offered is a better guess than the
    // policy's own list, but not certain.
    return promiseOf(offers) ?? promiseOf(listed.map((record) => ({ ...offerOf(record, family), certain: new Set<string>() })))
  }

  /** Families of clients that have come. */
  get families(): ReadonlySet<ClientFamily> {
    return this.#families
  }

  /** A backend has answered the repeated EHLO of a client. */
  learn(label: string, clientAddress: string, offered: OfferedKeywords): void {
    if (this.active) this.#learn(label, this.#familyOf(clientAddress), offered, 'session')
  }

  /** Asks the backends that are due. */
  askDue(): void {
    if (this.active) this.#schedule.askDue(this.#table.listed, this.#families)
  }

  /** Another process of this gateway has learned something. */
  hear({ label, proxyProtocol, family, names, size, by, greeting }: KeywordNews): void {
    const record = this.#table.find(label)
    if (record === undefined || proxyProtocol !== this.#options.proxyProtocol) return
    const now = this.#now()
    record.keywords.learn(family, { offered: { names: new Set(names), size }, by, at: now }, repeatMs)
    record.keywords.greeted(greeting, now)
    if (by === 'probe') this.#schedule.askedElsewhere(record, family)
  }

  /** Clients of this family have come to another process. */
  hearWanted(family: ClientFamily): void {
    this.#want(family, false)
  }

  /** Another process asks for what is known of an address. */
  asked(label: string): void {
    const record = this.#table.find(label)
    if (record === undefined || this.#options.shared?.isProber() !== true) return
    for (const family of this.#families) {
      const heard = record.keywords.newest(family)
      if (heard !== undefined) this.#tell(record, family, heard.offered, heard.by)
    }
  }

  close(): void {
    this.#schedule.close()
  }

  #counts(record: TargetRecord, family: ClientFamily): boolean {
    return record.keywords.newest(family) !== undefined || this.#now() - record.workingSince >= graceMs
  }

  /** Without a header, backends see the gateway instead of the client. */
  #familyOf(address: string): ClientFamily {
    return this.#options.proxyProtocol === 'None' ? 'ipv4' : clientFamily(address)
  }

  #want(family: ClientFamily, isOurs: boolean): void {
    if (this.#families.has(family)) return
    this.#families.add(family)
    if (isOurs) this.#options.sharedKeywords?.want(family)
    this.askDue()
  }

  #probed(record: TargetRecord, family: ClientFamily, heard: KeywordsHeard): void {
    record.keywords.greeted(heard.greeting, this.#now())
    if (heard.is === 'offered') this.#learn(record.label, family, heard.offered, 'probe')
    this.askDue()
  }

  #learn(label: string, family: ClientFamily, offered: OfferedKeywords, by: KeywordSource): void {
    const record = this.#table.find(label)
    if (record === undefined) return
    const isNews = record.keywords.learn(family, { offered, by, at: this.#now() }, repeatMs)
    if (isNews || by === 'probe') this.#tell(record, family, offered, by)
  }

  #tell({ label, keywords }: TargetRecord, family: ClientFamily, offered: OfferedKeywords, by: KeywordSource): void {
    const { proxyProtocol, sharedKeywords } = this.#options
    const names = promisable.filter((name) => offered.names.has(name))
    sharedKeywords?.tell({ label, proxyProtocol, family, names, size: offered.size, by, greeting: keywords.manner(this.#now()) })
  }
}

function offerOf({ label, keywords }: TargetRecord, family: ClientFamily): BackendOffer {
  return { backend: label, offered: keywords.newest(family)?.offered, certain: keywords.certain(family) }
}
