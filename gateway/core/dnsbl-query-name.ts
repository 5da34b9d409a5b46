// The name that is asked for at a DNSBL site about a client (RFC 5782 2.1 and 2.4; dnsblog.c, dnsblog_query).

const ipv4 =
  /^(25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)\.(25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)\.(25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)\.(25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)$/
const ipv6Group = /^[0-9a-f]{1,4}$/i
const domainName = /^[a-z0-9_-]{1,63}(\.[a-z0-9_-]{1,63})*$/i
const longestName = 253 // RFC 1035 2.3.4: 255 bytes in a message

/**
 * The query name: IPv4 octets or 32 IPv6 nibbles, in reverse order and lower case, then the domain as it is written.
 * An IPv4 address in IPv6 form (::ffff:192.0.2.1) is asked for as IPv4: that is what lists hold.
 * Undefined when `client` is no IP address (zones are none either) or when the name is no domain name or is too long for a query.
 */
export function dnsblQueryName(client: string, domain: string): string | undefined {
  const reversed = reversedIpv4(client) ?? reversedIpv6(client)
  if (reversed === undefined) return undefined
  const site = domain.endsWith('.') ? domain.slice(0, -1) : domain
  const name = `${reversed}.${site}`
  return name.length <= longestName && domainName.test(site) ? name : undefined
}

function reversedIpv4(address: string): string | undefined {
  const octets = ipv4.exec(address)
  return octets === null ? undefined : `${octets[4]}.${octets[3]}.${octets[2]}.${octets[1]}`
}

function reversedIpv6(address: string): string | undefined {
  const hex = ipv6Digits(address)
  if (hex === undefined) return undefined
  if (hex.startsWith('00000000000000000000ffff')) {
    const octet = (at: number) => Number.parseInt(hex.slice(at, at + 2), 16)
    return `${octet(30)}.${octet(28)}.${octet(26)}.${octet(24)}`
  }
  let reversed = hex.charAt(31)
  for (let i = 30; i >= 0; i--) reversed += `.${hex.charAt(i)}`
  return reversed
}

/** The 32 lower-case digits of any text form of RFC 4291 2.2. */
function ipv6Digits(address: string): string | undefined {
  const halves = address.split('::')
  const head = ipv6Groups(halves[0] ?? '', halves.length === 1)
  const tail = ipv6Groups(halves[1] ?? '', true)
  if (head === undefined || tail === undefined || halves.length > 2) return undefined
  const missing = 32 - head.length - tail.length
  if (halves.length === 1 ? missing !== 0 : missing < 4) return undefined
  return (head + '0'.repeat(missing) + tail).toLowerCase()
}

/** The digits of groups between colons; the last may be an IPv4 address when these groups end the whole address. */
function ipv6Groups(text: string, endsAddress: boolean): string | undefined {
  if (text === '') return ''
  const groups = text.split(':')
  let digits = ''
  for (const [i, group] of groups.entries()) {
    if (ipv6Group.test(group)) digits += group.padStart(4, '0')
    else if (endsAddress && i === groups.length - 1 && ipv4.test(group)) digits += ipv4Digits(group)
    else return undefined
  }
  return digits
}

function ipv4Digits(address: string): string {
  let digits = ''
  for (const octet of address.split('.')) digits += Number(octet).toString(16).padStart(2, '0')
  return digits
}
