// A log as batches of items: a file, a compressed file or standard input, as lines or as an export of the journal.
import { createReadStream, statSync } from 'node:fs'
import { createGunzip } from 'node:zlib'
import type { Readable } from 'node:stream'
import { StringDecoder } from 'node:string_decoder'
import { JournalExport } from './journal-export.ts'
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
  const raw: Readable = name === '-' ? process.stdin : createReadStream(name, { highWaterMark: chunkBytes })
  const reader = new LineReader(now)
  let read = 0
  const chunks = counted(raw, (bytes) => (read += bytes))
  return { name, size, bytesRead: () => read, unread: () => reader.unread, batches: batchesOf(chunks, reader) }
}

function sizeOf(name: string): number | undefined {
  const stat = statSync(name)
  if (stat.isDirectory()) throw new Error('is a directory; name the files in it')
  return stat.isFile() ? stat.size : undefined
}

type Chunks = AsyncGenerator<Buffer, void>

async function* counted(raw: Readable, count: (bytes: number) => void): Chunks {
  for await (const chunk of raw) {
    count((chunk as Buffer).length)
    yield chunk as Buffer
  }
}

/** What the first bytes of a log are told by. */
const journalStart = '__CURSOR='

async function* batchesOf(chunks: Chunks, reader: LineReader): AsyncGenerator<readonly LogItem[]> {
  const bytes = withWholeStart(chunks)
  const first = await bytes.next()
  if (first.done === true) return
  const isCompressed = first.value[0] === 0x1f && first.value[1] === 0x8b
  const rest = joined(first.value, bytes)
  yield* itemsOf(isCompressed ? withWholeStart(gunzipped(rest)) : rest, reader)
}

/** A pipe may give its first bytes one by one. */
async function* withWholeStart(chunks: Chunks): Chunks {
  let start: Buffer = Buffer.alloc(0)
  while (start.length < journalStart.length) {
    const next = await chunks.next()
    if (next.done === true) break
    start = Buffer.concat([start, next.value])
  }
  if (start.length > 0) yield start
  yield* chunks
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
  for await (const chunk of gunzip) yield chunk as Buffer
}

async function* itemsOf(chunks: Chunks, reader: LineReader): AsyncGenerator<readonly LogItem[]> {
  let journal: JournalExport | undefined
  const lines = new Lines(() => reader.unread++)
  let isFirst = true
  for await (const chunk of chunks) {
    if (isFirst && chunk.toString('latin1', 0, journalStart.length) === journalStart) journal = new JournalExport()
    isFirst = false
    const items: LogItem[] = []
    if (journal !== undefined) for (const entry of journal.take(chunk)) keep(items, reader.journal(entry))
    else for (const line of lines.take(chunk)) keep(items, reader.read(line))
    yield items
  }
  const last = journal === undefined ? reader.read(lines.rest()) : undefined
  const entry = journal?.rest()
  yield [last, entry === undefined ? undefined : reader.journal(entry)].filter((item) => item !== undefined)
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
