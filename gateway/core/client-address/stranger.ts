// Addresses that no host has (RFC 5737, RFC 3849): what a PROXY header says where it must not say whose connection it
// is. A mail server trusts them no more than any host of the internet, and name servers know that they have no names
// (RFC 6303), so that no lookup delays its greeting.

/** By family: a client, and a server where the gateway has no address of the client's family. */
export const strangers = {
  ipv4: { client: '192.0.2.1', server: '192.0.2.2' },
  ipv6: { client: '2001:db8::1', server: '2001:db8::2' },
} as const

/** The stranger of the same family. @param address canonical */
export const strangerFor = (address: string): string => strangers[address.includes(':') ? 'ipv6' : 'ipv4'].client
