// What a log shows about the client of a session: all that another policy can be tried on.
import type { Rules } from '../../gateway/core/rules.ts'
import { bit, deepTests, type TestSet } from '../../gateway/core/tests.ts'
import { type LoggedAnswer, type TestName, testNames } from '../../gateway/core/vocabulary.ts'
import type { LoggedSession, Move } from './logged-session.ts'

/** What the temporary allowlist held before the session. */
export interface Memory {
  readonly record: string | undefined
  /** Tests of whose stamps the log does not say anything. */
  readonly doubtful: TestSet
  /** Tests whose stamps were good, and it is not known for how long. */
  readonly loose: TestSet
}

export interface Facts {
  /** Milliseconds after the connect, as all times here. */
  readonly talkedAt: number | undefined
  readonly leftAt: number | undefined
  /** Until then the client has waited in silence, as far as it did not talk or leave. */
  readonly silentUntil: number
  readonly memory: Memory
  /** The answer of a list; with the error `overdue` it had not answered by then. Undefined: not known. */
  readonly answerOf: (domain: string, account: number | undefined) => LoggedAnswer | undefined
  /** Whether the client passed at once, or had tests to do. */
  readonly isRemembered: boolean
  /** Its times are whole seconds, and its answers have no times to live. */
  readonly isSyslog: boolean
  /** Deep tests of which the log has the result. */
  readonly deep: TestSet
  /** The rules for commands when the log was written, if they are known. */
  readonly formerSmtp: Rules['smtp'] | undefined
  readonly moves: readonly Move[]
  /** A mail server had the client from its first recipient on: what it said then is not in the log. */
  readonly wentOnAtBackend: boolean
  /** When the greeting was complete. */
  readonly greetedAt: number | undefined
  /**
   * Whether the client has sent RCPT behind the greeting: after a valid MAIL, without one, or not at all. Undefined
   * when the log does not show it.
   */
  readonly sentRecipient: 'valid' | 'out of order' | 'no' | undefined
  /** When its tests were passed; where no line has its RCPT, this is the time of it. */
  readonly passedAt: number | undefined
  readonly hungUpAfterGreeting: boolean
  /** It was gone before the greeting, and was not watched at the time. */
  readonly leftUnseen: boolean
  /** How long the session went on behind the greeting; undefined when it is not known. */
  readonly dialogueMs: number | undefined
  /** How long the client was connected to a mail server. */
  readonly relayedMs: number | undefined
}

/** What is known beyond the log. */
export interface Background {
  /** Those of the policy that wrote the log, if given. */
  readonly old: Rules | undefined
  /** Whether a list has been seen to answer in this log. */
  readonly hasAnswered: (domain: string) => boolean
}

/** The facts of a session whose lines are complete. */
export function factsOf(session: LoggedSession, background: Background): Facts {
  const { tests, talkedAt, leftAt, moves, handedOffAt, relayEndedAt, disconnectedAt } = session
  const deep = deepKnown(session, background)
  return {
    talkedAt,
    leftAt,
    silentUntil: silentUntil(session, background),
    memory: memoryOf(session, background),
    isRemembered: !session.isOurs && !wasTested(session) && session.pass !== undefined,
    answerOf: answersOf(session, background),
    isSyslog: !session.isOurs,
    deep,
    formerSmtp: background.old?.smtp,
    moves,
    greetedAt: tests?.next === 'smtp' ? tests.at : undefined,
    wentOnAtBackend: handedOffAt !== undefined && tests?.next === 'smtp',
    sentRecipient: sentRecipient(session),
    passedAt: session.pass?.at,
    hungUpAfterGreeting: session.hungUpAfterGreeting,
    leftUnseen:
      session.hungUpAfterGreeting && moves.length === 0 && disconnectedAt !== undefined && disconnectedAt - (tests?.at ?? 0) < 100,
    dialogueMs: wasGreeted(session) && disconnectedAt !== undefined ? disconnectedAt - (tests?.at ?? disconnectedAt) : undefined,
    relayedMs: handedOffAt === undefined || relayEndedAt === undefined ? undefined : relayEndedAt - handedOffAt,
  }
}

/** Whether the dummy SMTP engine had the client. */
function wasGreeted({ tests, moves, hungUpAfterGreeting }: LoggedSession): boolean {
  return tests === undefined ? moves.length > 0 || hungUpAfterGreeting : tests.next === 'smtp'
}

/** Without the record of tests, a pass that took no time needed none. */
const atOnceMs = 900

function wasTested({ tests, pass, settledAt, talkedAt, leftAt }: LoggedSession): boolean {
  if (tests !== undefined) return true
  return settledAt !== undefined || talkedAt !== undefined || leftAt !== undefined || (pass !== undefined && pass.at > atOnceMs)
}

function silentUntil(session: LoggedSession, { old }: Background): number {
  const { tests, talkedAt, leftAt, pass, settledAt } = session
  if (tests !== undefined) return tests.tests.includes('pregreet') ? (talkedAt ?? leftAt ?? tests.at) : 0
  if (!wasTested(session)) return 0
  if (old !== undefined && (old.enabled & bit.pregreet) === 0) return 0
  const known = talkedAt ?? leftAt ?? settledAt ?? (wasGreeted(session) ? undefined : pass?.at)
  return known ?? old?.greetWait.normal ?? 0
}

const allTests: TestSet = bit.pregreet | bit.dnsbl | deepTests
const noRecord: Memory = { record: undefined, doubtful: 0, loose: 0 }

function memoryOf(session: LoggedSession, { old }: Background): Memory {
  const { tests, remembered, pass, denied, permitted, refusedAtConnect, time } = session
  if (remembered !== undefined) return { record: remembered, doubtful: 0, loose: 0 }
  if (denied || permitted || refusedAtConnect) return { record: undefined, doubtful: allTests, loose: 0 }
  if (tests !== undefined || wasTested(session)) return noRecord
  if (pass === undefined) return { record: undefined, doubtful: allTests, loose: 0 }
  // The client passed at once: the line does not say for how long it would have, nor which tests are enabled.
  const loose = old?.enabled ?? bit.pregreet | bit.dnsbl
  const stamps = testNames.map((name) => ((loose & bit[name]) === 0 ? 1 : Math.floor(time / 1000)))
  return { record: stamps.join(';'), doubtful: old === undefined ? deepTests : 0, loose }
}

type AnswerOf = Facts['answerOf']

function answersOf(session: LoggedSession, background: Background): AnswerOf {
  const { tests, answers, listed = [], settledAt, pass, talkedAt = 0 } = session
  if (tests !== undefined) {
    const known = answers ?? []
    return (domain, account) =>
      known.find((one) => one.domain === domain && one.account === account) ?? known.find((one) => one.domain === domain)
  }
  const { old, hasAnswered } = background
  // The lines have no times. A client for which the lists vouch before it talks has no PREGREET.
  const ms = talkedAt + 1
  const settled = wasTested(session) && (settledAt !== undefined || pass !== undefined || wasGreeted(session))
  return (domain) => {
    const said = listed.filter((one) => one.domain === domain)
    if (said.length > 0) return { domain, addresses: said.flatMap(({ addresses = [] }) => addresses), ttl: said[0]?.ttl ?? -1, ms }
    const asked = old === undefined ? hasAnswered(domain) : old.dnsbl.lists.some((list) => list.domain === domain)
    return settled && asked ? { domain, ttl: -1, ms } : undefined
  }
}

/** Tests that failed, and those that ran until the end of a session that was not cut short. */
function deepKnown(session: LoggedSession, { old }: Background): TestSet {
  const { tests, moves, cutShort } = session
  let known: TestSet = 0
  for (const { is } of moves) if (is !== 'recipient') known |= bit[is]
  if (cutShort) return known
  if (tests === undefined) return wasGreeted(session) && !mayBeDropped(session) ? known | ((old?.enabled ?? 0) & deepTests) : known
  const passed = setOf(tests.tests) & deepTests
  if (tests.next === 'smtp') return known | passed
  // In Audit mode the deep tests look on behind the hand-off until they have a verdict. There a client may pipeline.
  return session.audited ? known | (passed & ~bit.pipelining) : known
}

/** A RCPT without a valid MAIL has no line, but passes the deep tests. */
function sentRecipient(session: LoggedSession): Facts['sentRecipient'] {
  const { moves, pass, outcome, tests, handedOffAt, backendFailed } = session
  if (moves.some(({ is }) => is === 'recipient')) return 'valid'
  if (tests?.next !== 'smtp') return undefined
  if (handedOffAt !== undefined || backendFailed) return 'valid'
  if (pass?.tests?.some((name) => (bit[name] & deepTests) !== 0) === true) return 'out of order'
  return outcome.failed.length === 0 ? 'no' : undefined
}

const setOf = (names: readonly TestName[]): TestSet => names.reduce((set, name) => set | bit[name], 0)

/** postscreen's lines have no action. A failure with Drop is the last line of its session but DISCONNECT. */
function mayBeDropped({ moves, hungUpAfterGreeting }: LoggedSession): boolean {
  const last = moves.at(-1)
  return last !== undefined && last.is !== 'recipient' && !hungUpAfterGreeting
}
