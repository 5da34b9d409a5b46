// Metrics of session events: the counters, and which of them an event increases.
import { type Outcome, outcomes } from '../core/outcome-names.ts'
import { type Action, type LogRecord, type TestName, testNames } from '../core/vocabulary.ts'

type Mode = 'audit' | 'enforce'

/** The counters of a failed test, and of the refusal where it is one at once. */
function countersOfFailure(test: TestName, action: Action, mode: Mode): readonly string[] {
  const failure = `tests|${test}|fail|${action}|${mode}`
  return action === 'Drop' ? [failure, `rejects|521|${test}|${mode}`] : [failure]
}

/**
 * By test, action and mode. Made once: before a Map can find a new text, V8 has to hash it and to look for it in its
 * table of all texts.
 */
const failures = new Map(
  testNames.map((test) => {
    const ofAction = (action: Action) => ({
      audit: countersOfFailure(test, action, 'audit'),
      enforce: countersOfFailure(test, action, 'enforce'),
    })
    return [test, { Ignore: ofAction('Ignore'), Enforce: ofAction('Enforce'), Drop: ofAction('Drop') }]
  }),
)

const failed = (test: TestName, action: Action, mode: Mode): readonly string[] => failures.get(test)?.[action][mode] ?? []

/** The counters that an event increases: `metric|value of its first label|…`; a few dozen different texts. */
export function countedAs(record: LogRecord, mode: Mode): readonly string[] {
  switch (record.event) {
    case 'CONNECT':
      return ['connections']
    case 'CONNECTION REFUSED':
      return [`rejects|421|${record.why}|${mode}`]
    case 'ALLOWLISTED':
      return ['access|permit']
    case 'DENYLISTED':
      return record.action === 'Drop' ? ['access|reject', `rejects|521|denylist|${mode}`] : ['access|reject']
    case 'ALLOWLIST VETO':
      return ['vetoes']
    case 'PASS NEW':
      return ['passes|new', ...record.tests.map((test) => `tests|${test}|pass||${mode}`)]
    case 'PASS OLD':
      return ['passes|old', ...record.tests.map((test) => `tests|${test}|pass||${mode}`)]
    case 'PREGREET':
      return failed('pregreet', record.action, mode)
    case 'DNSBL':
      return failed('dnsbl', record.action, mode)
    case 'BARE NEWLINE':
      return failed('bareNewline', record.action, mode)
    case 'NON-SMTP COMMAND':
      return failed('nonSMTPCommand', record.action, mode)
    case 'COMMAND PIPELINING':
      return failed('pipelining', record.action, mode)
    case 'COMMAND TIME LIMIT':
    case 'COMMAND COUNT LIMIT':
    case 'COMMAND LENGTH LIMIT':
      return [`limits|${record.event.slice(8, -6).toLowerCase()}`]
    case 'HANGUP':
      return [`hangups|${record.stage.startsWith('tests before') ? 'before' : 'after'}`]
    case 'RCPT REJECTED':
      return [`rejects|${record.reply.slice(0, 3)}|rcpt|${mode}`]
    case 'SAME SESSION FAILED':
      return [`sameSession|${record.goal}|${record.why}`]
    case 'AUDIT':
      return [`audit|${record.would}`]
    case 'BAN':
      return ['bans']
    case 'BANNED':
      return [`rejects|521|banned|${mode}`]
    case 'CLIENT ADDRESS LOST':
      return ['strangers']
    case 'STRESS':
      return record.change === 'entering' ? ['stress'] : []
    case 'DATA WITHOUT RCPT':
    case 'BDAT WITHOUT RCPT':
    case 'DISCONNECT':
    case 'CLIENT ADDRESSES':
    case 'DNSBL ERROR CODE':
    case 'TESTS':
    case 'EHLO KEYWORDS DISCARDED':
    case 'COMMAND REPLACED':
      return []
  }
}

const ofOutcome = Object.fromEntries(
  outcomes.map((outcome) => [outcome, { audit: `sessions|${outcome}|audit`, enforce: `sessions|${outcome}|enforce` }]),
) as Readonly<Record<Outcome, Readonly<Record<Mode, string>>>>

/** The counter of an outcome, in the form of countedAs. */
export const outcomeCounter = (outcome: Outcome, audit: boolean): string => ofOutcome[outcome][audit ? 'audit' : 'enforce']

/** All of them. */
export const outcomeCounters: readonly string[] = Object.values(ofOutcome).flatMap(({ audit, enforce }) => [audit, enforce])

/** Short names of countedAs, with the metric and its label names. */
export const counters: Readonly<Record<string, { name: string; help: string; labels: readonly string[] }>> = {
  connections: { name: 'postscreen_connections_total', help: 'Client connections that began a session.', labels: [] },
  sessions: {
    name: 'postscreen_sessions_total',
    help: 'Sessions by their outcome, each once, when it is over or handed off; in Audit mode by what Enforce mode would have done.',
    labels: ['outcome', 'mode'],
  },
  rejects: {
    name: 'postscreen_rejects_total',
    help: 'Refusals by reply code and reason; in Audit mode those that would have been.',
    labels: ['code', 'reason', 'mode'],
  },
  access: { name: 'postscreen_access_list_matches_total', help: 'Decisions of the permanent access list.', labels: ['action'] },
  vetoes: { name: 'postscreen_allowlist_vetoes_total', help: 'Sessions on an address without the temporary allowlist.', labels: [] },
  passes: { name: 'postscreen_passes_total', help: 'Clients that passed, new or old ones.', labels: ['type'] },
  tests: { name: 'postscreen_tests_total', help: 'Tests decided, by configured action.', labels: ['test', 'verdict', 'action', 'mode'] },
  limits: { name: 'postscreen_command_limits_total', help: 'Sessions that ran into a command limit.', labels: ['limit'] },
  hangups: { name: 'postscreen_hangups_total', help: 'Clients that left before or after the greeting.', labels: ['stage'] },
  sameSession: {
    name: 'postscreen_same_session_failures_total',
    help: 'Clients that passed and that no backend took at their first recipient or STARTTLS, by the reason.',
    labels: ['goal', 'why'],
  },
  audit: {
    name: 'postscreen_audit_total',
    help: 'Audit mode: clients handed off that would have been refused, dropped, enforced or deferred.',
    labels: ['would'],
  },
  bans: { name: 'postscreen_bans_total', help: 'Bans of networks that kept failing.', labels: [] },
  strangers: {
    name: 'postscreen_stranger_handoffs_total',
    help: 'Clients with a private address that is not expected, for which mail servers were told a documentation address.',
    labels: [],
  },
  stress: { name: 'postscreen_stress_total', help: 'Times that stress mode began.', labels: [] },
}
