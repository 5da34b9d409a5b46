// The EHLO reply, and the keywords that a site may hide from it.
import { type EhloKeyword, ehloKeywords } from '../../crds/values/ehlo-keywords.ts'
import type { Reply } from './replies.ts'

/** Keywords to leave out of a reply. `SILENT-DISCARD` only keeps the log quiet. */
export type EhloDiscard = ReadonlySet<EhloKeyword>

/** What the reply can announce. */
export interface EhloFeatures {
  readonly hostname: string
  readonly messageSizeLimit: number
  readonly vrfy: boolean
  readonly starttls: boolean
  readonly smtpUTF8: boolean
}

/**
 * The set of these names, in any case. Unknown names are ignored, as in Postfix, so that a list is valid for other
 * versions too.
 */
export function discardSet(names: readonly string[]): EhloDiscard {
  return new Set(names.map((name) => name.toUpperCase() as EhloKeyword).filter((name) => ehloKeywords.includes(name)))
}

export function sameDiscard(a: EhloDiscard, b: EhloDiscard): boolean {
  return a.size === b.size && [...a].every((keyword) => b.has(keyword))
}

/**
 * The set as the log shows it. Up to Postfix 3.10, ehlo_mask.c names SMTPUTF8 by its macro first, so the log says
 * EHLO_MASK_SMTPUTF8, and does not know REQUIRETLS; since 3.11 the log says SMTPUTF8 and REQUIRETLS.
 */
export function formatDiscard(discard: EhloDiscard): string {
  return ehloKeywords
    .filter((keyword) => discard.has(keyword))
    .map((keyword) => (keyword === 'SMTPUTF8' ? 'EHLO_MASK_SMTPUTF8' : keyword))
    .join(' ')
}

/**
 * The reply in postscreen's fixed order (psc_smtpd_format_ehlo_reply). If everything is discarded, only the host name
 * is left.
 */
export function ehloReply(features: EhloFeatures, discard: EhloDiscard): Reply {
  const announced: [EhloKeyword, string, boolean][] = [
    ['SIZE', features.messageSizeLimit > 0 ? `SIZE ${features.messageSizeLimit}` : 'SIZE', true],
    ['VRFY', 'VRFY', features.vrfy],
    ['ETRN', 'ETRN', true],
    ['STARTTLS', 'STARTTLS', features.starttls],
    ['ENHANCEDSTATUSCODES', 'ENHANCEDSTATUSCODES', true],
    ['8BITMIME', '8BITMIME', true],
    ['DSN', 'DSN', true],
    ['SMTPUTF8', 'SMTPUTF8', features.smtpUTF8],
    ['CHUNKING', 'CHUNKING', true],
  ]
  const lines = [features.hostname, ...announced.filter(([keyword, , usable]) => usable && !discard.has(keyword)).map(([, text]) => text)]
  return { code: 250, text: lines.join('\n') }
}
