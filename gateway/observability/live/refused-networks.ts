// Which networks have been refused most today: a bounded table of /24 and /48, which a client chooses, so they are
// never a label of a metric.
import { allowlistKeys } from '../../core/allowlist-key.ts'
import type { Outcome } from '../../core/outcome-names.ts'

/** One network. `mostly`: the outcome that most of its sessions had. */
export interface RefusedNetwork {
  readonly network: string
  readonly sessions: number
  readonly outcomes: Readonly<Partial<Record<Outcome, number>>>
}

interface Counted {
  sessions: number
  readonly outcomes: Partial<Record<Outcome, number>>
}

const dayMs = 86_400_000
/** After a cleanup, and at most. */
const kept = 1000
const most = 2000
export const networksShown = 50

const networkOf = allowlistKeys({ ipv4: 24, ipv6: 48 })

export class RefusedNetworks {
  readonly #counts = new Map<string, Counted>()
  #day = 0

  get size(): number {
    return this.#counts.size
  }

  count(address: string, outcome: Outcome, now: number): void {
    this.#goTo(now)
    const network = networkOf(address)
    const counted = this.#counts.get(network) ?? { sessions: 0, outcomes: {} }
    if (counted.sessions === 0) {
      if (this.#counts.size >= most) this.#forget()
      this.#counts.set(network, counted)
    }
    counted.sessions++
    counted.outcomes[outcome] = (counted.outcomes[outcome] ?? 0) + 1
  }

  /** Those with the most sessions, most first. */
  worst(now: number, limit = networksShown): readonly RefusedNetwork[] {
    this.#goTo(now)
    return worstOf(
      [...this.#counts].map(([network, { sessions, outcomes }]) => ({ network, sessions, outcomes })),
      limit,
    )
  }

  #goTo(now: number): void {
    const day = Math.floor(now / dayMs)
    if (day <= this.#day) return
    this.#day = day
    this.#counts.clear()
  }

  /** Half of them, those with the fewest sessions: seldom enough that a session costs nothing worth naming. */
  #forget(): void {
    const sizes = [...this.#counts.values()].map(({ sessions }) => sessions).toSorted((a, b) => b - a)
    const least = sizes[kept - 1] ?? 0
    let equal = kept - sizes.filter((sessions) => sessions > least).length
    for (const [network, { sessions }] of this.#counts) {
      if (sessions > least || (sessions === least && equal-- > 0)) continue
      this.#counts.delete(network)
    }
  }
}

const worstOf = (all: readonly RefusedNetwork[], limit: number): readonly RefusedNetwork[] =>
  all.toSorted((a, b) => b.sessions - a.sessions || (a.network < b.network ? -1 : 1)).slice(0, limit)

/** The networks of several processes as those of one gateway. */
export function addNetworks(parts: readonly (readonly RefusedNetwork[])[], limit: number): readonly RefusedNetwork[] {
  const sums = new Map<string, Counted>()
  for (const { network, sessions, outcomes } of parts.flat()) {
    const sum = sums.get(network) ?? { sessions: 0, outcomes: {} }
    sums.set(network, sum)
    sum.sessions += sessions
    for (const [outcome, count] of Object.entries(outcomes) as [Outcome, number][])
      sum.outcomes[outcome] = (sum.outcomes[outcome] ?? 0) + count
  }
  return worstOf(
    [...sums].map(([network, { sessions, outcomes }]) => ({ network, sessions, outcomes })),
    limit,
  )
}
