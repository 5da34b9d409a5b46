// Why a DNS list cannot be trusted: the reasons, what they mean, and what to do.
import type { ErrorReason } from '../../crds/dns-lists/list-facts.ts'
import { errorMeans } from '../core/dnsbl-codes.ts'

export type FaultReason =
  | ErrorReason
  | 'NotADNSList'
  | 'ResolverRewrites'
  | 'ListsEverything'
  | 'OverLimitAnswersHigh'
  | 'KeyOrServiceOff'
  | 'ServFail'
  | 'Timeout'
  | 'NoTestEntry'
  | 'SuspiciousShare'

/**
 * `hard`: one observation is enough. `soft`: it may pass, so it counts only after several in a row. `answer`: what the
 * list answered, for people.
 */
export interface Fault {
  readonly reason: FaultReason
  readonly kind: 'hard' | 'soft'
  readonly answer: string
}

const ownResolver = 'use a DNS resolver of your own (dnsbl.resolvers)'

const means: Readonly<Record<Exclude<FaultReason, ErrorReason | 'NotADNSList'>, string>> = {
  ResolverRewrites: `the DNS resolver answers with an address for a name that does not exist: ${ownResolver}`,
  ListsEverything: 'the list contains an address that no list may contain, so it may list every client: remove it if it does not recover',
  OverLimitAnswersHigh: `the list answers with its highest trust because of too many queries: ${ownResolver}, or register with the list`,
  KeyOrServiceOff: 'the list refuses the key, or the key does not include this list: check keySecret or keyFile of the list',
  ServFail: 'the DNS resolver gets no answer from the list: check that the list still exists and accepts the DNS resolver',
  Timeout: 'the list does not answer in time: check the network and that the list still exists',
  NoTestEntry:
    'the list has no entry at its test point, so it is empty or its answers are filtered: if the list has no test point, set testPoints.listed to [] in dnsbl.catalogue, otherwise remove the list',
  SuspiciousShare:
    'the list suddenly lists almost all clients that the other lists pass: see the web page of the list; bounds are in dnsbl.suspiciousShare',
}

/** A list that has shut down needs no other advice. */
const closedAdvice = (closed: string): string => `the list has shut down (${closed})`

/**
 * What a fault means and what to do.
 * @param keyed the questions contain a key
 * @param closed what the catalogue says about a list that has shut down
 */
export function faultText(reason: FaultReason, keyed: boolean, closed?: string): string {
  if (closed !== undefined && reason !== 'ResolverRewrites') return closedAdvice(closed)
  const text = reason in means ? means[reason as keyof typeof means] : errorMeans[reason as keyof typeof errorMeans]
  return reason === 'ServFail' && keyed ? `${text}; the key may be off: check keySecret or keyFile of the list` : text
}

/** Faults that only a change of the policy can mend: testing often is useless. */
export const isConfigurationFault = (reason: FaultReason): boolean => reason === 'DomainOnlyZone' || reason === 'ZoneNameTypo'

/** Faults for which one wrong answer may have given clients a pass. An allow list must prove itself longer. */
export const givesFalseAnswers = (reason: FaultReason): boolean =>
  !['ServFail', 'Timeout', 'NoTestEntry', 'KeyOrServiceOff'].includes(reason)
