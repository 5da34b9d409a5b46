// Compares Postfix compatibility levels such as 2, 3.6 or 3.6.1, for the `<level` operators (compat_level(3)).

/** Minor and patch numbers have ten bits in Postfix. */
const largestPart = 0x3ff

/**
 * Major, minor and patch number; undefined if the text is malformed. strtol reads each part, so white space and a sign
 * may come before it.
 */
function parseLevel(text: string): readonly bigint[] | undefined {
  const match = /^([ \t\n\v\f\r]*[+-]?[0-9]+)(?:\.([ \t\n\v\f\r]*[+-]?[0-9]+))?(?:\.([ \t\n\v\f\r]*[+-]?[0-9]+))?$/.exec(text)
  if (match === null) return undefined
  const parts = match.slice(1, 4).map((part) => BigInt(part === undefined ? 0 : part.trim().replace('+', '')))
  const limits = [(2n ** 63n - 1n) >> 20n, BigInt(largestPart), BigInt(largestPart)]
  return parts.every((part, at) => part >= 0n && part <= (limits[at] ?? 0n)) ? parts : undefined
}

/**
 * Negative, zero or positive if the left level is lower than, equal to or higher than the right one; or the reason why
 * they cannot be compared.
 */
export function compareLevels(left: string, right: string): number | string {
  const [a, b] = [parseLevel(left), parseLevel(right)]
  const malformed = a === undefined ? left : right
  if (a === undefined || b === undefined) return `malformed compatibility level syntax: "${malformed}"`
  const at = a.findIndex((part, index) => part !== b[index])
  if (at < 0) return 0
  return (a[at] ?? 0n) < (b[at] ?? 0n) ? -1 : 1
}
