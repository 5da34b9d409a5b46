// What is known about a DNS list: the form of an entry of the catalogue.

/** Why a list gives no usable answers about this resolver or key. An entry assigns some of its answers to them. */
export const errorReasons = [
  'PublicResolver',
  'QueryLimit',
  'NotRegistered',
  'ZoneNameTypo',
  'KeyDisabled',
  'KeyMisused',
  'DomainOnlyZone',
  'Blocked',
  'Refused',
  'ErrorCode',
] as const
export type ErrorReason = (typeof errorReasons)[number]

/** `names`: it lists domain names, and must not be asked about addresses. `mixed`: good and bad clients, by code. */
export type ListKind = 'block' | 'allow' | 'mixed' | 'names'

/** Answers, as a reply filter (crds/values/reply-filter.ts), that mean an error. */
export interface ErrorAnswer {
  readonly replies: string
  readonly reason: ErrorReason
}

/**
 * The addresses that test a list (RFC 5782 5). `unknown`: those of the RFC, but nothing is concluded from a listed one
 * that is missing. An empty list: the list serves none.
 */
export type TestPoints = 'unknown' | readonly string[]

export interface ListFacts {
  /** Without a key. */
  readonly zone: string
  /** The facts hold for all domains below the zone too. */
  readonly below?: true
  /** The questions contain a key, as a label before the zone. */
  readonly keyed?: true
  readonly operator: string
  readonly kind: ListKind
  /** The families of clients that it certainly contains. Empty: not known; then clients of both are asked about. */
  readonly families: readonly ('IPv4' | 'IPv6')[]
  /** The answers that are listings, as a reply filter. Left out: not known. */
  readonly listings?: string
  /** 127.0.0.1 is a listing, and no error as elsewhere. */
  readonly loopbackIsListing?: true
  readonly errors?: readonly ErrorAnswer[]
  /**
   * Answers at test points that show a list that answers clients over its limit with its highest trust. As answers
   * about a client they are valid.
   */
  readonly overLimit?: string
  readonly listedPoints: TestPoints
  readonly notListedPoints: readonly string[]
  /** The terms of use that matter for a gateway. */
  readonly limits?: string
  /** The list has shut down: what happened, and what to do. */
  readonly closed?: string
  /** Where the facts come from. */
  readonly sources: readonly string[]
  /** When they were last compared with the sources, as YYYY-MM-DD. */
  readonly checkedOn: string
}

/** The test points of RFC 5782 5. */
export const rfcPoints = {
  listed: { IPv4: '127.0.0.2', IPv6: '::ffff:127.0.0.2' },
  notListed: { IPv4: '127.0.0.1', IPv6: '::ffff:127.0.0.1' },
} as const

/** What an entry states; the rest has defaults. */
export type Stated = Omit<ListFacts, 'kind' | 'checkedOn' | 'listedPoints' | 'notListedPoints' | 'families'> &
  Partial<Pick<ListFacts, 'checkedOn' | 'listedPoints' | 'notListedPoints' | 'families'>>

/** The day on which all entries without a date of their own were compared with their sources. */
const checkedOn = '2026-11-30'

/** An entry. A list does not contain the second test point of the RFC, unless the entry states something else. */
export function facts(kind: ListKind, stated: Stated): ListFacts {
  const { families = [] } = stated
  const notListedPoints = (families.length === 0 ? ['IPv4' as const] : families).map((family) => rfcPoints.notListed[family])
  return { kind, checkedOn, families, listedPoints: 'unknown', notListedPoints, ...stated }
}

/** The points of a list that was seen to serve 127.0.0.2. */
export const servesIPv4 = [rfcPoints.listed.IPv4]
/** The points of a list that was seen to serve both families. */
export const servesBoth = [rfcPoints.listed.IPv4, rfcPoints.listed.IPv6]
