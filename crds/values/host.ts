// Host names and ports as a policy writes them: text in, parts or the reason for refusal out.
import { formatAddress, parseExactAddress } from './address.ts'

/**
 * Why a text is not a host name, or undefined when it is one. The rules and words of Postfix's valid_hostname: letters, digits, hyphens and
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

/** One text for all ways to write an `ADDRESS:PORT`; a text that is not one stays as it is. */
export function canonicalAddressPort(text: string): string {
  const parts = splitHostPort(text)
  const address = parts && parseExactAddress(parts.host)
  return parts && address ? `${formatAddress(address)} ${parts.port}` : text
}

export const addressPortWhy = 'must be ADDRESS:PORT such as 0.0.0.0:2525 or [::]:2525, with a port from 1 to 65535'

/** Why a text is not an `ADDRESS:PORT`, or undefined when it is one. */
export function addressPortProblem(text: string): string | undefined {
  const parts = splitHostPort(text)
  if (parts && parseExactAddress(parts.host)) return undefined
  return addressPortWhy
}

export const hostPortWhy = (example: string): string =>
  `must be HOST:PORT such as ${example}, 192.0.2.1:25 or [2001:db8::1]:25, with a port from 1 to 65535`

/** Why a text is not a `HOST:PORT`, or undefined when it is one. */
export function hostPortProblem(text: string, example = 'postfix.example.com:10025'): string | undefined {
  const why = hostPortWhy(example)
  const parts = splitHostPort(text)
  if (!parts) return why
  if (parseExactAddress(parts.host)) return undefined
  const problem = hostNameProblem(parts.host)
  return problem === undefined ? undefined : `${why}: ${problem}`
}
