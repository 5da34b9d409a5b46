// Servers and addresses with a port, which several fields of the policy have. The run time parses them
// (values/endpoint.ts). The API server checks the same rules in CEL. CEL may accept a text that the run time refuses,
// but must not refuse a text that the run time accepts.
import { addressPortWhy, hostPortWhy, readAddressPort, readHostPort, readResolver, resolverWhy } from '../values/endpoint.ts'
import { celMatches, type FormRule, parsed } from './field.ts'
import { nameForm } from './host-name.ts'

/** Parts of patterns. */
const bracketed = '\\[[0-9A-Fa-f.]*:[0-9A-Fa-f:.]+\\]'
const port = ':([1-9][0-9]{0,3}|[1-5][0-9]{4}|6[0-4][0-9]{3}|65[0-4][0-9]{2}|655[0-2][0-9]|6553[0-5])'

/**
 * With ports up to 65535 and labels up to 63 characters. Does not check whether digits and dots, or the text in
 * brackets, are an address.
 */
export const addressPortForm = `^(${bracketed}|[0-9.]+)${port}$`
export const hostPortForm = `^(${bracketed}|${nameForm})${port}$`

/**
 * CEL's isIP refuses IPv4-mapped addresses, but the run time accepts them. They are checked as other addresses of the
 * same form.
 */
const isAddress = (written: string): string => `isIP(${written}.lowerAscii().replace('ffff:', '0:'))`

/** CEL for a text that has one of the forms above. */
const withPort = (form: string): string =>
  `${celMatches(form)} && (self.startsWith('[') ? ${isAddress("self.split(']')[0].substring(1)")} : !self.matches('^[0-9.]+:') || isIP(self.split(':')[0]))`

const rulesOf = (rule: string, why: string, max: number): readonly FormRule[] => [
  { rule: `self.size() <= ${max}`, message: `must have at most ${max} characters` },
  { rule, message: why },
]

/** `ADDRESS:PORT`, IPv6 in brackets. */
export const addressPort = () =>
  parsed({ max: 53, why: addressPortWhy, rules: rulesOf(withPort(addressPortForm), addressPortWhy, 53) }, readAddressPort)

/** `HOST:PORT`, IPv6 in brackets. The error message contains the example. */
export function hostPort(example: string) {
  const why = hostPortWhy(example)
  return parsed({ max: 262, why, rules: rulesOf(withPort(hostPortForm), why, 262) }, (written) => readHostPort(written, example))
}

/** A DNS server: an address, or an `ADDRESS:PORT`. */
export const resolver = () =>
  parsed(
    { max: 53, why: resolverWhy, rules: rulesOf(`${isAddress('self')} || (${withPort(addressPortForm)})`, resolverWhy, 53) },
    readResolver,
  )
