// Reads an SPF record (RFC 7208 4.6.1, 5, 6, 12). The syntax of all terms is checked, also behind `all`, because an
// error anywhere makes the whole record an error.
import { parseIPv4, parseIPv6 } from '../../../crds/values/address.ts'
import { isMapped, type Network, networkAround, printed } from '../../../crds/values/network.ts'
import type { Read } from '../../../crds/values/read.ts'
import { type DomainSpec, isMacroString, readDomainSpec } from './domain-spec.ts'

export type Qualifier = '+' | '-' | '~' | '?'

/** The prefix lengths of a and mx. */
export interface Lengths {
  readonly ipv4: number
  readonly ipv6: number
}

export type Mechanism =
  | { readonly is: 'all' }
  | { readonly is: 'include'; readonly domain: DomainSpec }
  /** The domain of the record if there is none in the term. */
  | { readonly is: 'a' | 'mx'; readonly domain: DomainSpec; readonly lengths: Lengths }
  | { readonly is: 'network'; readonly network: Network; readonly hasHostBits: boolean; readonly isMapped: boolean }
  | { readonly is: 'ptr' | 'exists' }

/** A mechanism with its qualifier, and as it is written. */
export interface Directive {
  readonly qualifier: Qualifier
  readonly mechanism: Mechanism
  readonly written: string
}

export interface SpfRecord {
  /** In their order, without those behind `all`. */
  readonly directives: readonly Directive[]
  /** Undefined also if the record has `all` (RFC 7208 6.1). */
  readonly redirect: { readonly domain: DomainSpec; readonly written: string } | undefined
}

const version = /^v=spf1(?: |$)/i

/** Whether a TXT record is an SPF record (RFC 7208 4.5). */
export const isSpfRecord = (text: string): boolean => version.test(text)

interface Modifier {
  readonly name: string
  readonly domain: DomainSpec | undefined
  readonly written: string
}

/** @param domain to which the record belongs. The reason of an error names the term. */
export function readSpfRecord(text: string, domain: string): Read<SpfRecord> {
  const directives: Directive[] = []
  const modifiers: Modifier[] = []
  for (const written of text.slice('v=spf1'.length).split(' ')) {
    if (written === '') continue
    const read = readTerm(written, domain)
    if ('why' in read) return { why: `${printed(written)}: ${read.why}` }
    if ('mechanism' in read.value) directives.push(read.value)
    else if (read.value.name !== '' && modifiers.some(({ name }) => 'name' in read.value && name === read.value.name))
      return { why: `${printed(written)}: the record has this modifier twice` }
    else modifiers.push(read.value)
  }
  const end = directives.findIndex(({ mechanism }) => mechanism.is === 'all')
  const redirect = modifiers.find(({ name }) => name === 'redirect')
  return {
    value: {
      directives: end < 0 ? directives : directives.slice(0, end + 1),
      redirect: end >= 0 || redirect?.domain === undefined ? undefined : { domain: redirect.domain, written: redirect.written },
    },
  }
}

function readTerm(written: string, domain: string): Read<Directive | Modifier> {
  const modifier = /^([a-z][a-z0-9_.-]*)=(.*)$/is.exec(written)
  if (modifier !== null) return readModifier(written, { name: (modifier[1] ?? '').toLowerCase(), value: modifier[2] ?? '' }, domain)
  const [, qualifier = '', name = '', behind = ''] = /^([-+~?]?)([a-z][a-z0-9]*)(.*)$/is.exec(written) ?? []
  const mechanism = readMechanism(name.toLowerCase(), behind, domain)
  if ('why' in mechanism) return mechanism
  return { value: { qualifier: qualifierOf(qualifier), mechanism: mechanism.value, written } }
}

function qualifierOf(written: string): Qualifier {
  return written === '-' || written === '~' || written === '?' ? written : '+'
}

/** An unknown modifier is ignored; its name is then empty, because it may be there twice. */
function readModifier(written: string, { name, value }: { readonly name: string; readonly value: string }, domain: string): Read<Modifier> {
  if (name !== 'redirect' && name !== 'exp')
    return isMacroString(value)
      ? { value: { name: '', domain: undefined, written } }
      : { why: 'the modifier has an invalid macro or character' }
  const read = readDomainSpec(value, domain)
  return 'why' in read ? read : { value: { name, domain: read.value, written } }
}

function readMechanism(name: string, behind: string, domain: string): Read<Mechanism> {
  switch (name) {
    case 'all':
      return behind === '' ? { value: { is: 'all' } } : { why: 'nothing may follow all' }
    case 'include': {
      const read = behind.startsWith(':') ? readDomainSpec(behind.slice(1), domain) : { why: 'the domain is missing' }
      return 'why' in read ? read : { value: { is: 'include', domain: read.value } }
    }
    case 'a':
    case 'mx':
      return readHosts(name, behind, domain)
    case 'ip4':
    case 'ip6':
      return behind.startsWith(':') ? readNetworkTerm(name, behind.slice(1)) : { why: 'the address is missing' }
    case 'ptr':
    case 'exists': {
      if (name === 'ptr' && behind === '') return { value: { is: 'ptr' } }
      const read = behind.startsWith(':') ? readDomainSpec(behind.slice(1), domain) : { why: 'the domain is missing' }
      return 'why' in read ? read : { value: { is: name } }
    }
    default:
      return { why: 'this is not a term of SPF' }
  }
}

/** RFC 7208 5.6: no leading zeros. */
const length4 = '(0|[1-9][0-9]?)'
const length6 = '(0|[1-9][0-9]{0,2})'
const dualLength = new RegExp(`^(.*?)(?:/${length4})?(?://${length6})?$`, 's')

/** `/28` is the prefix length for IPv4 addresses, `//64` the one for IPv6 addresses (RFC 7208 5.3, 5.4). */
function readHosts(is: 'a' | 'mx', behind: string, domain: string): Read<Mechanism> {
  const [, target = '', ipv4 = '32', ipv6 = '128'] = dualLength.exec(behind) ?? []
  if (Number(ipv4) > 32 || Number(ipv6) > 128) return { why: 'the prefix length is too large' }
  const lengths = { ipv4: Number(ipv4), ipv6: Number(ipv6) }
  if (target === '') return { value: { is, domain: { is: 'name', name: domain }, lengths } }
  const read = target.startsWith(':') ? readDomainSpec(target.slice(1), domain) : { why: 'expected a domain or a prefix length' }
  return 'why' in read ? read : { value: { is, domain: read.value, lengths } }
}

const quad = /^(?:(?:0|[1-9][0-9]{0,2})\.){3}(?:0|[1-9][0-9]{0,2})$/

function readNetworkTerm(name: 'ip4' | 'ip6', text: string): Read<Mechanism> {
  const [address = '', bits, ...more] = text.split('/')
  const size = name === 'ip4' ? 32 : 128
  if (more.length > 0 || (bits !== undefined && !/^(0|[1-9][0-9]{0,2})$/.test(bits))) return { why: 'the prefix length is not valid' }
  const length = bits === undefined ? size : Number(bits)
  if (length > size) return { why: 'the prefix length is too large' }
  const value = name === 'ip4' ? (quad.test(address) ? parseIPv4(address) : undefined) : parseIPv6(address)
  if (value === undefined) return { why: `this is not an IPv${name === 'ip4' ? 4 : 6} address` }
  const { network, hostBits } = networkAround(typeof value === 'number' ? { family: 4, value } : { family: 6, value }, length)
  return { value: { is: 'network', network, hasHostBits: hostBits, isMapped: isMapped(network) } }
}
