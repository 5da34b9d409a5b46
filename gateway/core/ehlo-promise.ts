// What the EHLO reply promises to a client that may be handed off in the same session, and whether a backend keeps it.
//
// A promise that is too large makes clients bounce mail, and so does one that is too small: with DSN promised, every
// Postfix client sends ORCPT, which a backend without DSN refuses for good; without SMTPUTF8, such mail is bounced.
import type { EhloDiscard } from './ehlo.ts'
import { type OfferedKeywords, promisable, type Promisable } from './ehlo-keywords-offered.ts'
import { keywordLines } from './promise-of-backends.ts'
import type { Reply } from './replies.ts'
import type { SmtpRules } from './rules.ts'

/** Keywords that are needed after MAIL. ENHANCEDSTATUSCODES has no effect, and STARTTLS is over by then. */
const neededLater: readonly Promisable[] = ['8BITMIME', 'SMTPUTF8', 'DSN', 'CHUNKING']

/**
 * What to promise.
 * @param known what the backends offer; undefined while that is not known. Then the policy's own list counts, without
 *   DSN and CHUNKING: clients do not need these, and a backend that does not have them refuses mail for good.
 * @param discard what the policy hides from this client
 */
export function promiseFrom(known: OfferedKeywords | undefined, rules: SmtpRules, discard: EhloDiscard): OfferedKeywords {
  const base = known ?? ownList(rules)
  const names = promisable.filter((name) => {
    if (discard.has(name)) return false
    if (name === 'ENHANCEDSTATUSCODES') return true
    if (name === 'STARTTLS' && !rules.tlsPassesThrough) return rules.tls !== 'None'
    return base.names.has(name) && (name !== 'SMTPUTF8' || rules.utf8)
  })
  return { names: new Set(names), size: base.size }
}

function ownList({ messageSizeLimit, tls }: SmtpRules): OfferedKeywords {
  const names = ['SIZE', '8BITMIME', 'SMTPUTF8', ...(tls === 'None' ? [] : ['STARTTLS'])]
  return { names: new Set(names), size: messageSizeLimit }
}

/** The EHLO reply with a promise, in postscreen's order. */
export const promiseReply = (hostname: string, promise: OfferedKeywords): Reply => ({
  code: 250,
  text: [hostname, ...keywordLines(promise)].join('\n'),
})

/** The size that a MAIL command states (RFC 1870); undefined if it states none. */
function statedSize(mail: string): number | undefined {
  const digits = /[ \t]SIZE=([0-9]{1,15})(?=[ \t\r\n]|$)/i.exec(mail)?.[1]
  return digits === undefined ? undefined : Number(digits)
}

/**
 * The keyword that was promised and that this backend does not offer; undefined if it keeps the promise. All promised
 * keywords count, not only those in use: DSN and CHUNKING are used when it is too late.
 * @param mail the client's MAIL command
 */
export function brokenPromise(promised: OfferedKeywords, offered: OfferedKeywords, mail: string): Promisable | undefined {
  const missing = neededLater.find((name) => promised.names.has(name) && !offered.names.has(name))
  if (missing !== undefined) return missing
  const size = statedSize(mail)
  if (size === undefined || !promised.names.has('SIZE')) return undefined
  if (!offered.names.has('SIZE')) return 'SIZE'
  // Beyond what was promised, the backend's refusal is the right answer.
  const isPromised = promised.size === 0 || size <= promised.size
  return isPromised && offered.size > 0 && size > offered.size ? 'SIZE' : undefined
}
