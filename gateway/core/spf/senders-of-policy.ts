// The senders of a policy: the domains of all its spf entries, in their order.
import { usualRefresh } from '../../../crds/schema/access.ts'
import type { PolicySpec } from '../../../crds/schema/policy.schema.ts'
import { milliseconds, type Seconds, shorter } from '../../../crds/values/duration.ts'

/** One domain, and how often its record is read at least. */
export interface SenderRule {
  /** In lower case. */
  readonly domain: string
  readonly refreshMs: number
}

/** The name of a sender everywhere. */
export const senderName = (written: string): string => written.toLowerCase()

/** A domain that is there twice has the shorter time. */
export function sendersOf(access: PolicySpec['access']): readonly SenderRule[] {
  const found = new Map<string, Seconds>()
  for (const { spf = [], refresh = usualRefresh } of access) {
    for (const written of spf) {
      const domain = senderName(written)
      found.set(domain, shorter(refresh, found.get(domain) ?? refresh))
    }
  }
  return [...found].map(([domain, refresh]) => ({ domain, refreshMs: milliseconds(refresh) }))
}
