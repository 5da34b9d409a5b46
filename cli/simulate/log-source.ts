// A log as batches of items: a file, a compressed file or standard input, as lines or as an export of the journal.
import { createReadStream, statSync } from 'node:fs'
import { createGunzip } from 'node:zlib'
import type { Readable } from 'node:stream'
import { StringDecoder } from 'node:string_decoder'
import { JournalExport } from './journal-export.ts'
import { formOf, gzipError, startBytes } from './log-form.ts'
import { LineReader } from './line-reader.ts'
import type { LogItem } from './log-item.ts'

/** A longer line is skipped: no line of a gateway or of postscreen is as long. */
const longestLine = 1024 * 1024
const chunkBytes = 64 * 1024

export interface LogSource {
  /** As the user names it. */
  readonly name: string
  /** Bytes of the file; undefined for standard input. */
  readonly size: number | undefined
  /** Bytes read so far, as they are in the file. */
  readonly bytesRead: () => number
  /** Lines and entries so far that could not be read: damaged, cut off or too long. */
  readonly unread: () => number
  readonly batches: AsyncIterable<readonly LogItem[]>
}

/** `-` is standard input. Throws if there is no such file. @param now epoch milliseconds, for times without a year */
export function openLogSource(name: string, now: number): LogSource {
  const size = name === '-' ? undefined : sizeOf(name)
  const pieces: Readable = name === '-' ? process.stdin : createReadStream(name, { highWaterMark: chunkBytes })
  return logSource({ name, size, pieces }, now)
}

/** A log as it comes in pieces. */
export interface LogPieces extends Pick<LogSource, 'name' | 'size'> {
  readonly pieces: AsyncIterable<Uint8Array>
}

/** @param now epoch milliseconds, for times without a year */
export function logSource({ name, size, pieces }: LogPieces, now: number): LogSource {
  const reader = new LineReader(now)
  let read = 0
  const chunks = counted(pieces, (bytes) => (read += bytes))
  return { name, size, bytesRead: () => read, unread: () => reader.unread, batches: batchesOf(chunks, reader) }
}

function sizeOf(name: string): number | undefined {
  const stat = statSync(name)
  if (stat.isDirectory()) throw new Error('is a directory; name the files in it')
  return stat.isFile() ? stat.size : undefined
}

type Chunks = AsyncGenerator<Buffer, void>

async function* counted(pieces: AsyncIterable<Uint8Array>, count: (bytes: number) => void): Chunks {
  for await (const piece of pieces) {
    count(piece.length)
    yield Buffer.from(piece.buffer, piece.byteOffset, piece.length)
  }
}

async function* batchesOf(chunks: Chunks, reader: LineReader): AsyncGenerator<readonly LogItem[]> {
  const { first, all } = await begun(chunks)
  const isCompressed = first !== undefined && formOf(first) === 'gzip'
  const plain = isCompressed ? await begun(gunzipped(all)) : { first, all }
  if (plain.first === undefined) return
  if (formOf(plain.first) === 'journal export') yield* entriesOf(plain.all, reader)
  else yield* linesOf(plain.all, reader)
}

/** With the first bytes, by which the form is told; a pipe may give them one by one. */
async function begun(chunks: Chunks): Promise<{ readonly first: Buffer | undefined; readonly all: Chunks }> {
  let first: Buffer = Buffer.alloc(0)
  while (first.length < startBytes) {
    const next = await chunks.next()
    if (next.done === true) break
    first = Buffer.concat([first, next.value])
  }
  return { first: first.length === 0 ? undefined : first, all: joined(first, chunks) }
}

async function* joined(first: Buffer, rest: Chunks): Chunks {
  yield first
  yield* rest
}

async function* gunzipped(chunks: Chunks): Chunks {
  const gunzip = createGunzip()
  const feed = async (): Promise<void> => {
    for await (const chunk of chunks) if (!gunzip.write(chunk)) await new Promise((resolve) => gunzip.once('drain', resolve))
    gunzip.end()
  }
  feed().catch((error: unknown) => gunzip.destroy(error instanceof Error ? error : new Error(String(error))))
  try {
    for await (const chunk of gunzip) yield chunk as Buffer
  } catch (error) {
    throw gzipError(error)
  }
}

async function* linesOf(chunks: Chunks, reader: LineReader): AsyncGenerator<readonly LogItem[]> {
  const lines = new Lines(() => reader.unread++)
  for await (const chunk of chunks) {
    const items: LogItem[] = []
    for (const line of lines.take(chunk)) keep(items, reader.read(line))
    yield items
  }
  const items: LogItem[] = []
  keep(items, reader.read(lines.rest()))
  yield items
}

async function* entriesOf(chunks: Chunks, reader: LineReader): AsyncGenerator<readonly LogItem[]> {
  const journal = new JournalExport()
  for await (const chunk of chunks) {
    const items: LogItem[] = []
    for (const entry of journal.take(chunk)) keep(items, reader.journal(entry))
    yield items
  }
  const { entry, unread } = journal.rest()
  reader.unread += unread
  const items: LogItem[] = []
  if (entry !== undefined) keep(items, reader.journal(entry))
  yield items
}

function keep(items: LogItem[], item: LogItem | undefined): void {
  if (item !== undefined) items.push(item)
}

/** Cuts text into lines. */
class Lines {
  readonly #decoder = new StringDecoder('utf8')
  readonly #onTooLong: () => void
  #rest = ''
  #isSkipping = false

  constructor(onTooLong: () => void) {
    this.#onTooLong = onTooLong
  }

  take(chunk: Buffer): string[] {
    const parts = (this.#rest + this.#decoder.write(chunk)).split('\n')
    this.#rest = parts.pop() ?? ''
    if (this.#isSkipping && parts.length > 0) {
      parts.shift()
      this.#isSkipping = false
    }
    if (this.#rest.length > longestLine) {
      this.#rest = ''
      if (!this.#isSkipping) this.#onTooLong()
      this.#isSkipping = true
    }
    return parts.map((line) => (line.endsWith('\r') ? line.slice(0, -1) : line))
  }

  /** The last line, if it has no line end. */
  rest(): string {
    const line = this.#isSkipping ? '' : this.#rest
    this.#rest = ''
    return line
  }
}
