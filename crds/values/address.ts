// IP addresses as numbers: parsing, and the one canonical text that identifies a client everywhere.

/** A parsed address: IPv4 as an unsigned 32-bit number, IPv6 as a 128-bit bigint. */
export type AddressValue = { readonly family: 4; readonly value: number } | { readonly family: 6; readonly value: bigint }

const mappedPrefix = 0xffffn

/**
 * Dotted quad to a number from 0 to 2^32-1; undefined if the text is not a dotted quad.
 * Leading zeros are decimal, as in Postfix (valid_ipv4_hostaddr: `01.02.03.04` is 1.2.3.4).
 */
export function parseIPv4(text: string): number | undefined {
  let value = 0
  let field = -1
  let dots = 0
  for (let i = 0; i < text.length; i++) {
    const c = text.charCodeAt(i)
    if (c === 0x2e) {
      if (field < 0 || ++dots > 3) return undefined
      value = value * 256 + field
      field = -1
      continue
    }
    if (c < 0x30 || c > 0x39) return undefined
    field = (field < 0 ? 0 : field * 10) + (c - 0x30)
    if (field > 255) return undefined
  }
  return dots === 3 && field >= 0 ? value * 256 + field : undefined
}

/** The words of one side of `::`. The last one may be a dotted quad. Undefined if one is malformed. */
function parseGroups(text: string, dottedQuadAllowed: boolean): number[] | undefined {
  if (text === '') return []
  const groups: number[] = []
  const words = text.split(':')
  for (const [i, word] of words.entries()) {
    if (dottedQuadAllowed && i === words.length - 1 && word.includes('.')) {
      const quad = parseIPv4(word)
      if (quad === undefined) return undefined
      groups.push(quad >>> 16, quad & 0xffff)
    } else if (/^[0-9a-f]{1,4}$/i.test(word)) {
      groups.push(Number.parseInt(word, 16))
    } else {
      return undefined
    }
  }
  return groups
}

/**
 * IPv6 text (RFC 4291 2.2, any form) to 128 bits; undefined if the text is not an IPv6 address. Zones (`%eth0`) are not
 * accepted.
 */
export function parseIPv6(text: string): bigint | undefined {
  if (text.length > 45) return undefined
  const halves = text.split('::')
  if (halves.length > 2) return undefined
  const compressed = halves.length === 2
  const head = parseGroups(halves[0] ?? '', !compressed)
  const tail = compressed ? parseGroups(halves[1] ?? '', true) : []
  if (head === undefined || tail === undefined) return undefined
  const given = head.length + tail.length
  if (compressed ? given > 7 : given !== 8) return undefined
  let value = 0n
  for (const group of head) value = (value << 16n) | BigInt(group)
  value <<= BigInt(16 * (8 - given))
  for (const group of tail) value = (value << 16n) | BigInt(group)
  return value
}

/** Either family; an IPv4-mapped IPv6 address is the IPv4 address (postscreen: psc_endpt_lookup). */
export function parseAddress(text: string): AddressValue | undefined {
  const v4 = parseIPv4(text)
  if (v4 !== undefined) return { family: 4, value: v4 }
  const v6 = parseIPv6(text)
  if (v6 === undefined) return undefined
  return v6 >> 32n === mappedPrefix ? { family: 4, value: Number(v6 & 0xffffffffn) } : { family: 6, value: v6 }
}

/**
 * An address as inet_pton(3) reads it, as in Postfix's tables and in a policy. IPv4 addresses have no leading zeros,
 * because other programs read those as octal. An IPv4-mapped address stays an IPv6 address.
 */
export function parseExactAddress(text: string): AddressValue | undefined {
  const quad = text.slice(text.lastIndexOf(':') + 1)
  if ((quad === text || quad.includes('.')) && /(^|\.)0[0-9]/.test(quad)) return undefined
  if (quad === text) {
    const value = parseIPv4(text)
    return value === undefined ? undefined : { family: 4, value }
  }
  const value = parseIPv6(text)
  return value === undefined ? undefined : { family: 6, value }
}

/** A number from 0 to 2^32-1 as a dotted quad. */
export function formatIPv4(value: number): string {
  return `${value >>> 24}.${(value >>> 16) & 255}.${(value >>> 8) & 255}.${value & 255}`
}

/** 128 bits in the text of RFC 5952: lower case, the longest run of two or more zero groups compressed. */
export function formatIPv6(value: bigint): string {
  const groups: number[] = []
  for (let shift = 112n; shift >= 0n; shift -= 16n) groups.push(Number((value >> shift) & 0xffffn))
  return formatIPv6Groups(groups)
}

/** The same for eight groups of 16 bits. */
export function formatIPv6Groups(groups: readonly number[]): string {
  let best = 0
  let bestLength = 1
  for (let i = 0; i < 8; i++) {
    let end = i
    while (end < 8 && groups[end] === 0) end++
    if (end - i > bestLength) {
      best = i
      bestLength = end - i
    }
    if (end > i) i = end
  }
  const text = (part: readonly number[]): string => part.map((g) => g.toString(16)).join(':')
  return bestLength < 2 ? text(groups) : `${text(groups.slice(0, best))}::${text(groups.slice(best + bestLength))}`
}

export const formatAddress = (address: AddressValue): string =>
  address.family === 4 ? formatIPv4(address.value) : formatIPv6(address.value)

/** The canonical text of an address in logs, lists and the allowlist; undefined if the text is not an address. */
export function canonicalAddress(text: string): string | undefined {
  const address = parseAddress(text)
  return address === undefined ? undefined : formatAddress(address)
}
