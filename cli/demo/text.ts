// The live log of the demo: one line in plain words for each event of a session.
import { formatEndpoint } from '../../crds/values/endpoint.ts'
import type { Action, DnsblHit, LogRecord } from '../../gateway/core/vocabulary.ts'
import type { Mail } from './mail-server.ts'

/** good: passed; bad: failed a test; mail: a message arrived; odd: something else; quiet: connect and disconnect. */
export type Tone = 'good' | 'bad' | 'mail' | 'odd' | 'quiet'

/** One line in columns; `what` is the keyword in postscreen's log. */
export interface Line {
  readonly who: string
  readonly what: string
  readonly means: string
  readonly tone: Tone
}

/** The line for a log record of a session. */
export function lineOf(record: LogRecord): Line {
  return { who: formatEndpoint(record.client), what: record.event, ...meaning(record) }
}

/** The line for a message that the mail server accepted. */
export function lineOfMail(mail: Mail): Line {
  const means = `the mail server accepted ${mail.bytes} bytes from <${mail.from}> to ${mail.to.map((to) => `<${to}>`).join(', ')}: "${mail.subject}"`
  return { who: formatEndpoint(mail.client), what: 'MAIL', means: printable(means), tone: 'mail' }
}

/** A line as text without colour. `time` is HH:MM:SS. */
export function inColumns(time: string, line: Line): string {
  return `${time}  ${line.who.padEnd(whoWidth)}  ${line.what.padEnd(whatWidth)}  ${line.means}`.trimEnd()
}

/** The width of 127.0.0.100:65535. */
const whoWidth = 17
const whatWidth = 'EHLO KEYWORDS DISCARDED'.length - 4

type Meaning = Pick<Line, 'means' | 'tone'>

function meaning(record: LogRecord): Meaning {
  switch (record.event) {
    case 'CONNECT':
      return { tone: 'quiet', means: `connected to ${formatEndpoint(record.server)}` }
    case 'DISCONNECT':
      return { tone: 'quiet', means: 'gone' }
    case 'HANGUP':
      return { tone: 'odd', means: `hung up after ${record.after} s, in the ${record.stage}` }
    case 'STRESS':
      return { tone: 'odd', means: `${record.change} stress mode with ${record.connections} connections` }
    case 'CONNECTION REFUSED':
      return { tone: 'bad', means: record.why }
    case 'ALLOWLISTED':
      return { tone: 'good', means: 'permitted by the permanent access list: handed off to the mail server at once' }
    case 'ALLOWLIST VETO':
      return { tone: 'bad', means: 'connected to a server address at which no client is admitted to the allowlist (backup MX)' }
    case 'DENYLISTED':
      return { tone: 'bad', means: `rejected by the permanent access list; ${consequences[record.action]}` }
    case 'PASS NEW':
      return { tone: 'good', means: 'passed all tests; remembered, so the next visit is not tested' }
    case 'PASS OLD':
      return { tone: 'good', means: 'passed the tests before and is still remembered' }
    case 'RCPT REJECTED':
      return { tone: 'bad', means: `<${record.from}> to <${record.to}>: ${record.reply}` }
    case 'DNSBL ERROR CODE':
      return { tone: 'odd', means: `${record.domain} answered ${record.address}, which is not a listing` }
    case 'SAME SESSION FAILED':
      return { tone: 'odd', means: `passed all tests, but no mail server takes it at ${record.goal}: ${record.reply}` }
    case 'AUDIT':
      return { tone: 'odd', means: `handed off to the mail server; Enforce mode would ${record.would}, with ${record.reply}` }
    case 'BAN':
      return { tone: 'bad', means: `${record.network} has failed too often and is banned for ${record.seconds} s` }
    case 'CLIENT ADDRESS LOST':
      return { tone: 'odd', means: `a private address that is not in clientAddress.internal: the mail server is told ${record.named}` }
    case 'CLIENT ADDRESSES':
      return {
        tone: 'odd',
        means: record.change === 'lost' ? 'the addresses of clients are lost' : 'the addresses of clients are preserved',
      }
    case 'BANNED':
      return { tone: 'bad', means: `refused, because ${record.network} is banned` }
    case 'TESTS':
      return { tone: 'quiet', means: record.tests.join(', ') }
    case 'EHLO KEYWORDS DISCARDED':
      return { tone: 'quiet', means: record.keywords }
    case 'COMMAND REPLACED':
      return { tone: 'quiet', means: `"${record.command}" became "${record.replacement}"` }
    case 'PREGREET':
    case 'DNSBL':
    case 'BARE NEWLINE':
    case 'NON-SMTP COMMAND':
    case 'COMMAND PIPELINING':
    case 'COMMAND TIME LIMIT':
    case 'COMMAND COUNT LIMIT':
    case 'COMMAND LENGTH LIMIT':
    case 'DATA WITHOUT RCPT':
    case 'BDAT WITHOUT RCPT':
      return { tone: 'bad', means: failure(record) }
  }
}

type FailureEvent =
  | 'PREGREET'
  | 'DNSBL'
  | 'BARE NEWLINE'
  | 'NON-SMTP COMMAND'
  | 'COMMAND PIPELINING'
  | `COMMAND ${'TIME' | 'COUNT' | 'LENGTH'} LIMIT`
  | `${'DATA' | 'BDAT'} WITHOUT RCPT`

/** A failed test, or an exceeded limit. */
function failure(record: Extract<LogRecord, { event: FailureEvent }>): string {
  switch (record.event) {
    case 'PREGREET':
      return `spoke after ${record.after} s, before its turn: ${shortened(record.data)}; ${consequences[record.action]}`
    case 'DNSBL':
      return `rank ${record.rank}: ${record.hits.map(listing).join(', ')}; ${consequences[record.action]}`
    case 'BARE NEWLINE':
      return `ended a line with only LF after ${record.command}; ${consequences[record.action]}`
    case 'NON-SMTP COMMAND':
      return `sent ${`${record.command} ${record.args}`.trimEnd()} after ${record.afterCommand}, which is not an SMTP command; ${consequences[record.action]}`
    case 'COMMAND PIPELINING':
      return `did not wait for the reply to ${record.afterCommand} and sent: ${shortened(record.data)}; ${consequences[record.action]}`
    case 'COMMAND TIME LIMIT':
      return `took too long after ${record.afterCommand}`
    case 'COMMAND COUNT LIMIT':
      return `sent too many commands, the last after ${record.afterCommand}`
    case 'COMMAND LENGTH LIMIT':
      return `sent a line that is too long after ${record.afterCommand}`
    case 'DATA WITHOUT RCPT':
    case 'BDAT WITHOUT RCPT':
      return 'wanted to send a message although no recipient was accepted'
  }
}

const consequences: Readonly<Record<Action, string>> = {
  Ignore: 'ignored',
  Enforce: 'all recipients will be refused',
  Drop: 'connection dropped',
}

const listing = (hit: DnsblHit): string => `${hit.domain} says ${hit.address} (${hit.weight > 0 ? '+' : ''}${hit.weight})`

/** Keeps a line of the log within one line of the terminal. */
const shortened = (data: string): string => (data.length > 40 ? `${data.slice(0, 40)}…` : data)

/** Text from a client may contain any characters; control and format characters must not reach the terminal. */
function printable(text: string): string {
  return text.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, '?')
}
