// DNSBL reply filters, such as 127.0.0.[2..11] or 127.0.[0..255].[1;3]. Parses a text into a filter, or returns the
// error message of Postfix. The language and its errors are those of postscreen_dnsbl_sites (ip_match(3)).

import type { Read } from './read.ts'

/** A range of byte values, both ends included. */
export interface ByteRange {
  readonly low: number
  readonly high: number
}

/** For each of the four bytes of a reply, the ranges that match. */
export interface ReplyFilter {
  readonly fields: readonly (readonly ByteRange[])[]
}

/** One token of the pattern: `byte`, `bad` (a number above 255), `end`, or a single character. */
interface Token {
  readonly is: string
  readonly value: number
  readonly start: number
  readonly end: number
}

function tokenAt(pattern: string, start: number): Token {
  const digits = /^[0-9]+/.exec(pattern.slice(start))?.[0]
  if (digits !== undefined) {
    const value = Number(digits)
    return { is: value > 255 ? 'bad' : 'byte', value, start, end: start + digits.length }
  }
  const letter = pattern.charAt(start)
  return letter === '' ? { is: 'end', value: 0, start, end: start } : { is: letter, value: 0, start, end: start + 1 }
}

/** Why parsing stopped, with the place marked as in Postfix: the text before, >the unexpected token<, the rest. */
class FilterError extends Error {
  constructor(what: string, pattern: string, token: Token) {
    super(`${what} at "${pattern.slice(0, token.start)}>${pattern.slice(token.start, token.end)}<${pattern.slice(token.end)}"`)
  }
}

/** The position where the bracket that opens the pattern closes again, or -1. */
function closingBracket(pattern: string): number {
  let depth = 0
  for (let at = 0; at < pattern.length; at++) {
    if (pattern[at] === '[') depth++
    if (pattern[at] === ']' && --depth === 0) return at
  }
  return -1
}

/** The rest of a range, behind its first dot. A wrong token there is a `numeric range error` at that token. */
function parseRangeEnd(pattern: string, low: number, from: number): Token {
  const dot = tokenAt(pattern, from)
  if (dot.is !== '.') throw new FilterError('numeric range error', pattern, dot)
  const high = tokenAt(pattern, dot.end)
  if (high.is !== 'byte' || high.value < low) throw new FilterError('numeric range error', pattern, high)
  return high
}

/** A bracketed list, behind its `[`; `end` is the position behind its `]`. */
function parseList(pattern: string, from: number): { readonly ranges: readonly ByteRange[]; readonly end: number } {
  const ranges: ByteRange[] = []
  for (let at = from; ;) {
    const low = tokenAt(pattern, at)
    if (low.is !== 'byte') throw new FilterError('need decimal number 0..255', pattern, low)
    let next = tokenAt(pattern, low.end)
    let high = low
    if (next.is === '.') {
      high = parseRangeEnd(pattern, low.value, next.end)
      next = tokenAt(pattern, high.end)
    }
    ranges.push({ low: low.value, high: high.value })
    if (next.is === ']') return { ranges, end: next.end }
    if (next.is !== ';') throw new FilterError('need ";" or "]"', pattern, next)
    at = next.end
  }
}

function parseFields(pattern: string): ReplyFilter {
  const fields: (readonly ByteRange[])[] = []
  for (let at = 0; ;) {
    const token = tokenAt(pattern, at)
    if (token.is === 'byte') {
      fields.push([{ low: token.value, high: token.value }])
      at = token.end
    } else if (token.is === '[') {
      const list = parseList(pattern, token.end)
      fields.push(list.ranges)
      at = list.end
    } else {
      throw new FilterError('need decimal number 0..255 or "["', pattern, token)
    }
    const next = tokenAt(pattern, at)
    if (fields.length === 4) {
      if (next.is !== 'end') throw new FilterError('garbage after pattern', pattern, next)
      return { fields }
    }
    if (next.is !== '.') throw new FilterError('need "."', pattern, next)
    at = next.end
  }
}

/**
 * Parses a reply filter: four fields with dots between them, each a number 0..255 or a list `[n;low..high]`. One pair
 * of brackets may enclose the whole filter. `why` is the text that Postfix puts behind "bad DNSBL filter syntax:".
 */
export function readReplyFilter(text: string): Read<ReplyFilter> {
  let pattern = text
  if (text.startsWith('[')) {
    const close = closingBracket(text)
    if (close < 0) return { why: 'missing "]" character' }
    if (close === text.length - 1) pattern = text.slice(1, close)
  }
  if (pattern === '') return { why: 'empty address pattern' }
  try {
    return { value: parseFields(pattern) }
  } catch (error) {
    if (error instanceof FilterError) return { why: error.message }
    throw error
  }
}

/**
 * Whether one A record of a DNSBL reply, written as a dotted quad, matches the filter. Any other text does not match.
 */
export function matches(filter: ReplyFilter, address: string): boolean {
  const parts = address.split('.')
  if (parts.length !== 4 || !parts.every((part) => /^[0-9]{1,3}$/.test(part))) return false
  return filter.fields.every((ranges, at) => {
    const byte = Number(parts[at])
    return ranges.some(({ low, high }) => low <= byte && byte <= high)
  })
}
