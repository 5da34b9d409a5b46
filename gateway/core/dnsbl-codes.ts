// Addresses with which DNS lists report an error instead of a listing. Which they are at one list, the catalogue
// (crds/dns-lists/) and the policy say.
import type { KnownList } from '../../crds/dns-lists/known-list.ts'
import type { ErrorReason } from '../../crds/dns-lists/list-facts.ts'
import { matches } from '../../crds/values/reply-filter.ts'

export interface ErrorCode {
  readonly kind: 'code' | 'notAList'
  readonly reason: ErrorReason | 'NotADNSList'
  /** What it means, and what to do. */
  readonly means: string
}

const ownResolver = 'use a DNS resolver of your own (dnsbl.resolvers)'

/** What the reasons mean, and what to do. */
export const errorMeans: Readonly<Record<ErrorReason | 'NotADNSList', string>> = {
  PublicResolver: `the list does not answer public DNS resolvers: ${ownResolver}, or a key of the list`,
  QueryLimit: `too many queries: ${ownResolver}, or a key of the list`,
  NotRegistered: 'the DNS resolver is not registered with the list: register its address, or remove the list from dnsbl.sites',
  ZoneNameTypo: 'the domain of the list is not spelled correctly in dnsbl.sites',
  KeyDisabled: 'the key is disabled: check keySecret or keyFile of the list',
  KeyMisused: 'the key is used in a way that its terms do not allow: check keySecret or keyFile of the list',
  DomainOnlyZone: 'it lists names, not addresses of clients: remove it from dnsbl.sites',
  Blocked: `the list has blocked the DNS resolver because of too many queries: ${ownResolver}, or register with the list`,
  Refused: `the list refuses the DNS resolver: ${ownResolver}`,
  ErrorCode: 'an error code of the list: see its documentation',
  NotADNSList: 'a DNS list answers with 127.x.x.x: its domain has a new owner, or the DNS resolver changes answers',
}

/**
 * RFC 5782 2.1 allows no listing in 127.255.255.0/24. The codes are those of Spamhaus, which other lists use as well.
 */
const commonCodes: Readonly<Record<string, ErrorReason>> = {
  '127.255.255.250': 'KeyDisabled',
  '127.255.255.251': 'KeyMisused',
  '127.255.255.252': 'ZoneNameTypo',
  '127.255.255.254': 'PublicResolver',
  '127.255.255.255': 'QueryLimit',
}

const code = (reason: ErrorReason): ErrorCode => ({ kind: 'code', reason, means: errorMeans[reason] })

const loopbackCode: ErrorCode = {
  kind: 'code',
  reason: 'Refused',
  means: 'not a listing by convention (RFC 5782 5): the list or the DNS resolver refuses the question',
}

/** The error that an address in the answer of this list stands for; undefined for a listing. */
export function errorCode(list: KnownList, address: string): ErrorCode | undefined {
  const own = list.errors.find(({ replies }) => matches(replies, address))
  if (own !== undefined) return code(own.reason)
  if (address.startsWith('127.255.255.')) return code(commonCodes[address] ?? 'ErrorCode')
  if (!address.startsWith('127.')) return { kind: 'notAList', reason: 'NotADNSList', means: errorMeans.NotADNSList }
  return address === '127.0.0.1' && !list.loopbackIsListing ? loopbackCode : undefined
}

/** Whether the address is an error by what is known about this list, not only by the rules for all lists. */
export function isOwnError({ errors }: KnownList, address: string): boolean {
  return errors.some(({ replies }) => matches(replies, address))
}
