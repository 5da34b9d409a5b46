// The temporary allowlist as text, `ADDRESS<TAB>a;b;c;d;e`: the output of `postmap -s` for a postscreen cache, and the
// input of `postmap`.
import { decodeRecord, encodeRecord } from '../core/allowlist-record.ts'
import { canonicalKey } from '../core/allowlist-key.ts'
import { type AllowlistStore, cleanupKey } from './allowlist-store.ts'
import { boundedLines } from './bounded-lines.ts'

/** A line that was left out. `line` counts from 1. */
export interface BadLine {
  readonly line: number
  readonly why: string
}

export interface ImportOptions {
  readonly store: Pick<AllowlistStore, 'put' | 'flush'>
  /** The text in pieces of any size, such as a stream with an encoding. */
  readonly pieces: AsyncIterable<string> | Iterable<string>
  readonly onBadLine: (bad: BadLine) => void
  /** The key for an address. Default: the address. */
  readonly keyOf?: (address: string) => string
}

export interface ImportCount {
  readonly imported: number
  readonly leftOut: number
}

const longestLine = 1024
const putsAtATime = 5000
const linesAtATime = 1000

/**
 * The whole store as lines, in pieces of many lines each. The cleanup's key is included: Postfix uses the same one.
 * (postmap converts keys to lower case unless it is called with -f; postscreen finds this key only in upper case.)
 * Throws when the store cannot be read to its end.
 */
export async function* exportAllowlist(store: Pick<AllowlistStore, 'entries'>): AsyncGenerator<string, void> {
  let lines: string[] = []
  for await (const [key, record] of store.entries()) {
    lines.push(`${key}\t${record}\n`)
    if (lines.length < linesAtATime) continue
    yield lines.join('')
    lines = []
  }
  if (lines.length > 0) yield lines.join('')
}

/**
 * Puts every valid line into the store and replaces existing records. Other lines are reported and left out. Empty
 * lines and lines that begin with # are skipped, as by postmap; blanks may replace the tab.
 */
export async function importAllowlist({ store, pieces, onBadLine, keyOf = String }: ImportOptions): Promise<ImportCount> {
  let imported = 0
  let leftOut = 0
  for await (const { number, text, tooLong } of boundedLines(pieces, longestLine)) {
    const parsed = tooLong ? { why: `is longer than ${longestLine} characters` } : parseLine(text)
    if (parsed === undefined) continue
    if ('why' in parsed) {
      leftOut++
      onBadLine({ line: number, why: parsed.why })
      continue
    }
    store.put(parsed.key === cleanupKey ? cleanupKey : keyOf(parsed.key), parsed.record)
    if (++imported % putsAtATime === 0) await store.flush()
  }
  await store.flush()
  return { imported, leftOut }
}

type ParsedLine = { readonly key: string; readonly record: string } | { readonly why: string }

/** Undefined for an empty line or a comment. */
function parseLine(text: string): ParsedLine | undefined {
  if (/^\s*(#|$)/.test(text)) return undefined
  const match = /^(\S+)\s+(.*\S)\s*$/.exec(text)
  const [, key = '', value = ''] = match ?? []
  if (match === null) return { why: `${quote(text)} is not an address and a record` }
  if (key.toUpperCase() === cleanupKey)
    return /^\d{1,15}$/.test(value) ? { key: cleanupKey, record: value } : { why: `${quote(value)} is not the time of a cleanup` }
  const client = canonicalKey(key)
  if (client === undefined) return { why: `${quote(key)} is not an IP address${key.includes('/') ? ' or network' : ''}` }
  const problem = recordProblem(value)
  return problem === undefined ? { key: client, record: normalised(value) } : { why: problem }
}

const mostFields = 6

/** Stricter than the reader of records, so that an import reports unusual values. */
function recordProblem(value: string): string | undefined {
  const fields = value.split(';')
  if (fields.length > mostFields) return `${quote(value)} has ${fields.length} fields; Postfix writes at most 5 (6 in old versions)`
  const odd = fields.find((field) => !/^\d{1,15}$/.test(field))
  return odd === undefined ? undefined : `${quote(odd)} in ${quote(value)} is not a time stamp`
}

const allEnabled = [true, true, true, true, true]

/** Always five stamps: with every test enabled, a 0 stays a 0. */
function normalised(value: string): string {
  return encodeRecord(decodeRecord(value), allEnabled)
}

/** Printable and short: the file may contain anything. */
function quote(text: string): string {
  const shown = text.length > 60 ? `${text.slice(0, 60)}…` : text
  return JSON.stringify(shown)
}
