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
const chunkBytes = 256 * 1024

export interface LogSource {
  /** As the user names it. */
  readonly name: string
  /** Bytes of the file; undefined for standard input. */
  readonly size: number | undefined
  /** Bytes read so far, as they are in the file. */
  readonly bytesRead: () => number
  readonly batches: AsyncIterable<readonly LogItem[]>
}

/** `-` is standard input. Throws if there is no such file. @param now epoch milliseconds, for times without a year */
export function openLogSource(name: string, now: number): LogSource {
  const size = name === '-' ? undefined : sizeOf(name)
  const raw: Readable = name === '-' ? process.stdin : createReadStream(name, { highWaterMark: chunkBytes })
  let read = 0
  raw.on('data', (chunk: Buffer) => (read += chunk.length))
  raw.pause()
  return { name, size, bytesRead: () => read, batches: batchesOf(raw, new LineReader(now)) }
}

function sizeOf(name: string): number | undefined {
  const stat = statSync(name)
  if (stat.isDirectory()) throw new Error('is a directory; name the files in it')
  return stat.isFile() ? stat.size : undefined
}

async function* batchesOf(raw: Readable, reader: LineReader): AsyncGenerator<readonly LogItem[]> {
  const first = await firstChunk(raw)
  if (first === undefined) return
  const chunks = joined(first, raw)
  const plain = first[0] === 0x1f && first[1] === 0x8b ? gunzipped(chunks) : chunks
  yield* itemsOf(plain, reader)
}

async function firstChunk(raw: Readable): Promise<Buffer | undefined> {
  for await (const chunk of raw.iterator({ destroyOnReturn: false })) return chunk as Buffer
  return undefined
}

async function* joined(first: Buffer, rest: Readable): AsyncGenerator<Buffer> {
  yield first
  for await (const chunk of rest) yield chunk as Buffer
}

async function* gunzipped(chunks: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  const gunzip = createGunzip()
  const feed = async (): Promise<void> => {
    for await (const chunk of chunks) if (!gunzip.write(chunk)) await new Promise((resolve) => gunzip.once('drain', resolve))
    gunzip.end()
  }
  feed().catch((error: unknown) => gunzip.destroy(error instanceof Error ? error : new Error(String(error))))
  for await (const chunk of gunzip) yield chunk as Buffer
}

async function* itemsOf(chunks: AsyncIterable<Buffer>, reader: LineReader): AsyncGenerator<readonly LogItem[]> {
  let journal: JournalExport | undefined
  const lines = new Lines()
  let isFirst = true
  for await (const chunk of chunks) {
    if (isFirst && chunk.toString('latin1', 0, 9) === '__CURSOR=') journal = new JournalExport()
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
  #rest = ''
  #isSkipping = false

  take(chunk: Buffer): string[] {
    const parts = (this.#rest + this.#decoder.write(chunk)).split('\n')
    this.#rest = parts.pop() ?? ''
    if (this.#isSkipping && parts.length > 0) {
      parts.shift()
      this.#isSkipping = false
    }
    if (this.#rest.length > longestLine) {
      this.#rest = ''
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
