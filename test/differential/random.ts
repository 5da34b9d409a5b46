// Reproducible randomness: the same seed gives the same dialogues, here and everywhere.

export interface Random {
  /** A whole number from `low` to `high`, both included. */
  between(low: number, high: number): number
  /** Whether something that happens so often (0 to 1) happens now. */
  chance(share: number): boolean
  /** One of them. */
  pick<T>(choices: readonly T[]): T
  /** One of them, each as often as its weight says. */
  weighted<T>(choices: readonly (readonly [weight: number, choice: T])[]): T
}

/** The mulberry32 generator over a mix of the given numbers. */
export function seeded(...seeds: readonly number[]): Random {
  let state = seeds.reduce((mixed, seed) => Math.imul(mixed ^ seed, 0x9e3779b1) ^ (mixed >>> 15), 0x1234567)
  const next = (): number => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296
  }
  const pick = <T>(choices: readonly T[]): T => {
    if (choices.length === 0) throw new Error('nothing to pick from')
    return choices[Math.floor(next() * choices.length)] as T
  }
  return {
    between: (low, high) => low + Math.floor(next() * (high - low + 1)),
    chance: (share) => next() < share,
    pick,
    weighted: (choices) => {
      let rest = next() * choices.reduce((sum, [weight]) => sum + weight, 0)
      const found = choices.find(([weight]) => (rest -= weight) < 0)
      return found === undefined ? pick(choices)[1] : found[1]
    },
  }
}
