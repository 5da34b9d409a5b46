// Addresses and ports as people write them: `192.0.2.1:25`, `[2001:db8::1]:25`, `mx.example.com:25`.
import { parseExactAddress } from './address.ts'

/** One end of a TCP connection: an address without brackets or zone, and a port. */
export interface Endpoint {
  readonly address: string
  readonly port: number
}

/** `192.0.2.1:25` or `[2001:db8::1]:25`. */
export function formatEndpoint({ address, port }: Endpoint): string {
  return address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`
}

/**
 * HOST:PORT, with brackets around an IPv6 address. Undefined when it is not of that form; the host is not looked at.
 * @param defaultPort taken when only a host is given; then an IPv6 address may stand without brackets
 */
export function parseEndpoint(text: string, defaultPort?: number): Endpoint | undefined {
  if (defaultPort !== undefined && parseExactAddress(text)?.family === 6) return { address: text, port: defaultPort }
  const match = /^(?:\[([^\]]+)\]|([^:[\]]+))(?::(\d{1,5}))?$/.exec(text)
  const port = match?.[3] === undefined ? defaultPort : Number(match[3])
  const address = match?.[1] ?? match?.[2]
  if (address === undefined || port === undefined || port > 65_535) return undefined
  return { address, port }
}

/** The same for a text that the policy's schema or the command line has checked. Throws for any other text: that is a mistake in the program. */
export function checkedEndpoint(text: string, defaultPort?: number): Endpoint {
  const endpoint = parseEndpoint(text, defaultPort)
  if (endpoint === undefined) throw new TypeError(`${JSON.stringify(text)} is not of the form HOST:PORT`)
  return endpoint
}
