// How a session of a log went, in the words of the gateway's own counters (postscreen_sessions_total).
import type { LogLine } from './log-record.ts'

export const outcomes = [
  'known',
  'new',
  'comeBack',
  'hangup',
  'pregreet',
  'dnsbl',
  'deepTests',
  'accessList',
  'banned',
  'limits',
  'noBackend',
  'backendRefused',
  'shutdown',
] as const
export type Outcome = (typeof outcomes)[number]

const refusals: readonly Outcome[] = ['pregreet', 'dnsbl', 'deepTests', 'accessList', 'banned', 'limits', 'backendRefused']

/** Words that stand for several outcomes. */
export const groups: Readonly<Record<string, readonly Outcome[]>> = {
  refused: refusals,
  handedOff: ['known', 'new'],
}

/** The event that decides, in the order in which several are looked at. */
const deciding: readonly (readonly [event: string, outcome: Outcome])[] = [
  ['DENYLISTED', 'accessList'],
  ['BANNED', 'banned'],
  ['CONNECTION REFUSED', 'limits'],
  ['PREGREET', 'pregreet'],
  ['DNSBL', 'dnsbl'],
  ['BARE NEWLINE', 'deepTests'],
  ['NON-SMTP COMMAND', 'deepTests'],
  ['COMMAND PIPELINING', 'deepTests'],
]

export interface Decided {
  readonly outcome: Outcome
  /** The record that says why; undefined if no single one does. */
  readonly by: LogLine | undefined
  /** It was handed off in Audit mode: the outcome is what Enforce mode would have done. */
  readonly isAudit: boolean
}

/** @param lines all records of the session, in their order */
export function decide(lines: readonly LogLine[]): Decided {
  const find = (event: string): LogLine | undefined => lines.find((line) => line.event === event)
  const passed = passOf(find)
  const audit = find('AUDIT')
  if (find('HANDED OFF') !== undefined && audit === undefined) return { ...passed, isAudit: false }
  const isAudit = audit !== undefined
  for (const [event, outcome] of deciding) {
    const by = lines.find((line) => line.event === event && isEnforced(line, lines))
    if (by !== undefined) return { outcome, by, isAudit }
  }
  return { ...(behindTests(lines, find) ?? (isAudit ? passed : { outcome: 'hangup', by: undefined })), isAudit }
}

type Found = Omit<Decided, 'isAudit'>

function passOf(find: (event: string) => LogLine | undefined): Found {
  const old = find('PASS OLD') ?? find('ALLOWLISTED')
  return old === undefined ? { outcome: 'new', by: find('PASS NEW') } : { outcome: 'known', by: old }
}

/**
 * Ignored failures decide nothing. The lines of postscreen do not have the action: then the replies to recipients say
 * it.
 */
function isEnforced({ fields, isJson }: LogLine, lines: readonly LogLine[]): boolean {
  if (isJson || fields['action'] !== undefined) return fields['action'] !== 'Ignore'
  const replies = lines.flatMap((line) => (line.event === 'RCPT REJECTED' ? [String(line.fields['reply'])] : []))
  return replies.length === 0 || replies.some((reply) => reply.startsWith('5'))
}

/** What can become of a client that failed no test. */
function behindTests(lines: readonly LogLine[], find: (event: string) => LogLine | undefined): Found | undefined {
  const failed = find('SAME SESSION FAILED')
  if (failed !== undefined) return { outcome: failed.fields['why'] === 'refused' ? 'backendRefused' : 'noBackend', by: failed }
  const unserved = lines.find(({ event, msg }) => event === '' && msg.startsWith('cannot connect to service'))
  if (unserved !== undefined) return { outcome: 'noBackend', by: unserved }
  const rejected = find('RCPT REJECTED')
  if (rejected !== undefined) return { outcome: 'comeBack', by: rejected }
  const limit = lines.find(({ event }) => /^COMMAND (TIME|COUNT|LENGTH) LIMIT$/.test(event))
  if (limit !== undefined) return { outcome: 'limits', by: limit }
  const hangup = find('HANGUP')
  if (hangup !== undefined) return { outcome: 'hangup', by: hangup }
  // postscreen has no line for a client that was handed off; neither has a relay that found no mail server.
  const pass = passOf(find)
  return pass.by === undefined || pass.by.isJson ? undefined : pass
}
