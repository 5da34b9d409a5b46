// The connection state machine: one event in, what to do about it out (postscreen.c).
//
//   new ──▶ recall ──every test still valid, or permanently allowed──────────────▶ handoff ──▶ relayed ──▶ done
//             │ some early test to do          │ only deep tests to do              ▲ │
//             ▼                                ▼                                    │ │ no backend
//           early ──deep test to do, or enforced──▶ smtp ◀──────────────────────────┼─┘ behind a teaser
//             │  └─────early tests passed, no deep test to do───────────────────────┘
//             └──drop, hang-up──▶ done ◀──QUIT, drop, limit, hang-up── smtp
//
// In Audit mode a client enters smtp only after a failed hand-off: handoff ──▶ observe ──▶ relayed, with the deep tests looking on.
//
// Rule 1: nothing follows `close`; an event for a session that is done is nothing. One that is relayed is only told that it is `gone`.
// Rule 2: only this file, early-tests.ts, dummy-smtp.ts, observe.ts, conclude.ts and session.ts (depart) assign a phase.
// Rule 3: nothing in this folder does I/O, waits, or reads a clock; `now` is epoch milliseconds.
import { decodeRecord } from './allowlist-record.ts'
import { beginRelay, beginStress, connectionsOf, endRelay, type Visitor } from './clients.ts'
import { conclude, drop, finish } from './conclude.ts'
import { commandTimeLimit, endOfInput, input, startDummySmtp } from './dummy-smtp.ts'
import { dnsblAnswer, earlyData, earlyEnd, endOfEarlyTests, startEarlyTests } from './early-tests.ts'
import { observe, startObserving, stopObserving, worthObserving } from './observe.ts'
import { reply } from './replies.ts'
import { abandonLookup, anyFailure, depart, enforce, keepUnread, log, second, send, type Session, stampsOf, visitorOf } from './session.ts'
import { bit, deepTests, earlyTests, indexOf } from './tests.ts'
import { type Effect, type Event, testNames } from './vocabulary.ts'

const nothing: readonly Effect[] = []

/**
 * Takes a session one event further.
 * @param now epoch milliseconds
 * @returns effects to carry out in order
 */
export function step(s: Session, now: number, event: Event): readonly Effect[] {
  if (s.phase === 'done' || (s.phase === 'relayed' && event.type !== 'gone')) return nothing
  const out: Effect[] = []
  switch (event.type) {
    case 'connect':
      if (s.phase === 'new') connect(s, now, out)
      break
    case 'recalled':
      if (s.phase === 'recall') recalled(s, now, event.record, out)
      break
    case 'data':
      if (s.phase === 'smtp') input(s, now, event.bytes, out)
      else if (s.phase === 'early') earlyData(s, now, event.bytes, out)
      else if (s.phase === 'observe') observe(s, now, event.bytes, out)
      else keepUnread(s, event.bytes)
      break
    case 'end':
      if (s.phase === 'smtp') endOfInput(s, now, out)
      else if (s.phase === 'early') earlyEnd(s, now, out)
      else if (s.phase === 'observe') stopObserving(s, now, out)
      else s.ended = true
      break
    case 'timer':
      if (s.phase === 'early' && event.name === 'greetWait') endOfEarlyTests(s, now, out)
      else if (s.phase === 'smtp' && event.name === 'command') commandTimeLimit(s, now, out)
      break
    case 'dnsbl':
      if (s.phase === 'early') dnsblAnswer(s, now, event.answer, event.complete, out)
      break
    case 'handedOff':
      if (s.phase === 'handoff') handedOff(s, now, out)
      break
    case 'handOffFailed':
      if (s.phase === 'handoff') handOffFailed(s, now, event.how, out)
      break
    case 'gone':
      gone(s, now, out)
      break
    case 'shutdown':
      shutdown(s, now, out)
      break
  }
  return out
}

/** Limits, the permanent access list, then the question to the temporary allowlist. */
function connect(s: Session, now: number, out: Effect[]): void {
  const { limits, access, deniedAction } = s.rules
  s.stageStart = now
  log(s, out, { event: 'CONNECT', server: s.server })
  const visitor = visitorOf(s)
  if (beginStress(s.screening, limits.preQueue)) log(s, out, { event: 'STRESS', change: 'entering', connections: s.screening.checkQueue })
  if (limits.connectionsPerClient > 0 && connectionsOf(s.screening, visitor) > limits.connectionsPerClient) {
    log(s, out, { event: 'CONNECTION REFUSED', why: 'too many connections' })
    return drop(s, now, reply.tooManyConnections, out)
  }
  if (s.screening.postQueue >= limits.postQueue) {
    log(s, out, { event: 'CONNECTION REFUSED', why: 'all server ports busy' })
    return drop(s, now, reply.serverPortsBusy, out)
  }
  switch (access.decide(s.client.address)) {
    case 'Permit':
      log(s, out, { event: 'ALLOWLISTED' })
      return conclude(s, now, out)
    case 'Reject':
      log(s, out, { event: 'DENYLISTED', action: deniedAction })
      s.denied = deniedAction !== 'Ignore'
      if (deniedAction === 'Drop') return drop(s, now, reply.deniedDrop, out)
      if (deniedAction === 'Enforce') enforce(s, reply.deniedEnforce)
      break
    case 'Dunno':
      break
  }
  s.phase = 'recall'
  if (isKnown(visitor)) {
    // A parallel session goes by the stamps that the first one has in memory, and never reads the store.
    planTests(s, second(now))
    startTests(s, now, out)
  } else if (anyFailure(s)) recalled(s, now, undefined, out)
  else out.push({ do: 'recall', key: visitor.key })
}

/** Whether a parallel session has set the stamps. One whose question to the store is still open has not, so the next one asks as well. */
function isKnown(visitor: Visitor): boolean {
  return visitor.stamps[0] >= 0
}

/** What is to do by the allowlist's record; without one, every enabled test (psc_parse_tests, psc_new_tests). */
function recalled(s: Session, now: number, record: string | undefined, out: Effect[]): void {
  const { stamps } = visitorOf(s)
  // Of parallel sessions that asked, the first answer counts: what has been passed since then must not be undone (T23).
  if (!isKnown(visitorOf(s)))
    for (const [i, stamp] of (record === undefined ? neverPassed : decodeRecord(record)).entries()) stamps[i] = stamp
  planTests(s, second(now))
  if (record !== undefined && s.todo === 0) {
    log(s, out, { event: 'PASS OLD', tests: [] })
    return conclude(s, now, out)
  }
  startTests(s, now, out)
}

const neverPassed = [0, 0, 0, 0, 0]

/** Raises the tests whose stamps lie before `time`, in epoch seconds (psc_todo_tests). */
function planTests(s: Session, time: number): void {
  const stamps = stampsOf(s)
  for (const name of testNames) {
    const stamp = stamps[indexOf[name]] ?? 0
    if (stamp === 0) s.isNew = true
    if ((s.rules.enabled & bit[name]) !== 0 && time > stamp) s.todo |= bit[name]
  }
}

/** The veto of a backup MX address, the pre-queue limit, then the first tests that are to do. */
function startTests(s: Session, now: number, out: Effect[]): void {
  if (!s.rules.allowlistInterface(s.server.address)) {
    s.vetoed = true
    s.noForward = true
    log(s, out, { event: 'ALLOWLIST VETO' })
  }
  if (s.screening.checkQueue - s.screening.postQueue >= s.rules.limits.preQueue) {
    log(s, out, { event: 'CONNECTION REFUSED', why: 'all screening ports busy' })
    return drop(s, now, reply.screeningPortsBusy, out)
  }
  if ((s.todo & earlyTests) !== 0) startEarlyTests(s, now, out)
  else if ((s.todo & deepTests) === 0 && !s.noForward) conclude(s, now, out)
  else if (s.rules.audit) endOfEarlyTests(s, now, out)
  else startDummySmtp(s, now, out)
}

function handedOff(s: Session, now: number, out: Effect[]): void {
  s.screening.postQueue--
  depart(s, out)
  s.phase = 'relayed'
  beginRelay(s.screening, visitorOf(s))
  if (worthObserving(s)) startObserving(s, now, out)
}

function gone(s: Session, now: number, out: Effect[]): void {
  if (s.phase === 'observe') stopObserving(s, now, out)
  if (s.phase === 'relayed') {
    s.phase = 'done'
    endRelay(s.screening, visitorOf(s))
    return
  }
  if (s.phase === 'handoff') s.screening.postQueue--
  abandonLookup(s, out)
  finish(s, out)
}

/** No backend: behind a teaser the client is greeted and refused at its first command, for `220-` followed by 421 made clients bounce mail (T42). */
function handOffFailed(s: Session, now: number, how: 'connect' | 'send', out: Effect[]): void {
  s.screening.postQueue--
  if ((s.todo & bit.pregreet) !== 0) {
    s.noForward = true
    s.replyAtFirstCommand = true
    s.finalReply = reply.noSystemResources
    startDummySmtp(s, now, out)
    return
  }
  send(s, now, how === 'connect' ? reply.serverPortsBusy : reply.noSystemResources, out)
  finish(s, out)
}

/** RFC 5321 3.8: a server that must go down says 421; behind a teaser it completes its greeting first (T42). */
function shutdown(s: Session, now: number, out: Effect[]): void {
  if (s.phase === 'handoff' || s.phase === 'observe') return
  if (teaserIsLast(s)) send(s, now, s.rules.host.greeting, out)
  s.noForward = true
  s.finalReply = reply.unavailable
  // Also in Audit mode nobody is handed on any more.
  s.phase = 'smtp'
  conclude(s, now, out)
}

/** The client has read `220-` and nothing since: it waits for its turn, or has talked before it and not finished a command. */
function teaserIsLast(s: Session): boolean {
  if (s.phase === 'early') return (s.todo & bit.pregreet) !== 0
  return s.phase === 'smtp' && (s.fail & bit.pregreet) !== 0 && !s.replyAtFirstCommand && (s.smtp?.commandCount ?? 0) === 0
}
