// How many leading bits of an address identify a client: the prefix lengths of allowlist.prefix.

export interface ClientPrefix {
  readonly ipv4: number
  readonly ipv6: number
}

export const defaultPrefix: ClientPrefix = { ipv4: 32, ipv6: 64 }

/** The shortest that a policy can have. */
export const shortestPrefix: ClientPrefix = { ipv4: 8, ipv6: 16 }
