// A program that has the whole terminal: its own screen, keys without Enter, no cursor. However it ends, the terminal
// is as it was before.
import { writeSync } from 'node:fs'
import type { ReadStream, WriteStream } from 'node:tty'

const enter = '\u001b[?1049h\u001b[?25l\u001b[2J'
const leave = '\u001b[?25h\u001b[?1049l'

export type Key = 'left' | 'right' | 'stop' | (string & {})

export interface FullScreen {
  /** Shows these lines in place of those before. */
  draw(lines: readonly string[]): void
  readonly columns: number
  readonly rows: number
  /** Gives the terminal back. May be called twice. */
  close(): void
}

interface Listeners {
  readonly key: (key: Key) => void
  /** The size has changed, or the program continues after Ctrl-Z: everything must be drawn again. */
  readonly redraw: () => void
}

/** Signals that end the program; SIGINT and SIGTERM are those of the caller. */
const others = ['SIGHUP', 'SIGQUIT'] as const

/** @param input and `output` of a terminal */
export function openFullScreen(input: ReadStream, output: WriteStream & { readonly fd: number }, { key, redraw }: Listeners): FullScreen {
  let isOpen = false
  const open = (): void => {
    isOpen = true
    input.setRawMode(true)
    output.write(enter)
  }
  const restore = (): void => {
    if (!isOpen) return
    isOpen = false
    // Not by the streams: a process that ends does not wait for them. A terminal that is gone needs nothing.
    try {
      writeSync(output.fd, leave)
      input.setRawMode(false)
    } catch {}
  }
  const suspend = (): void => {
    restore()
    process.once('SIGCONT', () => {
      open()
      redraw()
    })
    process.kill(process.pid, 'SIGSTOP')
  }
  const take = (data: Buffer): void => {
    for (const one of keysOf(data.toString('latin1')))
      if (one === 'suspend') suspend()
      else key(one)
  }
  const stop = (): void => key('stop')
  // A crash: its message must appear on the usual screen.
  process.on('uncaughtExceptionMonitor', restore).on('exit', restore)
  for (const signal of others) process.on(signal, stop)
  input.on('data', take).on('end', stop).on('error', stop)
  output.on('resize', redraw).on('error', stop)
  open()
  return {
    draw: (lines) => void output.write(`\u001b[H${lines.map((line) => `${line}\u001b[K`).join('\r\n')}\u001b[J`),
    get columns() {
      return output.columns || 80
    },
    get rows() {
      return output.rows || 24
    },
    close() {
      restore()
      process.off('uncaughtExceptionMonitor', restore).off('exit', restore)
      for (const signal of others) process.off(signal, stop)
      input.off('data', take).off('end', stop).off('error', stop).pause()
      output.off('resize', redraw).off('error', stop)
    },
  }
}

const sequences: Readonly<Record<string, Key>> = { '\u001b[D': 'left', '\u001bOD': 'left', '\u001b[C': 'right', '\u001bOC': 'right' }

/** Ctrl-C, Ctrl-D and Ctrl-\ end the program, as they would without raw mode; Ctrl-Z suspends it. */
const control: Readonly<Record<string, Key>> = { '\u0003': 'stop', '\u0004': 'stop', '\u001c': 'stop', '\u001a': 'suspend' }

/** The keys in what the terminal has sent. Unknown sequences are left out. */
export function keysOf(data: string): readonly Key[] {
  const found = data.match(/\u001b(?:\[[\d;]*[A-Za-z~]|O[A-Za-z])?|[^\u001b]/g) ?? []
  return found.flatMap((one): readonly Key[] => {
    const key = sequences[one] ?? control[one]
    if (key !== undefined) return [key]
    return one.startsWith('\u001b') ? [] : [one]
  })
}
