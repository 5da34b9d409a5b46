// Counts of durations on a logarithmic scale, from half a millisecond to a day, from which quantiles are read within
// 8 %.

/** Each bucket reaches 16 % further than the one before. */
const ratio = 1.16
const smallestMs = 0.5
export const scaleSize = 132

const perLog = 1 / Math.log(ratio)

/** The bucket of a duration in milliseconds. */
export function bucketOf(ms: number): number {
  if (!(ms > smallestMs)) return 0
  return Math.min(scaleSize - 1, Math.ceil(Math.log(ms / smallestMs) * perLog))
}

/** The middle of a bucket in milliseconds. */
const middleOf = (bucket: number): number => smallestMs * ratio ** (bucket - 0.5)

/** The duration in milliseconds below which this share of the counts is; undefined if there are none. */
export function quantile(counts: ArrayLike<number>, share: number): number | undefined {
  let total = 0
  for (let i = 0; i < counts.length; i++) total += counts[i] ?? 0
  if (total === 0) return undefined
  let left = Math.max(1, Math.ceil(total * share))
  for (let i = 0; i < counts.length; i++) {
    left -= counts[i] ?? 0
    if (left <= 0) return middleOf(i)
  }
  return middleOf(counts.length - 1)
}

/** Adds counts to others of the same scale. */
export function addCounts(to: number[], from: ArrayLike<number>): void {
  for (let i = 0; i < from.length; i++) to[i] = (to[i] ?? 0) + (from[i] ?? 0)
}
