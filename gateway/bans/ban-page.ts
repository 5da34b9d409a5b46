// The page /bans of a gateway, and the changes that `postscreen bans` makes through it.
import { canonicalKey } from '../core/allowlist-key.ts'
import type { ActiveBan, BanTable } from '../core/bans/ban-table.ts'
import type { BanRules } from '../core/bans/ban.ts'

/** One ban. Times in RFC 3339. */
export interface BanEntry {
  readonly network: string
  readonly since: string
  readonly until: string
  readonly nth: number
  readonly by: 'gateway' | 'administrator'
  /** Visits that this gateway has refused. */
  readonly refused: number
}

export interface BanPage {
  readonly bans: readonly BanEntry[]
}

export type BanChange =
  /** `seconds`: undefined for the length of a first ban. */
  { readonly do: 'add'; readonly network: string; readonly seconds?: number } | { readonly do: 'remove'; readonly network: string }

/** `code` as in HTTP. */
export interface BanAnswer {
  readonly code: 200 | 400 | 404 | 409 | 503
  readonly text: string
}

export const noBans: BanAnswer = { code: 503, text: 'the policy in force has no bans (spec.bans)' }

const time = (epochMs: number): string => new Date(epochMs).toISOString()

export function banEntry({ ban: { network, at, until, nth, by }, refused }: ActiveBan): BanEntry {
  return { network, since: time(at), until: time(until), nth, by, refused }
}

/**
 * The network that the policy bans for what an administrator names: an address stands for its network. Another network
 * is refused, since it would ban or free more or less than was meant.
 */
export function networkToBan(text: string, { networkOf }: BanRules): { readonly network: string } | { readonly why: string } {
  const key = canonicalKey(text)
  if (key === undefined) return { why: `${JSON.stringify(text.slice(0, 100))} is not an address, and not a network such as 192.0.2.0/24` }
  const [address = ''] = key.split('/', 1)
  const network = networkOf(address)
  if (network === key || !key.includes('/')) return { network }
  const length = network.split('/', 2)[1]
  const banned = length === undefined ? 'single addresses' : `networks with a prefix length of ${length}`
  return {
    why: `${key} cannot be banned: the policy bans ${banned} (bans.prefix). To reject ${key}, add it to spec.access with action: Reject`,
  }
}

/** Carries out a change. @param now epoch milliseconds */
export function changeBans(table: BanTable, rules: BanRules, change: BanChange, now: number): BanAnswer {
  const read = networkToBan(change.network, rules)
  if ('why' in read) return { code: 400, text: read.why }
  const { network } = read
  if (change.do === 'remove') {
    const wasBanned = table.remove(network, now)
    return wasBanned ? { code: 200, text: `${network} is no longer banned` } : { code: 404, text: `${network} is not banned` }
  }
  const ms = change.seconds === undefined ? rules.forMs : change.seconds * 1000
  if (ms > rules.maxMs)
    return {
      code: 400,
      text: `a ban can last ${rules.maxMs / 1000} s at most (bans.max). To reject ${network} for longer, add it to spec.access with action: Reject`,
    }
  const ban = table.add(network, now, now + ms)
  if (ban === undefined)
    return { code: 409, text: 'there are as many bans of administrators as there may be; remove some, or use spec.access' }
  return { code: 200, text: `${network} is banned until ${time(ban.until)}` }
}
