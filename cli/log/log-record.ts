// One line of a gateway's log, as far as a person is shown it: JSON records, or the lines of postscreen.
import { fieldsOf, isObject } from '../../crds/is-object.ts'
import { LineReader } from '../simulate/line-reader.ts'

export interface LogLine {
  /** Epoch milliseconds. */
  readonly time: number
  /** What ties the records of a session together; undefined for other lines. */
  readonly session: string | undefined
  /** Empty for a line without one. */
  readonly event: string
  /** The address of the client; empty if the line is about none. */
  readonly client: string
  readonly isWarning: boolean
  readonly fields: Readonly<Record<string, unknown>>
  readonly msg: string
  /** Whether the log has the events that postscreen has not. */
  readonly isJson: boolean
}

const longest = 4000
const textOf = (value: unknown): string => (typeof value === 'string' ? value.slice(0, longest) : '')

/** Reads the lines of one gateway. Lines of other programs are left out. */
export class LogLines {
  readonly #syslog: LineReader

  /** @param now epoch milliseconds, for times without a year */
  constructor(now: number) {
    this.#syslog = new LineReader(now)
  }

  read(line: string): LogLine | undefined {
    return line.startsWith('{') ? jsonLine(line) : this.#postscreenLine(line)
  }

  #postscreenLine(line: string): LogLine | undefined {
    const item = this.#syslog.read(line)
    if (item?.is !== 'session') return undefined
    const { time, session, record } = item
    const [, msg = ''] = /postscreen\[\d+\]: (.*)$/.exec(line) ?? []
    return {
      ...{ time, session, event: record.event, client: record.client.address, isWarning: false, isJson: false },
      fields: { ...record, ...postscreenFields(record.event, msg) },
      msg: msg.slice(0, longest),
    }
  }
}

function jsonLine(line: string): LogLine | undefined {
  try {
    const fields = fieldsOf(JSON.parse(line))
    const time = Date.parse(textOf(fields['time']))
    if (Number.isNaN(time) || typeof fields['level'] !== 'string') return undefined
    const { session, client } = fields
    return {
      time,
      session: typeof session === 'string' ? session : undefined,
      event: textOf(fields['event']),
      client: isObject(client) ? textOf(client['address']) : '',
      isWarning: fields['level'] === 'warn',
      fields,
      msg: textOf(fields['msg']),
      isJson: true,
    }
  } catch {
    return undefined
  }
}

/** What the log of postscreen has only in its text. */
function postscreenFields(event: string, msg: string): Readonly<Record<string, unknown>> {
  if (event === 'DNSBL') return { rank: Number(/^DNSBL rank (-?\d+)/.exec(msg)?.[1] ?? 0) }
  if (event === 'PREGREET') {
    const [, after, data] = /^PREGREET \d+ after (\S+) from \S+: (.*)$/.exec(msg) ?? []
    return { after, data }
  }
  if (event === 'HANGUP') return { after: /^HANGUP after (\S+)/.exec(msg)?.[1] }
  if (event !== 'RCPT REJECTED') return { afterCommand: / after (.+?)(?:: |$)/.exec(msg)?.[1] }
  const [, reply, from, to, helo] = /: (\d{3} .*); from=<(.*?)>, to=<(.*?)>, proto=\S+, helo=<(.*)>$/.exec(msg) ?? []
  return { reply, from, to, helo }
}
