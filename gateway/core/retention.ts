// Which records of the temporary allowlist are worth keeping when it is cleaned.
import type { Stamps } from './allowlist-record.ts'

/**
 * True when no enabled test expired longer ago than the retention time (psc_cache_validator).
 * `enabled` in the order of testNames; `now` and `retention` in seconds. One enabled test that was never passed, or was
 * disabled when the record was written, makes the record disposable, even when others are fresh.
 */
export function worthKeeping(stamps: Readonly<Stamps>, enabled: readonly boolean[], now: number, retention: number): boolean {
  return stamps.every((stamp, i) => enabled[i] !== true || stamp >= now - retention)
}
