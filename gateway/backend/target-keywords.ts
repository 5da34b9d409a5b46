// The EHLO keywords that one backend address has offered to clients of each family. The newest reply counts.
import type { OfferedKeywords } from '../core/ehlo-keywords-offered.ts'
import { sameKeywords } from '../core/promise-of-backends.ts'
import type { ClientFamily } from './client-family.ts'
import type { GreetingManner } from './keyword-probe.ts'

/** `probe`: the reply was to a probe that named an unknown client. `session`: to the repeated EHLO of a client. */
export type KeywordSource = 'probe' | 'session'

export interface HeardKeywords {
  readonly offered: OfferedKeywords
  readonly by: KeywordSource
  /** On the monotonic clock. */
  readonly at: number
}

/** postscreen remembers for a day that a client has passed, and then greets it at once. */
const mannerMs = 25 * 3_600_000

export class TargetKeywords {
  readonly #newest = new Map<ClientFamily, HeardKeywords>()
  readonly #bySource = new Map<string, HeardKeywords>()
  #manner: { readonly greeting: GreetingManner; readonly at: number } | undefined

  newest(family: ClientFamily): HeardKeywords | undefined {
    return this.#newest.get(family)
  }

  /** @returns whether this says something else than the reply before, or confirms one that is older than `oldMs` */
  learn(family: ClientFamily, heard: HeardKeywords, oldMs: number): boolean {
    const before = this.#newest.get(family)
    this.#newest.set(family, heard)
    this.#bySource.set(`${heard.by} ${family}`, heard)
    return before === undefined || before.by !== heard.by || heard.at - before.at >= oldMs || !sameKeywords(before.offered, heard.offered)
  }

  /**
   * The keywords that both the newest probe and the newest client were offered, as far as there were any. A table of
   * the backend may hide a keyword from some clients only; what one client was offered is not promised to all then.
   */
  certain(family: ClientFamily): ReadonlySet<string> {
    const [first, second] = (['probe', 'session'] as const).flatMap((by) => this.#bySource.get(`${by} ${family}`) ?? [])
    if (first === undefined) return new Set()
    return new Set([...first.offered.names].filter((name) => second?.offered.names.has(name) ?? true))
  }

  greeted(greeting: GreetingManner, now: number): void {
    if (greeting !== 'prompt' || this.manner(now) === 'prompt') this.#manner = { greeting, at: now }
  }

  /** How it has greeted a client that it did not know. */
  manner(now: number): GreetingManner {
    return this.#manner !== undefined && now - this.#manner.at < mannerMs ? this.#manner.greeting : 'prompt'
  }

  /** Discards everything. */
  forget(): void {
    this.#newest.clear()
    this.#bySource.clear()
    this.#manner = undefined
  }
}
