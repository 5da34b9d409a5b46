// Why a session ended as it did, in a few words.
import { isObject } from '../../crds/is-object.ts'
import type { LogLine } from './log-record.ts'
import type { Outcome } from './outcome.ts'
import type { SessionStory } from './sessions.ts'

const text = (line: LogLine | undefined, name: string): string => {
  const value = line?.fields[name]
  return typeof value === 'string' ? value : typeof value === 'number' ? String(value) : ''
}

/** `spoke after 0.21 s: EHLO x`. Texts of clients are as the log has them: printable. */
export function whyOf({
  outcome,
  by,
  lines,
  began,
  decidedAt,
}: Pick<SessionStory, 'outcome' | 'by' | 'lines' | 'began' | 'decidedAt'>): string {
  const took = `${((decidedAt - began) / 1000).toFixed(1)} s`
  switch (outcome) {
    case 'known':
      return joined(by?.event === 'ALLOWLISTED' ? `on the access list${ruleOf(by)}` : 'remembered', serverOf(lines))
    case 'new':
      return joined('passed every test', serverOf(lines))
    case 'comeBack':
      return lines.some(({ event }) => event === 'ALLOWLIST VETO')
        ? 'came to a backup address'
        : `new; passed, and read ${text(by, 'reply').slice(0, 3)}`
    case 'hangup':
      if (lines.some(({ event }) => /^PASS |^ALLOWLISTED/.test(event))) return `after ${took}, while it waited for a mail server`
      return text(by, 'stage').includes('after') ? `after ${took}, behind the greeting` : `after ${took}, before the greeting`
    case 'pregreet':
      return `spoke after ${text(by, 'after')} s: ${withoutLineEnd(text(by, 'data'))}`
    case 'dnsbl':
      return `rank ${text(by, 'rank')}${listsOf(by)}`
    case 'deepTests':
      return deepTestText(by)
    case 'accessList':
      return `on the access list, to be rejected${ruleOf(by)}`
    case 'banned':
      return `${text(by, 'network') || 'its network'} is banned`
    case 'limits':
      return by?.event === 'CONNECTION REFUSED' ? text(by, 'why') : (by?.event ?? '').toLowerCase()
    case 'noBackend':
      return `clean, but no mail server took it${reasonOf(by)}`
    case 'backendRefused':
      return `the mail server said ${text(by, 'reply')}`
    case 'shutdown':
      return 'the gateway was stopped'
  }
}

const joined = (first: string, second: string): string => (second === '' ? first : `${first}; ${second}`)

function serverOf(lines: readonly LogLine[]): string {
  const backend = text(
    lines.find(({ event }) => event === 'HANDED OFF'),
    'backend',
  )
  return backend === '' ? '' : `to ${backend}`
}

/** The rule, where the log names it: lines of postscreen, and older ones of ours, do not. */
function ruleOf(by: LogLine | undefined): string {
  const [rule, sender, file] = [text(by, 'rule'), text(by, 'sender'), text(by, 'file')]
  if (sender !== '') return ` (SPF record of ${sender})`
  if (file !== '') return ` (${file}, line ${text(by, 'line')})`
  return rule === '' ? '' : ` (${rule})`
}

const withoutLineEnd = (data: string): string => data.replace(/(\\r)?\\n$/, '')

function listsOf(by: LogLine | undefined): string {
  const hits: readonly unknown[] = Array.isArray(by?.fields['hits']) ? by.fields['hits'] : []
  const names = hits.filter(isObject).map(({ domain }) => String(domain))
  return names.length === 0 ? '' : `: ${[...new Set(names)].join(', ')}`
}

function deepTestText(by: LogLine | undefined): string {
  if (by?.event === 'COMMAND PIPELINING') return `did not wait for the answer to ${text(by, 'afterCommand')}`
  if (by?.event === 'NON-SMTP COMMAND') return `sent what is not an SMTP command: ${`${text(by, 'command')} ${text(by, 'args')}`.trim()}`
  return `ended a line with LF only, after ${text(by, 'command') || text(by, 'afterCommand')}`
}

function reasonOf(by: LogLine | undefined): string {
  const [, reason = ''] = /^cannot connect to service \S+: (.*)$/.exec(by?.msg ?? '') ?? []
  return reason === '' ? '' : ` (${reason})`
}

/** The outcome as a person reads it. */
export const outcomeWords: Readonly<Record<Outcome, string>> = {
  known: 'handed off',
  new: 'new',
  comeBack: 'come back',
  hangup: 'hung up',
  pregreet: 'refused',
  dnsbl: 'refused',
  deepTests: 'refused',
  accessList: 'refused',
  banned: 'refused',
  limits: 'refused',
  noBackend: 'no server',
  backendRefused: 'refused',
  shutdown: 'stopped',
}
