// Reads a growing mail log in syslog's form: Postfix's maillog_file or the gateway's own log.

import { closeSync, existsSync, openSync, readSync } from 'node:fs'
import { StringDecoder } from 'node:string_decoder'

export interface MailLogLine {
  /** The service as logged, without its process number: `postfix/smtpd`, or a screen's name with `/postscreen`. */
  readonly program: string
  /** What follows `program[pid]: `. */
  readonly text: string
}

export interface MailLog {
  /** Every line so far, oldest first; each call reads on where the last one ended. */
  lines(): readonly MailLogLine[]
  /** The texts of one program so far, oldest first: always the same array, which grows. */
  linesOf(program: string): readonly string[]
  close(): void
}

/** `Nov 23 06:07:01 host program[123]: text`, the timestamp in either of Postfix's forms. */
const syslogLine = /^(?:\w{3} [ \d]\d [\d:]{8}|\S+T\S+) \S+ (\S+)\[\d+\]: (.*)$/

const none: readonly string[] = []

/** Opens a log that need not exist yet. Lines of another form are passed over. */
export function openMailLog(path: string): MailLog {
  let file: number | undefined
  const lines: MailLogLine[] = []
  const byProgram = new Map<string, string[]>()
  const decoder = new StringDecoder('latin1')
  const buffer = Buffer.alloc(64 * 1024)
  let rest = ''
  const keep = (line: MailLogLine): void => {
    lines.push(line)
    const own = byProgram.get(line.program)
    if (own === undefined) byProgram.set(line.program, [line.text])
    else own.push(line.text)
  }
  const readOn = (): void => {
    if (file === undefined && existsSync(path)) file = openSync(path, 'r')
    if (file === undefined) return
    for (;;) {
      const count = readSync(file, buffer)
      if (count === 0) return
      const pieces = (rest + decoder.write(buffer.subarray(0, count))).split('\n')
      rest = pieces.pop() ?? ''
      for (const piece of pieces) {
        const match = syslogLine.exec(piece)
        if (match !== null) keep({ program: match[1] ?? '', text: match[2] ?? '' })
      }
    }
  }
  return {
    lines: () => {
      readOn()
      return lines
    },
    linesOf: (program) => {
      readOn()
      return byProgram.get(program) ?? none
    },
    close: () => {
      if (file !== undefined) closeSync(file)
      file = undefined
    },
  }
}
