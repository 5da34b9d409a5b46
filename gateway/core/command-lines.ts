// Bytes to command lines: each read is cut at newlines, and a line that does not end is kept for the next read.
import { latin1 } from './printable.ts'

/** postscreen reads at most this much at once; only what is in one read can be seen as pipelined. */
export const readSize = 4096

/** Called for each whole line with its line end, and with the rest of the same read. False stops the reading. */
export type OnLine = (line: string, surplus: string) => boolean

/**
 * Takes one read of at most `readSize` bytes (one byte a character).
 * @param unfinished keeps the bytes of a line that has not ended
 * @param limit bytes of the longest line, its end included
 * @returns `stopped` when onLine returned false; `tooLong` when a line exceeds the limit (T35: endless CRs count too)
 */
export function readLines(unfinished: { line: string }, read: string, limit: number, onLine: OnLine): 'more' | 'stopped' | 'tooLong' {
  for (let at = 0; at < read.length;) {
    const newline = read.indexOf('\n', at)
    const end = newline < 0 ? read.length : newline + 1
    if (unfinished.line.length + end - at > limit) return 'tooLong'
    unfinished.line += read.slice(at, end)
    at = end
    if (newline < 0) break
    const line = unfinished.line
    unfinished.line = ''
    if (!onLine(line, read.slice(at))) return 'stopped'
  }
  return 'more'
}

/** Splits bytes into reads of the size that postscreen uses. */
export function* reads(bytes: Uint8Array): Generator<string> {
  for (let at = 0; at < bytes.length; at += readSize) yield latin1(bytes.subarray(at, at + readSize))
}

/**
 * A line without its end (`whole`), and cut at a NUL like C text (`text`). `bare`: it ended with LF alone (T47, T48).
 */
export function lineContent(line: string): { readonly whole: string; readonly text: string; readonly bare: boolean } {
  const bare = !line.endsWith('\r\n')
  const whole = line.slice(0, bare ? -1 : -2)
  const nul = whole.indexOf('\0')
  return { whole, text: nul < 0 ? whole : whole.slice(0, nul), bare }
}

/** Verb and arguments. Only spaces separate; leading ones are skipped (mystrtok). */
export function splitCommand(text: string): readonly [verb: string, args: string] {
  const trimmed = text.replace(/^ +/, '')
  const space = trimmed.indexOf(' ')
  return space < 0 ? [trimmed, ''] : [trimmed.slice(0, space), trimmed.slice(space + 1)]
}
