// The JSON log of a program: pino's records, each one line of visible characters on standard output.
import { pino, type Logger } from 'pino'
import { visibleLog } from './visible-json.ts'

/**
 * @param level the least important level that is written, such as `info`
 * @param out where the lines go; standard output by default
 */
export function jsonLog(level: string, out: { write(line: string): unknown } = pino.destination(1)): Logger {
  return pino(
    { level, base: null, timestamp: pino.stdTimeFunctions.isoTime, formatters: { level: (name) => ({ level: name }) } },
    visibleLog(out),
  )
}
