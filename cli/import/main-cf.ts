// Reads main.cf, or the output of `postconf -n`, into parameters, which are not expanded yet.
import { type LogicalLine, logicalLines, space, trimSpace } from './logical-lines.ts'

/** A parameter of the file: the text after the `=`, and its line. */
export interface Setting {
  readonly value: string
  readonly line: number
  /** The service of master.cf to which the option belongs, such as `smtp/inet`. */
  readonly service?: string
}

export interface MainCf {
  readonly settings: ReadonlyMap<string, Setting>
  /** Entries of master.cf among the parameters, as in the output of `postconf -n; postconf -M`. */
  readonly serviceLines: readonly LogicalLine[]
  /** Mistakes with which Postfix does not start. */
  readonly errors: readonly string[]
  /** Mistakes for which Postfix logs a warning. */
  readonly notes: readonly string[]
}

const serviceEntry = /^\S+\s+(?:inet|unix|unix-dgram|fifo|pass)\s+[yn-]\s+[yn-]\s+[yn-]\s+\S+\s+\S+\s+\S/

/** Whether a logical line is an entry of master.cf. */
const isServiceLine = (line: string): boolean => serviceEntry.test(line)

const nameEnd = new RegExp(`${space}|=`)
const equals = new RegExp(`^${space}*=`)

/** One `name = value`, parsed like split_nameval(3); `why` is the error message of that function. */
export function splitNameValue(line: string): { readonly name: string; readonly value: string } | { readonly why: string } {
  const text = trimSpace(line)
  if (text === '' || text.startsWith('=')) return { why: 'missing attribute name' }
  const end = text.search(nameEnd)
  const rest = end < 0 ? '' : text.slice(end)
  if (!equals.test(rest)) return { why: "missing '=' after attribute name" }
  return { name: text.slice(0, end), value: trimSpace(rest.replace(equals, '')) }
}

/** The most characters of a line that are repeated in a message. */
const shown = 80

const quote = (text: string): string => JSON.stringify(text.length > shown ? `${text.slice(0, shown)}...` : text)

/**
 * Parses the text of a main.cf; `file` is its name in messages. If a parameter is set twice, the last one counts, as in
 * Postfix.
 */
export function parseMainCf(text: string, file: string): MainCf {
  const settings = new Map<string, Setting>()
  const serviceLines: LogicalLine[] = []
  const errors: string[] = []
  const notes: string[] = []
  const { lines, stray } = logicalLines(text.replace(/^\uFEFF/, ''))
  for (const { line, text: bad } of stray)
    notes.push(`${file}, line ${line}: logical line must not start with whitespace, skipped: ${quote(bad)}`)
  for (const { line, text: logical } of lines) {
    const pair = splitNameValue(logical)
    if ('why' in pair && isServiceLine(logical)) {
      serviceLines.push({ line, text: logical })
      continue
    }
    if ('why' in pair) {
      errors.push(`${file}, line ${line}: ${pair.why}: ${quote(logical)}`)
      continue
    }
    const old = settings.get(pair.name)
    if (old !== undefined && old.value !== pair.value) {
      const value = /key|pass|secret|token/i.test(pair.name) ? '<not shown>' : old.value
      notes.push(`${file}, line ${line}: overriding earlier entry: ${pair.name}=${value} (line ${old.line})`)
    }
    settings.set(pair.name, { value: pair.value, line })
  }
  return { settings, serviceLines, errors, notes }
}
