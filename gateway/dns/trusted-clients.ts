// Which clients of the temporary allowlist skipped tests because of a DNS list: if the list has answered falsely, they
// must be tested again.

/** A client is forgotten after this time: a list is tested more often, and its faults are noticed by clients too. */
const mostClients = 20_000

export class TrustedClients {
  /** By the domain of the list: the keys of clients in the allowlist, and when they were added. */
  readonly #byDomain = new Map<string, Map<string, number>>()

  /** @param key of the client in the allowlist. @param now in milliseconds of any clock */
  add(domains: readonly string[], key: string, now: number): void {
    for (const domain of domains) {
      const keys = this.#byDomain.get(domain) ?? new Map<string, number>()
      this.#byDomain.set(domain, keys)
      // The newest ones are at the end.
      keys.delete(key)
      keys.set(key, now)
      const [oldest] = keys.keys()
      if (keys.size > mostClients && oldest !== undefined) keys.delete(oldest)
    }
  }

  /** The clients that the list has vouched for since a time; they are no longer remembered here. */
  take(domain: string, since: number): readonly string[] {
    const keys = this.#byDomain.get(domain)
    this.#byDomain.delete(domain)
    return keys === undefined ? [] : [...keys].filter(([, at]) => at >= since).map(([key]) => key)
  }
}
