// What the gateway's EHLO reply may promise for its backends. A promise that is too large bounces mail at the backend
// (ORCPT= after DSN), and one that is too small bounces it at the sender (SMTPUTF8, SIZE).
import { type OfferedKeywords, type Promisable, promisable } from './ehlo-keywords-offered.ts'

/** What is known of one backend. */
export interface BackendOffer {
  /** For people: its address. */
  readonly backend: string
  /** Its newest EHLO reply to a client of this family. Undefined: none is known. */
  readonly offered: OfferedKeywords | undefined
  /** Names of keywords of which it is certain that it offers them to any client. */
  readonly certain: ReadonlySet<string>
}

/** Why the promise is not larger, although other backends would allow it: `does not offer SMTPUTF8`. */
export interface PromiseLimit {
  readonly backend: string
  readonly why: string
}

export interface PromiseOfBackends {
  /** Only names of `promisable`. */
  readonly promise: OfferedKeywords
  readonly limitedBy: readonly PromiseLimit[]
}

/** Clients do without these, so they are promised only when they are certain. */
const onlyIfCertain: ReadonlySet<Promisable> = new Set(['DSN', 'CHUNKING'])

/**
 * What all these backends offer. A backend of which nothing is known does not limit it, except for the keywords that
 * must be certain.
 * @returns undefined when nothing is known of any of them
 */
export function promiseOf(backends: readonly BackendOffer[]): PromiseOfBackends | undefined {
  const known = backends.flatMap(({ backend, offered }) => (offered === undefined ? [] : [{ backend, offered }]))
  if (known.length === 0) return undefined
  const names = promisable.filter((name) => name === 'ENHANCEDSTATUSCODES' || backends.every((backend) => allows(backend, name)))
  const size = names.includes('SIZE') ? smallestSize(known.map(({ offered }) => offered.size)) : 0
  const missing = promisable
    .filter((name) => !names.includes(name) && known.some(({ offered }) => offered.names.has(name)))
    .flatMap((name) => backends.filter((backend) => !allows(backend, name)).map((backend) => missingKeyword(backend, name)))
  const smallest = known
    .filter(({ offered }) => size > 0 && offered.size === size)
    .map(({ backend }) => ({ backend, why: `accepts messages of up to ${size} bytes` }))
  return { promise: { names: new Set(names), size }, limitedBy: smallest.length < known.length ? [...missing, ...smallest] : missing }
}

/** The smallest limit; 0, which means no limit, when none is stated. */
function smallestSize(sizes: readonly number[]): number {
  const limits = sizes.filter((size) => size > 0)
  return limits.length === 0 ? 0 : Math.min(...limits)
}

function allows({ offered, certain }: BackendOffer, name: Promisable): boolean {
  if (onlyIfCertain.has(name)) return certain.has(name)
  return offered?.names.has(name) ?? true
}

function missingKeyword({ backend, offered }: BackendOffer, name: Promisable): PromiseLimit {
  if (offered === undefined) return { backend, why: `has not shown yet whether it offers ${name}` }
  return { backend, why: offered.names.has(name) ? `does not offer ${name} to every client` : `does not offer ${name}` }
}

/** Whether two replies offer the same, as far as it can be promised. */
export function sameKeywords(one: OfferedKeywords, other: OfferedKeywords): boolean {
  return one.size === other.size && promisable.every((name) => one.names.has(name) === other.names.has(name))
}

/** As an EHLO reply has them, one text for each keyword: `SIZE 10240000`, `STARTTLS`. */
export function keywordLines({ names, size }: OfferedKeywords): readonly string[] {
  return promisable.filter((name) => names.has(name)).map((name) => (name === 'SIZE' && size > 0 ? `SIZE ${size}` : name))
}
