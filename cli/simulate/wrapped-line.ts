// What log collectors make of a line: a field of a JSON object, a line that they have parsed, or a prefix.

/**
 * `docker compose logs` (a name and a bar), stern and kubetail (namespace, pod, container). A pod has a dash in its
 * name: so the words of another program before a text of a client are not taken for names.
 */
const namesPrefix =
  /^([\w./-]{1,253})(?: {1,40}\||(?<=-.*)(?: [\w./-]{1,253}){1,2}| [\w./]*-[\w./-]*(?: [\w./-]{1,253})?) {1,20}(?=\{"level":")/
/** `journalctl -o json-seq` and `-o json-sse`, and the byte order mark of a file. */
const lead = /^(?:\u001e|data: |\ufeff)/

/** Without what stands before the line itself. `origin`: who wrote it; undefined: nothing was removed. */
export function withoutPrefix(line: string): { readonly rest: string; readonly origin?: string } | undefined {
  const mark = lead.exec(line)?.[0]
  if (mark !== undefined) return { rest: line.slice(mark.length) }
  const [prefix, origin] = line.includes('{"level":"') ? (namesPrefix.exec(line) ?? []) : []
  return prefix === undefined || origin === undefined ? undefined : { rest: line.slice(prefix.length), origin }
}

type Fields = Readonly<Record<string, unknown>>

/**
 * Fields with a whole line: Docker and CRI parsers (`log`), Fluent Bit, Vector, Filebeat and CloudWatch (`message`),
 * Loki (`line`), Google Cloud Logging (`textPayload`), Splunk (`_raw`).
 */
const lineFields = ['log', 'message', 'line', 'textPayload', '_raw'] as const
/** Fields with a parsed line: Google Cloud Logging, Fluent Bit (Merge_Log_Key), Elasticsearch. */
const objectFields = ['jsonPayload', 'log_processed', '_source'] as const

/** A message of syslog that a collector has taken apart. */
export interface ParsedMessage {
  /** Epoch milliseconds. */
  readonly time: number
  readonly host: string
  readonly program: string
  readonly text: string
}

export type Unwrapped =
  | { readonly is: 'line'; readonly line: string }
  | { readonly is: 'fields'; readonly fields: Fields }
  | { readonly is: 'message'; readonly message: ParsedMessage }

/** What is in the record of a log collector; undefined if it has nothing that looks like a line. */
export function unwrap(fields: Fields): Unwrapped | undefined {
  const message = parsedMessage(fields)
  if (message !== undefined) return { is: 'message', message }
  for (const name of [...objectFields, ...lineFields]) {
    const inner = fields[name]
    if (typeof inner === 'string') return { is: 'line', line: inner.trimEnd() }
    if (typeof inner === 'object' && inner !== null && !Array.isArray(inner)) return { is: 'fields', fields: inner as Fields }
  }
  return undefined
}

const programFields = ['ident', 'program', 'programname', 'appname', 'app_name', 'process', 'SYSLOG_IDENTIFIER'] as const
const hostFields = ['host', 'hostname', '_HOSTNAME', 'logsource', 'source'] as const
const textFields = ['message', 'msg', 'MESSAGE'] as const
const timeFields = ['@timestamp', 'timestamp', 'time', 'date', '_SOURCE_REALTIME_TIMESTAMP'] as const

function parsedMessage(fields: Fields): ParsedMessage | undefined {
  const [program, text] = [firstText(fields, programFields), firstText(fields, textFields)]
  const time = timeFields.map((name) => timeOf(fields[name])).find((one) => one !== undefined)
  if (program === undefined || text === undefined || time === undefined) return undefined
  return { time, host: firstText(fields, hostFields) ?? '', program, text }
}

const firstText = (fields: Fields, names: readonly string[]): string | undefined =>
  names.map((name) => fields[name]).find((value): value is string => typeof value === 'string')

/** Text of RFC 3339, or a number of seconds, milliseconds, microseconds or nanoseconds since 1970. */
function timeOf(value: unknown): number | undefined {
  if (typeof value === 'string' && !/^\d+(?:\.\d+)?$/.test(value)) {
    const time = Date.parse(value)
    return Number.isNaN(time) ? undefined : time
  }
  const number = typeof value === 'number' || typeof value === 'string' ? Number(value) : Number.NaN
  if (!Number.isFinite(number) || number <= 0) return undefined
  // Seconds have ten digits until the year 2286, milliseconds thirteen, and so on.
  const unit = unitsOfSecond.find((parts) => number / parts < 1e10)
  return unit === undefined ? undefined : (number / unit) * 1000
}

const unitsOfSecond = [1, 1e3, 1e6, 1e9] as const
