// The log's output: collects lines for a moment, so that many of them are written at once.
import pino from 'pino'
import { writeAtExit } from '../node-internals/log-descriptor.ts'

/** A reader that is stuck must not fill the memory: beyond this, lines are dropped. */
const maxBuffered = 16 * 1024 * 1024
/** Lines are written when there are this many bytes of them, or after this time. */
const batchBytes = 32_768
const batchMs = 20
/** The most bytes that UTF-8 needs for one UTF-16 unit. */
const bytesPerCharacter = 3
/** A reader that is stuck must not keep the process from ending. */
const flushMs = 1000

/**
 * Without it every write wakes a thread, and SonicBoom counts the bytes of all that waits with each line.
 * Measured with 200 pregreet bots at a time, three lines each: 75 µs of CPU a session without, 57 with it. Each line is
 * encoded at once: joined as strings first, they are flattened, counted and encoded on their way (9 % of a gateway's
 * time under such bots, by perf).
 */
export class LogBatch {
  readonly #out: ReturnType<typeof pino.destination>
  #lines = Buffer.allocUnsafe(batchBytes)
  #used = 0
  #handed = false
  #timer: NodeJS.Timeout | undefined
  #dropped = 0
  /** Called when the output is read again after lines were dropped, with their number. */
  whenReadAgain: ((dropped: number) => void) | undefined

  /** @param destination a file descriptor or path */
  constructor(destination: number | string) {
    // A minLength of 1 does not change when it writes, but makes its flush wait for writes in progress.
    const options = { dest: destination, sync: false, minLength: 1, maxLength: maxBuffered, contentMode: 'buffer' } as const
    this.#out = pino.destination(options)
    // A reader that goes away (`… | head`) must not end the gateway.
    this.#out.on('error', () => undefined)
    this.#out.on('drop', (lines) => (this.#dropped += linesIn(lines as unknown as Buffer)))
    this.#out.on('drain', () => this.#reportDropped())
    process.once('exit', () => this.#writeNow())
  }

  /** Takes a whole line, its newline included. */
  write(line: string): void {
    const mostBytes = line.length * bytesPerCharacter
    if (this.#used + mostBytes > batchBytes) this.#send()
    if (mostBytes > batchBytes) return this.#hand(Buffer.from(line))
    this.#used += this.#lines.write(line, this.#used)
    this.#timer ??= setTimeout(this.#send, batchMs)
  }

  /** Resolves when all lines so far are written, or after a second. */
  flush(): Promise<void> {
    this.#send()
    // SonicBoom cannot flush a file that it has yet to open when it has no bytes for it.
    if (!this.#handed) return Promise.resolve()
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, flushMs)
      this.#out.flush(() => {
        clearTimeout(timer)
        resolve()
      })
    })
  }

  readonly #send = (): void => {
    clearTimeout(this.#timer)
    this.#timer = undefined
    if (this.#used === 0) return
    this.#hand(this.#lines.subarray(0, this.#used))
    // The other buffer is being written.
    this.#lines = Buffer.allocUnsafe(batchBytes)
    this.#used = 0
  }

  /** In this content mode it takes bytes, which its types do not show. */
  #hand(bytes: Buffer): void {
    this.#handed = true
    this.#out.write(bytes as unknown as string)
  }

  #reportDropped(): void {
    const dropped = this.#dropped
    if (dropped === 0) return
    this.#dropped = 0
    this.whenReadAgain?.(dropped)
  }

  /** The process ends, perhaps by a bug: its last lines are the ones that matter. */
  #writeNow(): void {
    if (this.#used > 0) writeAtExit(this.#out, this.#lines.subarray(0, this.#used))
  }
}

function linesIn(bytes: Buffer): number {
  let lines = 0
  for (let at = bytes.indexOf(newline); at >= 0; at = bytes.indexOf(newline, at + 1)) lines++
  return lines
}

const newline = 0x0a
