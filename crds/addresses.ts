// Addresses, networks, host names and ports as a policy writes them: text in, numbers or the reason for refusal out.

/** An IP address as its 4 or 16 bytes. */
export type AddressBytes = readonly number[]

/** A network: the bytes of its first address, and how many leading bits count. */
export interface Network {
  readonly bytes: AddressBytes
  readonly prefix: number
}

function parseIPv4(text: string): AddressBytes | undefined {
  const parts = text.split('.')
  if (parts.length !== 4 || !parts.every((part) => /^(0|[1-9][0-9]{0,2})$/.test(part))) return undefined
  const bytes = parts.map(Number)
  return bytes.every((byte) => byte <= 255) ? bytes : undefined
}

/** The groups of one side of `::`, as bytes; a dotted IPv4 tail counts as two groups (RFC 4291 2.2). */
function parseGroups(text: string, mayEndInIPv4: boolean): AddressBytes | undefined {
  if (text === '') return []
  const groups = text.split(':')
  const bytes: number[] = []
  for (const [at, group] of groups.entries()) {
    const tail = mayEndInIPv4 && at === groups.length - 1 && group.includes('.') ? parseIPv4(group) : undefined
    if (tail) bytes.push(...tail)
    else if (/^[0-9A-Fa-f]{1,4}$/.test(group)) bytes.push(Number.parseInt(group, 16) >> 8, Number.parseInt(group, 16) & 255)
    else return undefined
  }
  return bytes
}

function parseIPv6(text: string): AddressBytes | undefined {
  const halves = text.split('::')
  if (halves.length > 2) return undefined
  const head = parseGroups(halves[0] ?? '', halves.length === 1)
  const tail = halves.length === 2 ? parseGroups(halves[1] ?? '', true) : []
  if (!head || !tail) return undefined
  const missing = 16 - head.length - tail.length
  if (halves.length === 1 ? missing !== 0 : missing < 2) return undefined
  return [...head, ...Array<number>(missing).fill(0), ...tail]
}

/** The bytes of an IPv4 or IPv6 address, or undefined. No brackets, no zone, no leading zeros in IPv4 (they read as octal elsewhere). */
export function parseAddress(text: string): AddressBytes | undefined {
  return text.includes(':') ? parseIPv6(text) : parseIPv4(text)
}

/** Whether an address is an IPv4-mapped IPv6 one (::ffff:192.0.2.1): clients never have those here, they are seen as IPv4. */
const isMapped = (bytes: AddressBytes): boolean =>
  bytes.length === 16 && bytes.slice(0, 10).every((byte) => byte === 0) && bytes[10] === 255 && bytes[11] === 255

/** The network part of an address: every bit after the prefix cleared. */
function clearHostBits(bytes: AddressBytes, prefix: number): AddressBytes {
  return bytes.map((byte, at) => byte & (0xff << Math.max(0, 8 - Math.max(0, prefix - at * 8))) & 0xff)
}

/** Text of an address from its bytes; IPv6 with the longest run of zero groups shortened (RFC 5952). */
export function formatAddress(bytes: AddressBytes): string {
  if (bytes.length === 4) return bytes.join('.')
  const groups = Array.from({ length: 8 }, (_, at) => (((bytes[at * 2] ?? 0) << 8) | (bytes[at * 2 + 1] ?? 0)).toString(16))
  const runs = [
    ...groups
      .map((group) => (group === '0' ? '0' : '1'))
      .join('')
      .matchAll(/0{2,}/g),
  ]
  const longest = runs.toSorted((a, b) => b[0].length - a[0].length)[0]
  if (!longest) return groups.join(':')
  return `${groups.slice(0, longest.index).join(':')}::${groups.slice(longest.index + longest[0].length).join(':')}`
}

/**
 * A network `ADDRESS/BITS`, or one address (all its bits count). Bits set beyond the prefix are refused, as in Postfix's cidr tables:
 * they are nearly always a slip of the pen, and the reason says what was probably meant.
 */
export function parseNetwork(text: string): { readonly network: Network } | { readonly why: string } {
  const [address = '', bits, ...more] = text.split('/')
  const bytes = parseAddress(address)
  const why = 'must be an address or a network such as 192.0.2.1, 192.0.2.0/24 or 2001:db8::/32'
  if (!bytes || more.length > 0) return { why: `${why}, without brackets` }
  const size = bytes.length * 8
  if (bits !== undefined && (!/^(0|[1-9][0-9]{0,2})$/.test(bits) || Number(bits) > size)) {
    return { why: `must have a prefix length from 0 to ${size} after the slash` }
  }
  const prefix = bits === undefined ? size : Number(bits)
  const cleared = clearHostBits(bytes, prefix)
  if (cleared.some((byte, at) => byte !== bytes[at])) {
    return { why: `has address bits set beyond the prefix length; perhaps you mean ${formatAddress(cleared)}/${prefix}` }
  }
  if (isMapped(bytes))
    return { why: `must be written as IPv4: ${formatAddress(bytes.slice(12))}${bits === undefined ? '' : `/${prefix - 96}`}` }
  return { network: { bytes, prefix } }
}

/**
 * Why a text is no host name, or undefined when it is one. The rules and words of Postfix's valid_hostname: letters, digits, hyphens and
 * underscores in labels of at most 63 characters, not all digits.
 */
export function hostNameProblem(name: string): string | undefined {
  if (name === '') return 'empty name'
  if (name.length > 255) return 'too long'
  if (/[^A-Za-z0-9._-]/.test(name)) return `invalid character ${JSON.stringify(/[^A-Za-z0-9._-]/u.exec(name)?.[0])}`
  if (/^\.|\.\.|\.$/.test(name)) return 'misplaced dot'
  if (/(^|\.)-|-(\.|$)/.test(name)) return 'misplaced hyphen'
  if (name.split('.').some((label) => label.length > 63)) return 'a label is longer than 63 characters'
  if (/^[0-9.]+$/.test(name)) return 'only digits'
  return undefined
}

/** A host and a port. IPv6 addresses are written in brackets; `host` comes without them. */
export interface HostPort {
  readonly host: string
  readonly port: number
}

/** Splits `HOST:PORT` or `[IPv6]:PORT`; undefined when the form or the port (1 to 65535) is wrong. The host itself is not looked at. */
export function splitHostPort(text: string): HostPort | undefined {
  const [, bracketed, plain, port] = /^(?:\[([^\]]*)\]|([^:[\]]+)):([1-9][0-9]{0,4})$/.exec(text) ?? []
  const host = bracketed ?? plain
  if (host === undefined || Number(port) > 65_535) return undefined
  if (bracketed !== undefined && !bracketed.includes(':')) return undefined
  return { host, port: Number(port) }
}

/** One text for all ways to write an `ADDRESS:PORT`; what is none stays as it is. */
export function canonicalAddressPort(text: string): string {
  const parts = splitHostPort(text)
  const bytes = parts && parseAddress(parts.host)
  return parts && bytes ? `${formatAddress(bytes)} ${parts.port}` : text
}

/** Why a text is no `ADDRESS:PORT`, or undefined when it is one. */
export function addressPortProblem(text: string): string | undefined {
  const parts = splitHostPort(text)
  if (parts && parseAddress(parts.host)) return undefined
  return 'must be ADDRESS:PORT such as 0.0.0.0:2525 or [::]:2525, with a port from 1 to 65535'
}

/** Why a text is no `HOST:PORT`, or undefined when it is one. */
export function hostPortProblem(text: string): string | undefined {
  const why = 'must be HOST:PORT such as postfix.example.com:10025, 192.0.2.1:25 or [2001:db8::1]:25'
  const parts = splitHostPort(text)
  if (!parts) return why
  if (parseAddress(parts.host)) return undefined
  const problem = hostNameProblem(parts.host)
  return problem === undefined ? undefined : `${why}: ${problem}`
}
