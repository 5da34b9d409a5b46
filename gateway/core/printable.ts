// Client bytes as text for a log: they must not break a line or reach a terminal as control characters.
// Texts of libraries, peers and policies go through crds/values/visible-text.ts, in the log itself.
// Strings in here hold one byte a character (latin1) until printableText makes text of them.

import { holdsActing } from '../../crds/values/visible-text.ts'

/** Bytes as text, one byte a character. At most some thousand bytes at once. */
export function latin1(bytes: Uint8Array): string {
  // Spreading the bytes goes through an iterator, which costs more than the rest of a read.
  return String.fromCharCode.apply(undefined, bytes as unknown as number[])
}

/** The bytes of a text with one byte a character. */
export const latin1Bytes = (text: string): Uint8Array => Uint8Array.from(text, (character) => character.charCodeAt(0))

const named: Readonly<Record<number, string>> = { 7: '\\a', 8: '\\b', 9: '\\t', 10: '\\n', 11: '\\v', 12: '\\f', 13: '\\r', 92: '\\\\' }

/**
 * C-style escapes (postscreen: escape()): printable ASCII as it is, backslash doubled, `\a \b \f \n \r \t \v`, all else
 * as three octal digits.
 */
export function escapeC(bytes: string): string {
  if (/^[\x20-\x5b\x5d-\x7e]*$/.test(bytes)) return bytes
  let text = ''
  for (let i = 0; i < bytes.length; i++) {
    const c = bytes.charCodeAt(i)
    text += named[c] ?? (c >= 0x20 && c <= 0x7e ? bytes[i] : `\\${c.toString(8).padStart(3, '0')}`)
  }
  return text
}

/** Bytes of the UTF-8 sequence that starts at `i` (RFC 3629: no overlong forms, no surrogates), or 0. */
function utf8Length(bytes: string, i: number): number {
  const c = bytes.charCodeAt(i)
  if (c <= 0x7f) return 1
  const length = c >= 0xc2 && c <= 0xdf ? 2 : c >= 0xe0 && c <= 0xef ? 3 : c >= 0xf0 && c <= 0xf4 ? 4 : 0
  if (length === 0 || i + length > bytes.length) return 0
  const second = bytes.charCodeAt(i + 1)
  const low = c === 0xe0 ? 0xa0 : c === 0xf0 ? 0x90 : 0x80
  const high = c === 0xed ? 0x9f : c === 0xf4 ? 0x8f : 0xbf
  if (second < low || second > high) return 0
  for (let k = 2; k < length; k++) if ((bytes.charCodeAt(i + k) & 0xc0) !== 0x80) return 0
  return length
}

/** Whether every byte belongs to a valid UTF-8 sequence (postscreen: PSC_BAD_UTF8). */
export function isUtf8(bytes: string): boolean {
  if (/^[\x00-\x7f]*$/.test(bytes)) return true
  for (let i = 0; i < bytes.length;) {
    const length = utf8Length(bytes, i)
    if (length === 0) return false
    i += length
  }
  return true
}

function decodeSequence(bytes: string, i: number, length: number): string {
  let code = bytes.charCodeAt(i) & (0x7f >> length)
  for (let k = 1; k < length; k++) code = (code << 6) | (bytes.charCodeAt(i + k) & 0x3f)
  const character = String.fromCodePoint(code)
  // C1 controls, line separators, directional marks and invisible characters are valid UTF-8, but terminals and log
  // readers react to them.
  return holdsActing(character) ? '?' : character
}

/**
 * Postfix's printable(): printable ASCII stays, and valid UTF-8 becomes characters. Every other byte becomes `?`, and
 * so do characters that affect a terminal or cannot be seen.
 * @param utf8 whether SMTPUTF8 is enabled (smtputf8_enable); without it only ASCII stays
 */
export function printableText(bytes: string, utf8 = true): string {
  if (/^[\x20-\x7e]*$/.test(bytes)) return bytes
  let text = ''
  for (let i = 0; i < bytes.length;) {
    const length = utf8 ? utf8Length(bytes, i) : 1
    if (length > 1) text += decodeSequence(bytes, i, length)
    else text += /[\x20-\x7e]/.test(bytes[i] as string) ? bytes[i] : '?'
    i += length > 1 ? length : 1
  }
  return text
}
