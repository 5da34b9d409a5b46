// The replies of a backend to commands that the gateway repeats. They are read less strictly than a greeting
// (backend-reply.ts), because the client may get them as they are.

/** One complete reply at the start of what a backend has sent. */
export interface ReplayReply {
  /** Of its last line (RFC 5321 4.2.1). */
  readonly code: number
  /** All its lines with their ends, one byte a character. */
  readonly text: string
}

/** Bytes of one line, its end included: line_length_limit of Postfix. */
const lineLimit = 2048
/** Bytes of one reply. */
const replyLimit = 65_536

const wholeLine = /^[2-5][0-9][0-9](?:[ -]|$)/
/** What may still become such a line. */
const beginning = /^(?:[2-5](?:[0-9](?:[0-9](?:[ \r-]|$)|$)|$)|$)/

/**
 * Reads the reply at the start of a text of one byte a character. LF alone ends a line too.
 * @returns `more` when more bytes can complete the reply, `garbage` when they cannot
 */
export function readReplayReply(text: string): ReplayReply | 'more' | 'garbage' {
  for (let start = 0; ;) {
    const newline = text.indexOf('\n', start)
    const end = newline < 0 ? text.length : newline + 1
    if (end - start > lineLimit || end > replyLimit) return 'garbage'
    if (newline < 0) return beginning.test(text.slice(start, start + 4)) ? 'more' : 'garbage'
    const line = text.slice(start, text[newline - 1] === '\r' && newline > start ? newline - 1 : newline)
    if (!wholeLine.test(line)) return 'garbage'
    start = end
    if (line[3] !== '-') return { code: Number(line.slice(0, 3)), text: text.slice(0, start) }
  }
}

/** The reply with another code on each of its lines, otherwise unchanged. */
export const withCode = ({ text }: ReplayReply, code: number): ReplayReply => ({
  code,
  text: text.replaceAll(/^[0-9]{3}/gm, String(code)),
})

/** Whether a server closes the connection after this reply (smtpd_hangup_on_421 and 521 of Postfix). */
export const endsSession = (code: number): boolean => code === 421 || code === 521
