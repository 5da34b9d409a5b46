// Tests before the 220 greeting: does the client talk before its turn, and what do the DNSBLs say of it (postscreen_early.c).
import { audit, conclude, drop, hangup } from './conclude.ts'
import { addAnswer, effectiveTTL, newScore } from './dnsbl.ts'
import { startDummySmtp } from './dummy-smtp.ts'
import { formatElapsed } from './elapsed.ts'
import { escapeC } from './printable.ts'
import { blockedUsing, reply } from './replies.ts'
import {
  abandonLookup,
  anyFailure,
  effective,
  enforce,
  keepUnread,
  log,
  second,
  send,
  type Session,
  stampsOf,
  takeUnread,
} from './session.ts'
import { bit, deepTests, earlyTests, indexOf } from './tests.ts'
import { type DnsblAnswer, type Effect, testNames } from './vocabulary.ts'

/** postscreen peeks into 1024 bytes less the terminator (PSC_READ_BUF_SIZE). */
const peekSize = 1023
/** What is read of a client that waits for its turn; the rest stays in the kernel. It is one read of the dummy engine. */
const unreadLimit = 4096

/** Sends the teaser, starts the DNSBL lookups and the greet wait, as far as their tests are to do. */
export function startEarlyTests(s: Session, now: number, out: Effect[]): void {
  s.phase = 'early'
  s.stage = 'tests before SMTP handshake'
  s.stageStart = now
  const pregreet = (s.todo & bit.pregreet) !== 0
  if (pregreet && s.rules.host.teaser !== undefined) send(s, now, s.rules.host.teaser, out)
  if ((s.todo & bit.dnsbl) !== 0) {
    s.lookingUp = true
    s.score = newScore()
    out.push({ do: 'lookup' })
  }
  out.push({ do: 'arm', timer: 'greetWait', ms: effective(s, s.rules.greetWait) })
  // With only DNSBL answers to wait for, the client is not watched: neither early talk nor a hang-up is noticed.
  if (!pregreet) return
  out.push({ do: 'read' })
  // What came before, behind a PROXY header or while the allowlist was asked, is early talk too.
  if (s.unread.length > 0) earlyData(s, now, takeUnread(s), out)
  if (s.ended && s.phase === 'early') earlyEnd(s, now, out)
}

/** Whether the client still has to keep silent. */
function watched(s: Session): boolean {
  return (s.todo & bit.pregreet) !== 0 && (s.done & bit.pregreet) === 0
}

/** The client talks before its turn. Its bytes stay unread: whoever comes next answers them (T4). */
export function earlyData(s: Session, now: number, bytes: Uint8Array, out: Effect[]): void {
  keepUnread(s, bytes)
  if (s.unread.length >= unreadLimit) out.push({ do: 'pause' })
  if (!watched(s)) return
  const elapsed = Math.max(0, now - s.stageStart)
  const peeked = bytes.subarray(0, peekSize)
  const action = s.rules.action.pregreet
  // The escaped text is cut, not the bytes, even inside an escape (T9).
  const data = escapeC(String.fromCharCode(...peeked)).slice(0, 100)
  log(s, out, { event: 'PREGREET', count: peeked.length, after: formatElapsed(elapsed), data, action })
  s.fail |= bit.pregreet
  if (action === 'Drop') {
    drop(s, now, reply.protocolErrorDrop, out)
    return
  }
  if (action === 'Enforce') enforce(s, reply.protocolErrorEnforce)
  s.done |= bit.pregreet
  const wait = effective(s, s.rules.greetWait)
  const wholeSeconds = Math.floor(elapsed / 1000) * 1000
  if (wholeSeconds >= wait || earlyDone(s)) endOfEarlyTests(s, now, out)
  else out.push({ do: 'arm', timer: 'greetWait', ms: wait - wholeSeconds })
}

/** End of stream: a hang-up while the client is watched, else something that the next stage will notice. */
export function earlyEnd(s: Session, now: number, out: Effect[]): void {
  if (watched(s)) hangup(s, now, out)
  else s.ended = true
}

/** One site has answered; with the last answer the greet wait may end early. */
export function dnsblAnswer(s: Session, now: number, answer: DnsblAnswer, complete: boolean, out: Effect[]): void {
  if (s.score === undefined || (s.done & bit.dnsbl) !== 0) return
  const verdict = addAnswer(s.score, s.rules.dnsbl, answer)
  for (const address of verdict.is === 'error' ? verdict.codes : []) {
    log(s, out, { event: 'DNSBL ERROR CODE', domain: s.rules.dnsbl.replyMap.get(answer.domain) ?? answer.domain, address })
  }
  if (!complete) return
  collectScore(s, now)
  s.done |= bit.dnsbl
  if (earlyDone(s)) endOfEarlyTests(s, now, out)
}

function earlyDone(s: Session): boolean {
  return (s.done & earlyTests) === (s.todo & earlyTests)
}

/** Fixes the result's validity, and lets a low enough score stand for every other test (psc_allowlist_non_dnsbl). */
function collectScore(s: Session, now: number): void {
  if (s.score === undefined) return
  const { threshold, allowThreshold } = s.rules.dnsbl
  s.scoreTTL = effectiveTTL(s.score, s.rules.dnsbl)
  if (anyFailure(s) || allowThreshold >= 0 || s.score.total >= threshold || s.score.total > allowThreshold) return
  const until = second(now) + s.scoreTTL
  const stamps = stampsOf(s)
  for (const name of testNames) {
    if (name === 'dnsbl') continue
    if ((s.todo & bit[name]) !== 0 && (s.pass & bit[name]) === 0) {
      s.done |= bit[name]
      s.pass |= bit[name]
    }
    // Disabled tests too: one that is enabled later must not hit a client that is trusted now.
    stamps[indexOf[name]] = Math.max(stamps[indexOf[name]] ?? 0, until)
  }
}

/** The greet wait is over, or there is nothing left to wait for. */
export function endOfEarlyTests(s: Session, now: number, out: Effect[]): void {
  if ((s.todo & bit.pregreet) !== 0 && ((s.fail | s.done) & bit.pregreet) === 0) {
    stampsOf(s)[indexOf.pregreet] = second(now) + s.rules.ttl.pregreet
    s.pass |= bit.pregreet
  }
  // Not passed: the test is repeated the next time.
  if (s.rules.action.pregreet === 'Ignore') s.fail &= ~bit.pregreet
  if (!settleDnsbl(s, now, out)) return
  const deepLeft = (s.pass & deepTests) !== (s.todo & deepTests)
  if (!s.noForward && !deepLeft) {
    conclude(s, now, out)
  } else if (s.rules.audit) {
    // With deep tests left, their verdict is still to come.
    if (s.noForward) audit(s, s.rcptReply.startsWith('4') ? 'defer' : 'enforce', s.rcptReply, out)
    conclude(s, now, out)
  } else {
    startDummySmtp(s, now, out)
  }
}

/** The DNSBL test's verdict, from a partial score when answers are still out (T7). @returns false when the session has ended */
function settleDnsbl(s: Session, now: number, out: Effect[]): boolean {
  if ((s.todo & bit.dnsbl) === 0 || s.score === undefined) return true
  // Complete or not, a session that comes later asks anew (psc_dnsbl_retrieve gives the score up here), however long this one stays.
  const complete = (s.done & bit.dnsbl) !== 0
  abandonLookup(s, out, complete ? 'done' : 'overdue')
  if (!complete) collectScore(s, now)
  const { total, name, hits } = s.score
  if (total < s.rules.dnsbl.threshold) {
    stampsOf(s)[indexOf.dnsbl] = second(now) + s.scoreTTL
    s.pass |= bit.dnsbl
    return true
  }
  const action = s.rules.action.dnsbl
  log(s, out, { event: 'DNSBL', rank: total, hits, action })
  if (action === 'Ignore') return true
  s.fail |= bit.dnsbl
  if (action === 'Enforce') {
    enforce(s, blockedUsing('550', s.client.address, name ?? ''))
    return true
  }
  drop(s, now, blockedUsing('521', s.client.address, name ?? ''), out)
  return false
}
