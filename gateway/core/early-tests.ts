// Tests before the 220 greeting: whether the client talks before its turn, and whether DNS lists contain it
// (postscreen_early.c).
import { auditRecipients, isAudited } from './audit.ts'
import { abandonLookup, conclude, hangup } from './conclude.ts'
import { addAnswer, effectiveTTL, newScore, standingOf } from './dnsbl.ts'
import { startDummySmtp } from './dummy-smtp.ts'
import { formatElapsed } from './elapsed.ts'
import { failTest } from './failure.ts'
import { loggedAnswer } from './tests-record.ts'
import { enter } from './phase.ts'
import { escapeC, latin1 } from './printable.ts'
import { blockedUsing, firstLine, reply } from './replies.ts'
import { anyFailure, effective, keepUnread, type Session, stampsOf, takeUnread } from './session.ts'
import { bit, deepTests, earlyTests, indexOf } from './tests.ts'
import type { Turn } from './turn.ts'
import { type DnsblAnswer, testNames } from './vocabulary.ts'

/** postscreen peeks into 1024 bytes less the terminator (PSC_READ_BUF_SIZE). */
const peekSize = 1023
/**
 * What is read of a client that waits for its turn; the rest stays in the kernel. It is one read of the dummy engine.
 */
const unreadLimit = 4096

/** Sends the teaser, starts the DNSBL lookups and the greet wait, as far as their tests are to do. */
export function startEarlyTests(turn: Turn): void {
  const { session: s } = turn
  enter(turn, 'early')
  const pregreet = (s.todo & bit.pregreet) !== 0
  if (pregreet) sendTeaser(turn)
  if ((s.todo & bit.dnsbl) !== 0) {
    s.lookingUp = true
    s.score = newScore()
    s.answers = []
    turn.out.push({ do: 'lookup' })
  }
  turn.arm('greetWait', effective(s, s.rules.greetWait))
  // With only DNSBL answers to wait for, the client is not watched: neither early talk nor a hang-up is noticed.
  if (!pregreet) return
  turn.out.push({ do: 'read' })
  // What came before, behind a PROXY header or while the allowlist was asked, is early talk too.
  if (s.unread.length > 0) earlyData(turn, takeUnread(s))
  if (s.ended && s.phase === 'early') earlyEnd(turn)
}

function sendTeaser(turn: Turn): void {
  const { teaser } = turn.session.rules.host
  if (teaser === undefined) return
  turn.out.push({ do: 'send', text: firstLine(turn.softened(teaser)) })
  turn.session.teaserSent = true
}

/** Whether the client still has to keep silent. */
function isWatched(s: Session): boolean {
  return (s.todo & ~s.decided & bit.pregreet) !== 0
}

/** The client talks before its turn. Its bytes stay unread: the next stage answers them (T4). */
export function earlyData(turn: Turn, bytes: Uint8Array): void {
  const { session: s } = turn
  keepUnread(s, bytes)
  if (s.unread.length >= unreadLimit) turn.out.push({ do: 'pause' })
  if (!isWatched(s)) return
  const elapsed = Math.max(0, turn.now - s.stageStart)
  const peeked = bytes.subarray(0, peekSize)
  // The escaped text is cut, not the bytes, even inside an escape (T9).
  const quoted = escapeC(latin1(peeked)).slice(0, 100)
  const action = s.rules.action.pregreet
  turn.log({ event: 'PREGREET', count: peeked.length, after: formatElapsed(elapsed), data: quoted, action })
  // With Ignore, endOfEarlyTests takes the failure back.
  if (!failTest(turn, 'pregreet', { drop: reply.protocolErrorDrop, enforce: reply.protocolErrorEnforce })) return
  s.decided |= bit.pregreet
  const wait = effective(s, s.rules.greetWait)
  const wholeSeconds = Math.floor(elapsed / 1000) * 1000
  if (wholeSeconds >= wait || isEarlyDone(s)) endOfEarlyTests(turn)
  else turn.arm('greetWait', wait - wholeSeconds)
}

/** End of stream: a hang-up while the client is watched, else something that the next stage will notice. */
export function earlyEnd(turn: Turn): void {
  if (isWatched(turn.session)) hangup(turn)
  else turn.session.ended = true
}

/** One site has answered; with the last answer the greet wait may end early. */
export function dnsblAnswer(turn: Turn, answer: DnsblAnswer, complete: boolean): void {
  const { session: s } = turn
  if (s.score === undefined || (s.decided & bit.dnsbl) !== 0) return
  s.answers?.push(loggedAnswer(answer, turn.now - s.stageStart))
  const verdict = addAnswer(s.score, s.rules.dnsbl, answer)
  for (const address of verdict.is === 'error' ? verdict.codes : []) {
    turn.log({ event: 'DNSBL ERROR CODE', domain: s.rules.dnsbl.replyMap.get(answer.domain) ?? answer.domain, address })
  }
  if (!complete) return
  collectScore(turn)
  s.decided |= bit.dnsbl
  if (isEarlyDone(s)) endOfEarlyTests(turn)
}

function isEarlyDone(s: Session): boolean {
  return (s.decided & earlyTests) === (s.todo & earlyTests)
}

/**
 * Fixes how long the result holds, and lets a low enough score stand for every other test (psc_allowlist_non_dnsbl).
 */
function collectScore(turn: Turn): void {
  const { session: s } = turn
  if (s.score === undefined) return
  s.scoreTTL = effectiveTTL(s.score, s.rules.dnsbl)
  if (anyFailure(s) || standingOf(s.score.total, s.rules.dnsbl) !== 'vouched') return
  const until = turn.second + s.scoreTTL
  const stamps = stampsOf(s)
  s.trusting = s.score.hits.filter(({ weight }) => weight < 0).map(({ domain }) => domain)
  for (const name of testNames) {
    if (name === 'dnsbl') continue
    if ((s.todo & bit[name]) !== 0 && (s.passed & bit[name]) === 0) {
      s.decided |= bit[name]
      s.passed |= bit[name]
    }
    // Disabled tests too: one that is enabled later must not hit a client that is trusted now.
    stamps[indexOf[name]] = Math.max(stamps[indexOf[name]] ?? 0, until)
  }
}

/** The greet wait is over, or there is nothing left to wait for. */
export function endOfEarlyTests(turn: Turn): void {
  const { session: s } = turn
  if (isWatched(s)) {
    stampsOf(s)[indexOf.pregreet] = turn.second + s.rules.ttl.pregreet
    s.passed |= bit.pregreet
  }
  // Not passed: the test is repeated the next time.
  if (s.rules.action.pregreet === 'Ignore') s.failed &= ~bit.pregreet
  if (settleDnsbl(turn)) afterEarlyTests(turn)
}

/**
 * The DNSBL test's verdict; from a partial score when answers are missing (T7).
 * @returns false when the session has ended
 */
function settleDnsbl(turn: Turn): boolean {
  const { session: s } = turn
  if (s.score === undefined) return true
  // Complete or not, a later session asks again (psc_dnsbl_retrieve drops the score here), even while this one is still
  // open.
  const complete = (s.decided & bit.dnsbl) !== 0
  abandonLookup(turn, complete ? 'done' : 'overdue')
  if (!complete) collectScore(turn)
  const { total, name, hits } = s.score
  if (standingOf(total, s.rules.dnsbl) !== 'listed') {
    stampsOf(s)[indexOf.dnsbl] = turn.second + s.scoreTTL
    s.passed |= bit.dnsbl
    return true
  }
  const action = s.rules.action.dnsbl
  turn.log({ event: 'DNSBL', rank: total, hits, action })
  const { address } = s.client
  const refusal = { drop: blockedUsing(521, address, name ?? ''), enforce: blockedUsing(550, address, name ?? '') }
  const goesOn = failTest(turn, 'dnsbl', refusal)
  // Not passed: the test is repeated the next time.
  if (action === 'Ignore') s.failed &= ~bit.dnsbl
  return goesOn
}

/** The next phase of a client that has no early test to do any more. */
export function afterEarlyTests(turn: Turn): void {
  const { session: s } = turn
  const deepLeft = (s.passed & deepTests) !== (s.todo & deepTests)
  if (!s.noForward && !deepLeft) {
    conclude(turn)
  } else if (isAudited(s)) {
    // With deep tests left, their verdict is still to come.
    if (s.noForward) auditRecipients(turn)
    conclude(turn)
  } else {
    startDummySmtp(turn)
  }
}
