// The last step of a JSON log record: texts of libraries, peers and policies are written with visible characters only.
import { visibleText } from '../crds/values/visible-text.ts'

const printableASCII = /^[\x20-\x7e]*$/
/** An escape of JSON that stands for something else: `\n`, `\u001b`, but not `\\n`. */
const escaped = /(?<!\\)(?:\\\\)*\\[bfnrtu]/

/**
 * The same record with visible texts, for people and for programs that read the JSON.
 * @param json one record without its newline
 */
export function visibleJson(json: string): string {
  const isVisible = printableASCII.test(json) && (!json.includes('\\') || !escaped.test(json))
  return isVisible ? json : JSON.stringify(visibleValue(JSON.parse(json)))
}

function visibleValue(value: unknown): unknown {
  if (typeof value === 'string') return visibleText(value)
  if (Array.isArray(value)) return value.map(visibleValue)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([name, one]) => [visibleText(name), visibleValue(one)]))
}

/** A destination of pino's, whose records come one by one, in front of the real one. */
export function visibleLog(out: { write(line: string): unknown }): { write(line: string): void } {
  return {
    write: (line) => {
      out.write(`${visibleJson(line.trimEnd())}\n`)
    },
  }
}
