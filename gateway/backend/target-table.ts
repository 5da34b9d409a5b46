// The addresses that the backend's names stand for at the moment, with the record of each.
import { type Endpoint, formatEndpoint } from '../../crds/values/endpoint.ts'
import { BackendNames, type Lookup, lookupBySystem, type NameStatus } from './backend-names.ts'
import { rests } from './load-balancing.ts'
import { newTargetRecord, type Target, type TargetRecord } from './target-record.ts'

/** How long a client waits for the first answer about names. */
const waitForNamesMs = 5000
/** The failure of an address is a reason to look the names up at once, but not once for each client. */
const hastyLookupMs = 250

export interface TargetTableOptions {
  /** HOST:PORT texts. */
  readonly addresses: readonly Endpoint[]
  readonly lookup?: Lookup
  /** Monotonic time in milliseconds. */
  readonly now: () => number
  /** Called after each lookup: time for `update`. */
  readonly answered: () => void
}

export class TargetTable {
  readonly #names: BackendNames
  readonly #now: () => number
  readonly #records: Map<string, TargetRecord>
  readonly #waiting = new Set<() => void>()
  #listed: ReadonlySet<TargetRecord> = new Set<TargetRecord>()
  #lookedUpAt = Number.NEGATIVE_INFINITY

  /** @param previous the table that it replaces: its records and lookups stay valid */
  constructor({ addresses, lookup = lookupBySystem, now, answered }: TargetTableOptions, previous?: TargetTable) {
    this.#now = now
    this.#records = new Map(previous === undefined ? [] : previous.#records)
    this.#names = new BackendNames(addresses, lookup, answered)
    if (previous !== undefined) this.#names.inherit(previous.#names)
  }

  /** The addresses that the names stand for. */
  get listed(): ReadonlySet<TargetRecord> {
    return this.#listed
  }

  /** Also those that are no longer listed and still have sessions or rest. */
  get records(): Iterable<TargetRecord> {
    return this.#records.values()
  }

  find(label: string): TargetRecord | undefined {
    return this.#records.get(label)
  }

  names(): readonly NameStatus[] {
    return this.#names.current()
  }

  /** Looks all names up again. */
  lookUp(): void {
    this.#lookedUpAt = this.#now()
    this.#names.refresh()
  }

  /** The same, unless the last lookup is very recent. */
  lookUpSoon(): void {
    if (this.#now() - this.#lookedUpAt >= hastyLookupMs) this.lookUp()
  }

  /** Calls back when an address is known or it is certain that there is none: at once, except in the first moments. */
  whenKnown(ready: () => void): void {
    if (this.#isKnown()) return ready()
    const once = (): void => {
      clearTimeout(timer)
      this.#waiting.delete(once)
      ready()
    }
    const timer = setTimeout(once, waitForNamesMs)
    this.#waiting.add(once)
  }

  /** Calls those back that wait, if it is time. */
  tellWaiting(): void {
    if (this.#isKnown()) this.releaseWaiting()
  }

  releaseWaiting(): void {
    for (const ready of this.#waiting) ready()
  }

  #isKnown(): boolean {
    return this.#listed.size > 0 || this.#names.settled()
  }

  /**
   * Lists what the names stand for now. An address that is no longer listed keeps its record while it has sessions or
   * rests after a failure.
   * @returns whether there is a new address
   */
  update(): boolean {
    const listed = new Set<TargetRecord>()
    for (const { name, addresses } of this.#names.current()) {
      for (const address of addresses) listed.add(this.#record(address, name.port))
    }
    const hasNew = [...listed].some((record) => !this.#listed.has(record))
    this.#listed = listed
    const now = this.#now()
    for (const [label, record] of this.#records) {
      if (!listed.has(record) && record.sessions === 0 && !rests(record, now)) this.#records.delete(label)
    }
    return hasNew
  }

  /** Ends the session that was booked on an address. */
  release({ label }: Target): void {
    const record = this.#records.get(label)
    if (record !== undefined) record.sessions--
  }

  #record(address: string, port: number): TargetRecord {
    const label = formatEndpoint({ address, port })
    const known = this.#records.get(label)
    if (known !== undefined) return known
    const fresh = newTargetRecord(address, port)
    this.#records.set(label, fresh)
    return fresh
  }
}
