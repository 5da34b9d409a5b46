// Entries of allowlist.interfaces: `all`, an address or a network, each with `!` in front for addresses that are left
// out.
import { everywhere, type Network, networkWhy, readNetwork } from './network.ts'
import type { Read } from './read.ts'

/** The first pattern that contains a server address decides whether clients can enter the temporary allowlist there. */
export interface InterfacePattern {
  readonly networks: readonly Network[]
  readonly isAllowed: boolean
}

export const interfaceWhy =
  'must be all, an address or a network such as 192.0.2.1 or 192.0.2.0/24, or one of these after !; the prefix length is at most 32 for IPv4 and 128 for IPv6'

export function readInterfacePattern(text: string): Read<InterfacePattern> {
  const isAllowed = !text.startsWith('!')
  const plain = isAllowed ? text : text.slice(1)
  if (plain === 'all') return { value: { networks: everywhere, isAllowed } }
  const read = readNetwork(plain)
  if ('value' in read) return { value: { networks: [read.value], isAllowed } }
  return { why: read.why === networkWhy ? interfaceWhy : read.why }
}
