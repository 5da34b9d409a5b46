// The bans of a policy, in the form that sessions use.
import { milliseconds } from '../../../crds/values/duration.ts'
import type { PolicySpec } from '../../../crds/schema/policy.schema.ts'
import { allowlistKeys } from '../allowlist-key.ts'
import type { BanRules } from './ban.ts'

/** @returns undefined when the policy bans no clients */
export function banRules(bans: PolicySpec['bans']): BanRules | undefined {
  if (bans === undefined) return undefined
  return {
    after: bans.after,
    withinMs: milliseconds(bans.within),
    forMs: milliseconds(bans.for),
    growth: bans.growth,
    maxMs: milliseconds(bans.max),
    networkOf: allowlistKeys(bans.prefix),
  }
}
