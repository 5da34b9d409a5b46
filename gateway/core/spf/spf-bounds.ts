// What another party's DNS zone may permit at most. The numbers come from what the largest senders have published since
// 2016: their shortest prefix lengths were 14 and 36, and the largest set had about a million IPv4 addresses. In 2022
// one of them published networks of a public cloud with prefix lengths of 10 and 12 for 16 months; these are refused.
import { contains, difference, type Network, prefixOf, readNetwork } from '../../../crds/values/network.ts'
import { valueOf } from '../../../crds/values/read.ts'
import type { SetSize } from './network-set.ts'

export interface SpfBounds {
  /** The shortest prefix length that is permitted, and the shortest one that needs no warning. */
  readonly ipv4: { readonly shortest: number; readonly usual: number }
  readonly ipv6: { readonly shortest: number; readonly usual: number }
  /** Of one sender; IPv6 in networks with a prefix length of 64. */
  readonly ofSender: SetSize
  /** Of all senders of a policy. */
  readonly ofPolicy: SetSize
  /** Addresses that no sender on the internet has. */
  readonly specialUse: readonly Network[]
  /** Questions to DNS for one sender, and records inside each other. */
  readonly queries: number
  readonly depth: number
}

const network = (text: string): Network => valueOf(readNetwork(text))

/** Documentation networks (RFC 5737, RFC 3849). */
export const documentation: readonly Network[] = ['192.0.2.0/24', '198.51.100.0/24', '203.0.113.0/24', '2001:db8::/32'].map(network)

/** IANA's special-purpose address registries, and multicast. */
const specialUse: readonly Network[] = [
  ...['0.0.0.0/8', '10.0.0.0/8', '100.64.0.0/10', '127.0.0.0/8', '169.254.0.0/16', '172.16.0.0/12', '192.0.0.0/24', '192.168.0.0/16'],
  ...['198.18.0.0/15', '224.0.0.0/3', '::/8', 'fc00::/7', 'fe80::/10', 'ff00::/8'],
].map(network)

/** Sixteen networks with a prefix length of 32. */
const sixteen32 = 2 ** 36

export const spfBounds: SpfBounds = {
  ipv4: { shortest: 14, usual: 16 },
  ipv6: { shortest: 32, usual: 36 },
  ofSender: { networks: 4000, ipv4: 2 ** 21, ipv6: sixteen32 },
  ofPolicy: { networks: 20_000, ipv4: 2 ** 23, ipv6: 4 * sixteen32 },
  specialUse: [...specialUse, ...documentation],
  queries: 64,
  depth: 10,
}

/** What a network of a record comes to. `networks` empty: it is refused. */
export interface Checked {
  readonly networks: readonly Network[]
  /** Why it is refused, or what to warn of. */
  readonly why?: string
}

/** Checks one network that a record permits. */
export function checkNetwork(one: Network, { ipv4, ipv6, specialUse: special }: SpfBounds): Checked {
  const { shortest, usual } = one.family === 4 ? ipv4 : ipv6
  const length = prefixOf(one)
  if (length < shortest) return { networks: [], why: `too wide: the shortest prefix length is ${shortest} for IPv${one.family}` }
  if (special.some((other) => contains(other, one))) return { networks: [], why: 'not a network of the public internet' }
  const inside = special.filter((other) => contains(one, other))
  if (inside.length > 0) return { networks: difference([one], inside), why: 'a part of it that is not of the public internet is left out' }
  return length < usual ? { networks: [one], why: `very wide: a prefix length of ${length}` } : { networks: [one] }
}

/** Why a set is too large; undefined if it is not. */
export function whyTooLarge(size: SetSize, most: SetSize): string | undefined {
  if (size.networks > most.networks) return `${size.networks} networks; the limit is ${most.networks}`
  if (size.ipv4 > most.ipv4) return `${size.ipv4} IPv4 addresses; the limit is ${most.ipv4}`
  if (size.ipv6 > most.ipv6) return `${size.ipv6} IPv6 networks with a prefix length of 64; the limit is ${most.ipv6}`
  return undefined
}
