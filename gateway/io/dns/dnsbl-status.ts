// Counts what each DNSBL site answered, for the status page and the metrics.

import type { DnsblAnswer } from '../../core/vocabulary.ts'

/** `listed` says only that there were addresses; whether they count is the score's business. */
export type SiteOutcome = 'listed' | 'clean' | 'error' | 'timeout'

export interface SiteStatus {
  readonly domain: string
  listed: number
  clean: number
  error: number
  timeout: number
  /** Milliseconds since 1970. */
  lastAt: number
  lastOutcome: SiteOutcome
  /** The newest error, which may be older than the last answer. */
  lastError: string | undefined
}

/** Sites of former policies are kept until there are more than this. */
const mostSites = 1000

export function outcomeOf(answer: DnsblAnswer): SiteOutcome {
  if (answer.error === undefined) return answer.addresses.length > 0 ? 'listed' : 'clean'
  return answer.error.kind === 'timeout' ? 'timeout' : 'error'
}

export class SiteCounts {
  readonly #sites = new Map<string, SiteStatus>()

  count(answer: DnsblAnswer, atMs: number): void {
    const outcome = outcomeOf(answer)
    const site = this.#siteOf(answer.domain)
    site[outcome]++
    site.lastAt = atMs
    site.lastOutcome = outcome
    if (answer.error !== undefined) site.lastError = answer.error.text
  }

  /** A copy, in the order in which the sites first answered. */
  all(): readonly SiteStatus[] {
    return [...this.#sites.values()].map((site) => ({ ...site }))
  }

  #siteOf(domain: string): SiteStatus {
    let site = this.#sites.get(domain)
    if (site === undefined) {
      site = { domain, listed: 0, clean: 0, error: 0, timeout: 0, lastAt: 0, lastOutcome: 'clean', lastError: undefined }
      const [eldest] = this.#sites.keys()
      if (this.#sites.size >= mostSites && eldest !== undefined) this.#sites.delete(eldest)
      this.#sites.set(domain, site)
    }
    return site
  }
}
