// What a mail server offers in its EHLO reply, and what the gateway promises to clients in its name.

/**
 * The keywords of an EHLO reply. The keywords that a mail server offers, or, as a promise to a client, only names of
 * `promisable`.
 */
export interface OfferedKeywords {
  /** In upper case, SIZE among them if it is offered. */
  readonly names: ReadonlySet<string>
  /** The number behind SIZE; 0 means no limit: SIZE without a number, or SIZE 0. Without SIZE, 0. */
  readonly size: number
}

/**
 * What the gateway may promise. An allow list: any other keyword is never promised, such as PIPELINING (while a test is
 * due), AUTH, XCLIENT, XVERP, and those that do not exist yet.
 */
export const promisable = ['SIZE', 'STARTTLS', 'ENHANCEDSTATUSCODES', '8BITMIME', 'DSN', 'SMTPUTF8', 'CHUNKING'] as const
export type Promisable = (typeof promisable)[number]

/** What the gateway promises in EHLO replies; the shell keeps it up to date. */
export interface EhloPromises {
  /**
   * What to promise to this client now. Undefined while no backend's keywords are known: then the policy's own list
   * counts, without what a client does not need.
   */
  promiseFor(clientAddress: string): OfferedKeywords | undefined
}

/** Nothing is known of any backend. */
export const noPromises: EhloPromises = { promiseFor: () => undefined }

/** How many keywords of one reply are kept, and how long each may be (RFC 5321 4.1.1.1 has no limits). */
const mostNames = 64
const longestName = 40

/**
 * Reads the lines of a successful reply to EHLO: the first one names the host, each further one has a keyword.
 * @param lines with or without code and line end: `250-SIZE 100`, `250 DSN`, `SIZE 100`; one byte a character
 */
export function parseEhloReply(lines: readonly string[]): OfferedKeywords {
  const names = new Set<string>()
  let size = 0
  for (const line of lines.slice(1)) {
    const [name = '', number = ''] = line
      .replace(/^[2-5][0-9][0-9](?:[ -]|$)/, '')
      .trim()
      .toUpperCase()
      .split(/[ \t=]+/)
    if (!/^[A-Z0-9][A-Z0-9-]*$/.test(name) || name.length > longestName || names.size >= mostNames) continue
    names.add(name)
    if (name === 'SIZE') size = readSize(number)
  }
  return { names, size }
}

/** Digits as a number. What is not a number, or is larger than any message, means no limit. */
const readSize = (text: string): number => (/^[0-9]{1,15}$/.test(text) ? Number(text) : 0)
