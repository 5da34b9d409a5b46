// Expands the SPF record of a domain with answers of DNS, within a time limit.
import type { SpfBounds } from '../core/spf/spf-bounds.ts'
import { expandSpf, type SpfAnswer, type SpfExpansion, type SpfQuestion } from '../core/spf/expand-spf.ts'
import type { DnsResult } from '../dns/dns-client.ts'
import type { QueryType } from '../dns/dns-message.ts'

/** Asks for the records of a name. Resolves with the result, errors included. */
export type AskDns = (name: string, type: QueryType) => Promise<DnsResult>

/** For all questions about one domain; RFC 7208 4.6.4 requires 20 s at least. */
export const spfTimeMs = 30_000

export interface ResolveOptions {
  readonly ask: AskDns
  readonly bounds: SpfBounds
  /** Milliseconds of a clock that never goes back. */
  readonly now: () => number
}

/** Never rejects unless `ask` does. */
export async function resolveSpf(domain: string, { ask, bounds, now }: ResolveOptions): Promise<SpfExpansion> {
  const endsAt = now() + spfTimeMs
  const steps = expandSpf(domain, bounds)
  let step = steps.next()
  while (step.done !== true) {
    const late = now() >= endsAt
    const answer: SpfAnswer = late
      ? { is: 'error', why: `not asked: the time limit of ${spfTimeMs / 1000} s for one sender is over` }
      : answerOf(step.value, await ask(step.value.name, step.value.type))
    step = steps.next(answer)
  }
  return step.value
}

function answerOf({ type }: SpfQuestion, { addresses, texts = [], ttl, error }: DnsResult): SpfAnswer {
  if (error !== undefined) return { is: 'error', why: `DNS question for ${type} failed: ${error.text}` }
  return { is: 'records', records: type === 'A' || type === 'AAAA' ? addresses : texts, ttl }
}
