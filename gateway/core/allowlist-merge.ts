// Merges what two gateways know about one client: for each test the pass that holds longest.

const form = /^[0-9]{1,16}(?:;[0-9]{1,16}){4}$/

/** The five stamps of a record as encodeRecord writes it; undefined for any other text. */
function stampsOf(record: string | undefined): readonly number[] | undefined {
  if (record === undefined || !form.test(record)) return undefined
  const stamps = record.split(';').map(Number)
  return stamps.every(Number.isSafeInteger) ? stamps : undefined
}

/**
 * The larger stamp of each test. A test that one side has passed stays passed, and the order of records does not matter
 * (commutative, associative, idempotent). DISABLED (1) wins over NEW (0) and loses to every pass, so neither can hide a
 * pass.
 * A text that is not a record is ignored; without any record the result is `b`.
 * The same as mergeScript of gateway/allowlist/valkey-merge.ts.
 */
export function mergeRecords(a: string | undefined, b: string): string {
  const [one, other] = [stampsOf(a), stampsOf(b)]
  if (one === undefined) return other === undefined ? b : other.join(';')
  if (other === undefined) return one.join(';')
  return one.map((stamp, i) => Math.max(stamp, other[i] ?? 0)).join(';')
}

/** The epoch second until which the last of the passes holds; 0 for a text that is not a record. */
export function latestStamp(record: string): number {
  return Math.max(...(stampsOf(record) ?? [0]))
}

/** Whether every enabled test (in the order of testNames) was passed and that still holds at epoch second `now`. */
export function holdsAt(record: string, enabled: readonly boolean[], now: number): boolean {
  return stampsOf(record)?.every((stamp, i) => enabled[i] !== true || stamp >= now) ?? false
}
