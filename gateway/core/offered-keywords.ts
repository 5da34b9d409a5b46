// The EHLO keywords that a backend offers, as far as the gateway may promise them to a client: an allow list. AUTH,
// XCLIENT, XVERP and unknown keywords are never among them, and neither is PIPELINING.

/** Keywords without an argument, in the order of the gateway's EHLO reply. */
export const promisableKeywords = ['STARTTLS', 'ENHANCEDSTATUSCODES', '8BITMIME', 'DSN', 'SMTPUTF8', 'CHUNKING'] as const
export type PromisableKeyword = (typeof promisableKeywords)[number]

/** What a backend offers. Plain data: processes of a gateway send it to each other as JSON. */
export interface OfferedKeywords {
  /** The largest message in bytes. 0: SIZE without a number or `SIZE 0`, no limit. Undefined: SIZE is not offered. */
  readonly size?: number | undefined
  /** In the order of `promisableKeywords`. */
  readonly keywords: readonly PromisableKeyword[]
}

/** What the gateway's EHLO reply offers to a client, in the same form. */
export type EhloPromise = OfferedKeywords

/**
 * Reads a whole reply to EHLO, one byte a character. Its first line names the server. Lines may end with LF alone, and
 * keywords may be in any case; of several SIZE lines the smallest limit counts.
 */
export function parseEhloReply(text: string): OfferedKeywords {
  const words = new Map<string, string[]>()
  for (const line of text.split('\n').slice(1)) {
    const [, keyword = '', argument = ''] = /^[0-9]{3}[- ][ \t]*([^ \t\r]+)[ \t]*([^ \t\r]*)/.exec(line) ?? []
    const name = keyword.toUpperCase()
    words.set(name, [...(words.get(name) ?? []), argument])
  }
  const keywords = promisableKeywords.filter((keyword) => words.has(keyword))
  const sizes = words.get('SIZE')
  return sizes === undefined ? { keywords } : { size: smallestSize(sizes.map(sizeOf)), keywords }
}

/** An argument that is not a number states no limit. */
const sizeOf = (argument: string): number => (/^[0-9]{1,20}$/.test(argument) ? Math.min(Number(argument), Number.MAX_SAFE_INTEGER) : 0)

/** The smallest limit, 0 when none is stated. */
export function smallestSize(sizes: readonly number[]): number {
  const limits = sizes.filter((size) => size > 0)
  return limits.length === 0 ? 0 : Math.min(...limits)
}

/** Whether two replies offer the same. */
export function sameKeywords(a: OfferedKeywords, b: OfferedKeywords): boolean {
  return a.size === b.size && a.keywords.join(' ') === b.keywords.join(' ')
}

/** As an EHLO reply has them, one text for each line: `SIZE 10240000`, `STARTTLS`. */
export function keywordLines({ size, keywords }: OfferedKeywords): readonly string[] {
  return [...(size === undefined ? [] : [size === 0 ? 'SIZE' : `SIZE ${size}`]), ...keywords]
}
