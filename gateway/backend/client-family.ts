// The address family of a client: a backend may offer other EHLO keywords to each, since its tables name networks.

export type ClientFamily = 'ipv4' | 'ipv6'
export const clientFamilies: readonly ClientFamily[] = ['ipv4', 'ipv6']

/** @param address canonical, as sessions have it */
export function clientFamily(address: string): ClientFamily {
  return address.includes(':') ? 'ipv6' : 'ipv4'
}
