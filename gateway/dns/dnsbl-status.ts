// Counts the answers of each DNS list and decides when one fails and when it works again: for the status page, the
// metrics and the log.

import { systemClock } from '../../runtime/clock.ts'
import type { DnsblVerdict } from '../core/dnsbl.ts'
import type { DnsblError, DnsblErrorKind } from '../core/vocabulary.ts'

export type SiteOutcome = Exclude<DnsblVerdict['is'], 'suspended'>

export interface SiteStatus {
  readonly domain: string
  listed: number
  unweighted: number
  clean: number
  error: number
  timeout: number
  /** Milliseconds since 1970. */
  lastAt: number
  lastOutcome: SiteOutcome
  /** The newest error, which may be older than the last answer. */
  lastError: string | undefined
  /** Set while the list fails. */
  failing: { readonly since: number; readonly why: string } | undefined
}

export interface SiteEvents {
  fails(domain: string, error: DnsblError): void
  worksAgain(domain: string, seconds: number): void
}

/** Sites of earlier policies are kept until there are more than this. */
const mostSites = 1000
/** One lost answer is not a failure of the list. An explicit refusal is. */
const failuresToBegin = 3
const explicit: ReadonlySet<DnsblErrorKind> = new Set(['code', 'notAList', 'refused'])
/** A list that fails for some questions has not recovered, and must not fill the log. */
const quietMs = 10_000

interface Site {
  readonly status: SiteStatus
  failures: number
  failedAt: number
  answeredAt: number
  beganAt: number
}

/** Times are milliseconds of `now`, a monotonic clock. */
export class SiteCounts {
  readonly #sites = new Map<string, Site>()
  readonly #failing = new Set<Site>()
  readonly #events: SiteEvents
  readonly #now: () => number

  constructor(events: SiteEvents, now: () => number = systemClock.now) {
    this.#events = events
    this.#now = now
  }

  /** A suspended list was not asked, so there is nothing to count. */
  count(domain: string, verdict: DnsblVerdict): void {
    if (verdict.is === 'suspended') return
    const site = this.#siteOf(domain)
    const { status } = site
    status[verdict.is]++
    status.lastAt = Date.now()
    status.lastOutcome = verdict.is
    if ('error' in verdict) this.#failed(site, verdict.error)
    else {
      site.failures = 0
      site.answeredAt = this.#now()
    }
    this.settle()
  }

  /** The list is suspended, or has returned: what it has answered before says nothing about its state any more. */
  forgive(domain: string): void {
    const site = this.#sites.get(domain)
    if (site === undefined) return
    this.#failing.delete(site)
    site.status.failing = undefined
    site.failures = 0
  }

  isFailing(domain: string): boolean {
    return this.#sites.get(domain)?.status.failing !== undefined
  }

  /** A list works again when it has answered since its last failure and no further failure has come for a while. */
  settle(): void {
    const now = this.#now()
    for (const site of this.#failing) {
      if (site.answeredAt <= site.failedAt || now - site.failedAt < quietMs) continue
      this.#failing.delete(site)
      site.status.failing = undefined
      this.#events.worksAgain(site.status.domain, (now - site.beganAt) / 1000)
    }
  }

  /** A copy, in the order in which the sites first answered. */
  all(): readonly SiteStatus[] {
    this.settle()
    return [...this.#sites.values()].map(({ status }) => ({ ...status }))
  }

  /** Ends the failures of other lists than those of the policy. */
  keep(domains: ReadonlySet<string>): void {
    for (const site of this.#failing) {
      if (domains.has(site.status.domain)) continue
      this.#failing.delete(site)
      site.status.failing = undefined
    }
  }

  #failed(site: Site, error: DnsblError): void {
    const { status } = site
    status.lastError = error.text
    site.failures++
    site.failedAt = this.#now()
    if (status.failing === undefined && (site.failures >= failuresToBegin || explicit.has(error.kind))) {
      status.failing = { since: status.lastAt, why: error.text }
      site.beganAt = site.failedAt
      this.#failing.add(site)
      this.#events.fails(status.domain, error)
    }
  }

  #siteOf(domain: string): Site {
    let site = this.#sites.get(domain)
    if (site === undefined) {
      const counts = { listed: 0, unweighted: 0, clean: 0, error: 0, timeout: 0 }
      const status: SiteStatus = { domain, ...counts, lastAt: 0, lastOutcome: 'clean', lastError: undefined, failing: undefined }
      site = { status, failures: 0, failedAt: -1, answeredAt: -1, beganAt: 0 }
      const [eldest] = this.#sites.values()
      if (this.#sites.size >= mostSites && eldest !== undefined) {
        this.#sites.delete(eldest.status.domain)
        this.#failing.delete(eldest)
      }
      this.#sites.set(domain, site)
    }
    return site
  }
}
