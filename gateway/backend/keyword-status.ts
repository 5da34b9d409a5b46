// What the status page shows of EHLO keywords: what each backend offers, what the gateway promises, and which backend
// limits the promise.
import { keywordLines } from '../core/promise-of-backends.ts'
import type { BackendKeywords } from './backend-keywords.ts'
import { clientFamilies, type ClientFamily } from './client-family.ts'
import type { KeywordSource, TargetKeywords } from './target-keywords.ts'

/** What a backend has offered to clients of one family. */
export interface OfferStatus {
  readonly keywords: readonly string[]
  readonly learnt: KeywordSource
  readonly learntAt: string
}

export interface KeywordStatus {
  /** By the family of the client. */
  readonly offers: Readonly<Partial<Record<ClientFamily, OfferStatus>>>
  /** Set if it greets like a postscreen. */
  readonly warning: string | null
}

export interface PromiseStatus {
  /** As in the EHLO reply, before `smtp.discardEHLOKeywords` takes effect. Null: the policy's own keywords. */
  readonly promise: readonly string[] | null
  /** `10.0.0.7:25 does not offer SMTPUTF8` */
  readonly limitedBy: readonly string[]
}

/** By the family of the client. */
export type PromisesStatus = Readonly<Partial<Record<ClientFamily, PromiseStatus>>>

/** @param now on the clock of the backends */
export function keywordStatus(keywords: TargetKeywords, now: number): KeywordStatus {
  const offers: Partial<Record<ClientFamily, OfferStatus>> = {}
  for (const family of clientFamilies) {
    const heard = keywords.newest(family)
    if (heard === undefined) continue
    const learntAt = new Date(Date.now() - (now - heard.at)).toISOString()
    offers[family] = { keywords: keywordLines(heard.offered), learnt: heard.by, learntAt }
  }
  return { offers, warning: warningOf(keywords, now) }
}

function warningOf(keywords: TargetKeywords, now: number): string | null {
  const tests = 'if it is a postscreen, it delays the first recipient of each new client and may test it again: name the port of an smtpd'
  switch (keywords.manner(now)) {
    case 'prompt':
      return null
    case 'paused':
      return `it pauses within its greeting: ${tests}`
    case 'late':
      return `it greets a new client after more than 2 s: ${tests}`
  }
}

/** Null where sessions are not continued at a backend. */
export function promisesStatus(keywords: BackendKeywords): PromisesStatus | null {
  if (!keywords.active) return null
  const status: Partial<Record<ClientFamily, PromiseStatus>> = {}
  for (const family of keywords.families) {
    const promised = keywords.promised(family)
    const limitedBy = (promised?.limitedBy ?? []).map(({ backend, why }) => `${backend} ${why}`)
    status[family] = { promise: promised === undefined ? null : keywordLines(promised.promise), limitedBy }
  }
  return status
}
