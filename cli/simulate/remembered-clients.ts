// The temporary allowlist as it fills during a simulation, and which of its stamps are doubtful. Numbers in arrays: a
// million objects would cost more than all else in a simulation.
import { decodeRecord, type Stamps } from '../../gateway/core/allowlist-record.ts'
import type { TestSet } from '../../gateway/core/tests.ts'
import { testNames } from '../../gateway/core/vocabulary.ts'
import type { Memory } from './facts.ts'

const fewestPlaces = 1024
const stampsEach = testNames.length
/** In the year 2106: a stamp that holds longer is cut. */
const latestStamp = 2 ** 32 - 1

export class RememberedClients {
  /** By key: the place of the client in the arrays. */
  readonly #places = new Map<string, number>()
  readonly #merges: boolean
  readonly #mostClients: number
  #stamps = new Uint32Array(fewestPlaces * stampsEach)
  #hasRecord = new Uint8Array(fewestPlaces)
  #doubtful = new Uint8Array(fewestPlaces)
  #loose = new Uint8Array(fewestPlaces)
  /** From the first client on; one iterator for all, because a new one would pass over all that were forgotten. */
  #oldest: Iterator<string> | undefined
  /** How many clients were forgotten for want of room. */
  forgotten = 0

  /**
   * @param merges as a store does that several processes write to; another one keeps the last record
   * @param mostClients that are kept; beyond it, those that came first are forgotten
   */
  constructor(merges: boolean, mostClients = 1_000_000) {
    this.#merges = merges
    this.#mostClients = mostClients
  }

  /** What the allowlist holds for a client; at its first session, that is what the log says. */
  recall(key: string, memory: Memory): Memory {
    const place = this.#places.get(key)
    if (place === undefined) {
      this.#keep(key, memory)
      return memory
    }
    const record = this.#hasRecord[place] === 0 ? undefined : this.#recordAt(place)
    return { record, doubtful: this.#doubtful[place] ?? 0, loose: this.#loose[place] ?? 0 }
  }

  /** Keeps what a session has written. */
  remember(key: string, record: string): void {
    const place = this.#places.get(key)
    if (place === undefined) this.#keep(key, { record, doubtful: 0, loose: 0 })
    else this.#write(place, decodeRecord(record), this.#merges && this.#hasRecord[place] !== 0)
  }

  /** After a session: which stamps are doubtful now, which ones hold for an unknown time, and which are good. */
  mark(key: string, { doubtful, loose, good }: Readonly<Record<'doubtful' | 'loose' | 'good', TestSet>>): void {
    const place = this.#places.get(key)
    if (place === undefined) return
    this.#doubtful[place] = ((this.#doubtful[place] ?? 0) & ~good) | doubtful
    this.#loose[place] = ((this.#loose[place] ?? 0) & ~good) | loose
  }

  #recordAt(place: number): string {
    const first = place * stampsEach
    let record = String(this.#stamps[first])
    for (let i = 1; i < stampsEach; i++) record += `;${this.#stamps[first + i]}`
    return record
  }

  #write(place: number, stamps: Readonly<Stamps>, merges: boolean): void {
    this.#hasRecord[place] = 1
    for (let i = 0, at = place * stampsEach; i < stampsEach; i++, at++) {
      const stamp = Math.min(stamps[i] ?? 0, latestStamp)
      this.#stamps[at] = merges ? Math.max(stamp, this.#stamps[at] ?? 0) : stamp
    }
  }

  #keep(key: string, { record, doubtful, loose }: Memory): void {
    const place = this.#newPlace()
    this.#places.set(key, place)
    this.#doubtful[place] = doubtful
    this.#loose[place] = loose
    if (record === undefined) this.#hasRecord[place] = 0
    else this.#write(place, decodeRecord(record), false)
  }

  #newPlace(): number {
    const { size } = this.#places
    if (size >= this.#mostClients) return this.#forgetOldest()
    if (size >= this.#hasRecord.length) this.#grow(size * 2)
    return size
  }

  /** @returns the place that is free now */
  #forgetOldest(): number {
    this.#oldest ??= this.#places.keys()
    const key = this.#oldest.next().value as string
    const place = this.#places.get(key) ?? 0
    this.#places.delete(key)
    this.forgotten++
    return place
  }

  #grow(places: number): void {
    const longer = <T extends Uint8Array | Uint32Array>(to: T, from: T): T => {
      to.set(from)
      return to
    }
    this.#stamps = longer(new Uint32Array(places * stampsEach), this.#stamps)
    this.#hasRecord = longer(new Uint8Array(places), this.#hasRecord)
    this.#doubtful = longer(new Uint8Array(places), this.#doubtful)
    this.#loose = longer(new Uint8Array(places), this.#loose)
  }
}

/** The record with this stamp (epoch seconds) for these tests. */
export function withStamps(record: string | undefined, tests: TestSet, stamp: number): string | undefined {
  if (record === undefined || tests === 0) return record
  return decodeRecord(record)
    .map((old, i) => ((tests & (1 << i)) === 0 ? old : stamp))
    .join(';')
}

/** As the core writes a stamp that is no longer good. */
export const expired = 1
