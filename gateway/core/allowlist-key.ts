// The key of a client's entry on the temporary allowlist: its address, or the network that it belongs to.
import { type AddressValue, formatIPv4, formatIPv6, parseAddress } from '../../crds/values/address.ts'
import { type ClientPrefix, shortestPrefix } from '../../crds/values/client-prefix.ts'

function networkOf(address: AddressValue, prefix: number): AddressValue {
  if (address.family === 4) return { family: 4, value: address.value - (address.value % 2 ** (32 - prefix)) }
  const host = BigInt(128 - prefix)
  return { family: 6, value: (address.value >> host) << host }
}

const format = (address: AddressValue): string => (address.family === 4 ? formatIPv4(address.value) : formatIPv6(address.value))
const bitsOf = (address: AddressValue): number => (address.family === 4 ? 32 : 128)

function keyFor(address: AddressValue, prefix: number): string {
  return prefix >= bitsOf(address) ? format(address) : `${format(networkOf(address, prefix))}/${prefix}`
}

/**
 * Makes the function from a client's address, in canonical text, to its key: the address itself, or its network such as
 * `192.0.2.0/24`.
 * An IPv4-mapped IPv6 address counts as IPv4. A text that is not an address is its own key.
 */
export function allowlistKeys(prefix: ClientPrefix): (address: string) => string {
  return (text) => {
    const address = parseAddress(text)
    return address === undefined ? text : keyFor(address, address.family === 4 ? prefix.ipv4 : prefix.ipv6)
  }
}

/**
 * The canonical form of a key that an administrator or a file names: an address, or a network without bits set behind
 * its prefix.
 * Undefined when the text is neither.
 */
export function canonicalKey(text: string): string | undefined {
  const [, host = '', length] = /^([^/]+)(?:\/([1-9][0-9]*))?$/.exec(text) ?? []
  const address = parseAddress(host)
  if (address === undefined) return undefined
  const bits = bitsOf(address)
  const prefix = length === undefined ? bits : Number(length)
  if (prefix > bits || prefix < (address.family === 4 ? shortestPrefix.ipv4 : shortestPrefix.ipv6)) return undefined
  return networkOf(address, prefix).value === address.value ? keyFor(address, prefix) : undefined
}

/**
 * Every key that a policy could use for this address, the address itself first. Undefined when the text is not an
 * address.
 */
export function keysOfAddress(text: string): readonly string[] | undefined {
  const address = parseAddress(text)
  if (address === undefined) return undefined
  const bits = bitsOf(address)
  const fewest = address.family === 4 ? shortestPrefix.ipv4 : shortestPrefix.ipv6
  return Array.from({ length: bits - fewest + 1 }, (_, shorter) => keyFor(address, bits - shorter))
}
