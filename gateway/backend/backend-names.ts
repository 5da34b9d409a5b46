// The names in the backend's list of HOST:PORT, and the addresses that they stand for at the moment.
import { lookup as lookupAll } from 'node:dns'
import { isIP } from 'node:net'
import type { Endpoint } from '../../crds/values/endpoint.ts'
import { errorWord } from './backend-call.ts'

/** Looks up all addresses of a name, IPv4 and IPv6. */
export type Lookup = (host: string, done: (error: Error | undefined, addresses: readonly string[]) => void) => void

/** Further addresses of a name are ignored. */
const addressLimit = 256

/**
 * The resolver of the system: names of Services, /etc/hosts and search domains work as everywhere else in the pod. A
 * lookup blocks a thread of libuv's pool, but only one for each name and never more than half of them
 * (slow_work_thread_threshold): a resolver that hangs delays lookups, not file access, and the last good answer stays
 * in use.
 */
export const lookupBySystem: Lookup = (host, done) => {
  lookupAll(host, { all: true, order: 'verbatim' }, (error, found) => {
    if (error !== null) done(error, [])
    else done(undefined, [...new Set(found.map(({ address }) => address))])
  })
}

interface Answer {
  readonly name: Endpoint
  addresses: readonly string[]
  asking: boolean
  asked: boolean
  error: string | undefined
}

export interface NameStatus {
  readonly name: Endpoint
  readonly addresses: readonly string[]
  /** Why the last lookup failed; `addresses` is then the last good answer. */
  readonly error: string | undefined
}

/** Looks names up, one lookup for each name at a time. An answer stays in use until the next good one. */
export class BackendNames {
  readonly #answers: Answer[]
  readonly #lookup: Lookup
  readonly #changed: () => void

  /** `changed` is called after every lookup. */
  constructor(backends: readonly Endpoint[], lookup: Lookup, changed: () => void) {
    this.#lookup = lookup
    this.#changed = changed
    this.#answers = backends.map((name) => {
      const numeric = isIP(name.address) !== 0
      return { name, addresses: numeric ? [name.address] : [], asking: false, asked: numeric, error: undefined }
    })
  }

  /** Copies the good answers of another list. */
  inherit(from: BackendNames): void {
    for (const answer of this.#answers) {
      const known = from.#answers.find(({ name }) => name.address === answer.name.address)
      if (known === undefined || known.addresses.length === 0) continue
      answer.addresses = known.addresses
      answer.asked = true
    }
  }

  /** Looks every name up again. */
  refresh(): void {
    for (const answer of this.#answers) if (!answer.asking && isIP(answer.name.address) === 0) this.#ask(answer)
  }

  /** Whether every lookup has ended at least once, with or without success. */
  settled(): boolean {
    return this.#answers.every((answer) => answer.asked)
  }

  current(): readonly NameStatus[] {
    return this.#answers
  }

  #ask(answer: Answer): void {
    answer.asking = true
    this.#lookup(answer.name.address, (error, addresses) => {
      answer.asking = false
      answer.asked = true
      answer.error = error !== undefined ? errorWord(error) : addresses.length === 0 ? 'no address' : undefined
      if (answer.error === undefined) answer.addresses = addresses.slice(0, addressLimit)
      this.#changed()
    })
  }
}
