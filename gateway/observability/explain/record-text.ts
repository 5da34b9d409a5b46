// The text of a log record without its client, for the story of one session. What a client says of its mail and of
// itself can be left out of it (admin.showEnvelopes).
import { formatLogged } from '../../../crds/values/endpoint.ts'
import { ruleInWords } from '../../core/access-rule.ts'
import { logText } from '../../core/log-text.ts'
import type { LogRecord } from '../../core/vocabulary.ts'

/** How texts are written under a policy. */
export interface TextRules {
  /** The public name of a DNS list, because its domain may hold a key. */
  readonly nameOf: (domain: string) => string
  /** Whether senders, recipients, HELO names and commands may be shown. */
  readonly showsEnvelopes: boolean
}

/** postscreen's line without the client, which is the same in all; or our own words. */
export function recordText(record: LogRecord, rules: TextRules): string {
  return (rules.showsEnvelopes ? undefined : textWithoutEnvelope(record)) ?? fullText(record, rules)
}

function fullText(record: LogRecord, { nameOf }: TextRules): string {
  const { event } = record
  if (event === 'AUDIT') return `AUDIT: Enforce mode would ${record.would} the client: ${record.reply}`
  if (event === 'SAME SESSION FAILED') return `SAME SESSION FAILED at ${record.goal} (${record.why}): ${record.reply}`
  if (event === 'DNSBL ERROR CODE') return `DNSBL ERROR CODE ${record.address} from ${record.domain}`
  if (event === 'TESTS') return `TESTS to do: ${record.tests.join(', ')}`
  const text = logText(record) ?? event
  const by = event === 'ALLOWLISTED' || event === 'DENYLISTED' ? ` by ${ruleInWords(record)}` : ''
  const tests = 'tests' in record && record.tests.length > 0 ? ` (${record.tests.join(', ')})` : ''
  const hits = event === 'DNSBL' ? ` (${record.hits.map(({ domain, weight }) => `${nameOf(domain)} ${weight}`).join(', ')})` : ''
  return `${withoutClient(text, formatLogged(record.client))}${by}${tests}${hits}`
}

/**
 * Undefined for a record that has nothing of what the client said. A reply may repeat it, so only its code is shown.
 */
function textWithoutEnvelope(record: LogRecord): string | undefined {
  switch (record.event) {
    case 'RCPT REJECTED':
      return `NOQUEUE: reject: RCPT: ${codeOf(record.reply)}`
    case 'PREGREET':
      return `PREGREET ${record.count} after ${record.after}`
    case 'NON-SMTP COMMAND':
    case 'COMMAND PIPELINING':
      return `${record.event} after ${record.afterCommand}`
    case 'BARE NEWLINE':
    case 'COMMAND REPLACED':
      return record.event
    case 'AUDIT':
      return `AUDIT: Enforce mode would ${record.would} the client: ${codeOf(record.reply)}`
    case 'SAME SESSION FAILED':
      return `SAME SESSION FAILED at ${record.goal} (${record.why}): ${codeOf(record.reply)}`
    // Every other one, so that a new event is looked at too.
    case 'CONNECT':
    case 'CONNECTION REFUSED':
    case 'ALLOWLISTED':
    case 'ALLOWLIST VETO':
    case 'DENYLISTED':
    case 'PASS NEW':
    case 'PASS OLD':
    case 'TESTS':
    case 'DNSBL':
    case 'DNSBL ERROR CODE':
    case 'HANGUP':
    case 'DISCONNECT':
    case 'COMMAND TIME LIMIT':
    case 'COMMAND COUNT LIMIT':
    case 'COMMAND LENGTH LIMIT':
    case 'DATA WITHOUT RCPT':
    case 'BDAT WITHOUT RCPT':
    case 'EHLO KEYWORDS DISCARDED':
    case 'BAN':
    case 'STRESS':
    case 'CLIENT ADDRESS LOST':
    case 'CLIENT ADDRESSES':
    case 'BANNED':
      return undefined
  }
}

/** `550 5.7.1 Service unavailable` → `550 5.7.1`. */
const codeOf = (reply: string): string => /^\d{3}(?:[ -]\d\.\d{1,3}\.\d{1,3})?/.exec(reply)?.[0] ?? ''

const withoutClient = (text: string, client: string): string =>
  [' from ', ' for ', ' '].reduce((rest, word) => rest.replace(`${word}${client}`, ''), text)
