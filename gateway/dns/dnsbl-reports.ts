// Reports the answers of DNS lists to metrics, status and log, with the same verdict that counts for the score.
import type { DnsblRules, DnsblVerdict } from '../core/dnsbl.ts'
import type { DnsblAnswer } from '../core/vocabulary.ts'
import { SiteCounts, type SiteStatus } from './dnsbl-status.ts'
import type { Log } from '../observability/log.ts'
import type { Metrics } from '../observability/metrics.ts'

/** Reports name a list by its public name, because its domain may contain a key. */
export class DnsblReports {
  readonly #log: Log
  readonly #metrics: Metrics
  readonly #counts: SiteCounts
  #rules: DnsblRules | undefined

  /**
   * @param onFailing called when a list begins to fail
   * @param now milliseconds that never go back
   */
  constructor(log: Log, metrics: Metrics, onFailing: (domain: string) => void = () => undefined, now?: () => number) {
    this.#log = log
    this.#metrics = metrics
    this.#counts = new SiteCounts(
      {
        fails: (domain, { kind, text }) => {
          const list = this.#nameOf(domain)
          const words = `DNS list ${list} fails: ${text}. It adds nothing to the score of clients meanwhile`
          log.warning(words, { event: 'DNS LIST FAILS', list, kind, error: text })
          onFailing(domain)
        },
        worksAgain: (domain, seconds) => {
          const list = this.#nameOf(domain)
          log.info(`DNS list ${list} works again after ${seconds.toFixed(1)} s`, { event: 'DNS LIST WORKS AGAIN', list, seconds })
        },
      },
      now,
    )
  }

  /** Uses the lists of a new policy. */
  use(rules: DnsblRules): void {
    this.#rules = rules
    this.#counts.keep(new Set(rules.sites.map(({ domain }) => domain)))
  }

  /**
   * One list's answer about a client, or why there is none, with its verdict. While a list fails, its errors are
   * counted but not logged one by one.
   */
  answered(client: string, answer: DnsblAnswer, verdict: DnsblVerdict, rules: DnsblRules): void {
    this.#metrics.dnsblAnswer(verdict, rules.replyMap.get(answer.domain) ?? answer.domain)
    // A question may end after its list was removed from the policy.
    if (this.#rules?.lists.some(({ domain }) => domain === answer.domain) !== true) return
    this.#counts.count(answer.domain, verdict)
    if (!('error' in verdict) || !this.#counts.isFailing(answer.domain)) this.#log.dnsbl(client, answer, verdict, rules.timeout)
  }

  /** See SiteCounts. */
  forgive(domain: string): void {
    this.#counts.forgive(domain)
  }

  sites(): readonly SiteStatus[] {
    return this.#counts.all()
  }

  /** By public name: 1 for each list of the policy that fails, 0 for the others. */
  failing(): Readonly<Record<string, number>> {
    this.#counts.settle()
    const lists = this.#rules?.lists ?? []
    return Object.fromEntries(lists.map(({ domain }) => [this.#nameOf(domain), this.#counts.isFailing(domain) ? 1 : 0]))
  }

  #nameOf(domain: string): string {
    return this.#rules?.replyMap.get(domain) ?? domain
  }
}
