// Replies of mail servers (RFC 5321 4.2). The first bytes of a backend must be a reply before a client may read them.
import { isUtf8, printableText } from './printable.ts'

export interface BackendReply {
  /** Three digits, the first one 2 to 5. */
  readonly code: string
  /** The first line without its end, one byte a character. */
  readonly line: string
  /** Bytes that the reply takes, all its lines included. */
  readonly length: number
}

/** `more`: more bytes can complete the reply. `malformed`: they cannot. */
export type ReplyReading = BackendReply | 'more' | 'malformed'

/** Bytes of one reply, all its lines together. RFC 5321 4.5.3.1.5 allows 512 for a line. */
const replyLimit = 4096

const beginning = /^([2-5]([0-9]([0-9]([ \r-]|$)|$)|$)|$)/
const wholeLine = /^([2-5][0-9][0-9])(?:([ -])[\t\x20-\x7e\x80-\xff]*)?$/

const questionMarks = (text: string): number => text.split('?').length

/**
 * Whether a text can be logged as it is: without control characters and marks that affect a terminal, which become
 * question marks.
 */
const prints = (line: string): boolean => questionMarks(printableText(line.replaceAll('\t', ' '))) === questionMarks(line)

/**
 * Reads one line of a reply. `code` is that of the lines before. Undefined when the line does not belong to the reply.
 */
function readLine(line: string, code: string | undefined): { readonly code: string; readonly goesOn: boolean } | undefined {
  const match = wholeLine.exec(line)
  const own = match?.[1]
  if (own === undefined || (code !== undefined && own !== code) || !isUtf8(line) || !prints(line)) return undefined
  return { code: own, goesOn: match?.[2] === '-' }
}

/**
 * Reads the reply at the start of a text of one byte a character (latin1). Every line must end with CRLF and hold
 * printable text.
 */
export function readReply(text: string): ReplyReading {
  let code: string | undefined
  for (let start = 0; ;) {
    const end = text.indexOf('\n', start)
    if (end >= replyLimit) return 'malformed'
    if (end < 0) return text.length < replyLimit && beginning.test(text.slice(start, start + 4)) ? 'more' : 'malformed'
    const line = text[end - 1] === '\r' ? readLine(text.slice(start, end - 1), code) : undefined
    if (line === undefined) return 'malformed'
    start = end + 1
    code = line.code
    if (!line.goesOn) return { code, line: text.slice(0, text.indexOf('\r')), length: start }
  }
}

/** What the greeting of a backend means for a client. Undefined: it is not a greeting of SMTP. */
export function judgeGreeting({ code }: BackendReply): 'welcome' | 'later' | 'never' | undefined {
  if (code === '220') return 'welcome'
  if (code.startsWith('4')) return 'later'
  return code.startsWith('5') ? 'never' : undefined
}

/**
 * What a backend said, for logs and status: its first line, printable, without control characters and not longer than
 * 100 characters.
 */
export function quoteReply(text: string): string {
  const end = text.search(/[\r\n]/)
  return `said ${printableText(text.slice(0, Math.min(100, end < 0 ? text.length : end)))}`
}
