// The connection state machine: one event in, what to do about it out (postscreen.c).
//
//   new ──▶ recall ──every test still valid, or permanently allowed──────────────▶ handoff ──▶ relayed ──▶ done
//             │ some early test to do          │ only deep tests to do              ▲ │
//             ▼                                ▼                                    │ │ no backend
//           early ──deep test to do, or enforced──▶ smtp ◀──────────────────────────┼─┘ behind a teaser
//             │  └─────early tests passed, no deep test to do───────────────────────┘
//             └──drop, hang-up──▶ done ◀──QUIT, drop, limit, hang-up── smtp
//                                                                      │ ▲
//                     every test passed, first recipient or STARTTLS   ▼ │ no backend takes it
//                                                      relayed ◀──── replay
//
// Every phase but observe may also end in done: by a limit or a permanent deny, when the client is gone, or at a
// shutdown.
// In Audit mode recall and early lead to handoff instead of smtp and done, unless the client has left or the gateway
// shuts down. Behind the hand-off the deep tests look on: handoff ──▶ relayed ──▶ observe ──▶ relayed.
//
// Rule 1: nothing follows `close`; an event for a session that is done has no effect. One that is relayed only takes
// `gone`.
// Rule 2: only `enter` in phase.ts assigns a phase.
// Rule 3: nothing in this folder does I/O, waits, or reads a clock; `now` is epoch milliseconds.
import type { AccessMatch } from './access-list.ts'
import { decodeRecord, isDue, newStamp, type Stamps } from './allowlist-record.ts'
import { endAudit, isAudited, isWorthObserving } from './audit.ts'
import { banOf, isRemembered, refuseBanned, stampsIn } from './bans/banned-client.ts'
import { isDeferred } from './client-address/session-address.ts'
import { type ClientState, connectionsOf } from './clients.ts'
import { abandonLookup, conclude, drop, finish, hangup } from './conclude.ts'
import { commandTimeLimit, endOfInput, input, replayed, startDummySmtp } from './dummy-smtp.ts'
import { afterEarlyTests, dnsblAnswer, earlyData, earlyEnd, endOfEarlyTests, startEarlyTests } from './early-tests.ts'
import { refuse } from './failure.ts'
import { observe, startObserving, stopObserving } from './observe.ts'
import { noteEnd } from './outcome.ts'
import { enter } from './phase.ts'
import { reply } from './replies.ts'
import { anyFailure, clientState, keepUnread, type Session } from './session.ts'
import { bit, earlyTests, indexOf } from './tests.ts'
import { Turn } from './turn.ts'
import { type Effect, type Event, testNames } from './vocabulary.ts'

const nothing: readonly Effect[] = []

/**
 * Takes a session one event further.
 * @param now epoch milliseconds
 * @returns effects to carry out in order
 */
export function step(s: Session, now: number, event: Event): readonly Effect[] {
  if (s.phase === 'done' || (s.phase === 'relayed' && event.type !== 'gone')) return nothing
  const turn = new Turn(s, now)
  take(turn, event)
  return turn.out
}

function take(turn: Turn, event: Event): void {
  const { session: s } = turn
  switch (event.type) {
    case 'connect':
      return s.phase === 'new' ? connect(turn) : undefined
    case 'recalled':
      return s.phase === 'recall' ? recalled(turn, event.record) : undefined
    case 'data':
      return data(turn, event.bytes)
    case 'end':
      return end(turn)
    case 'timer':
      if (s.phase === 'early' && event.name === 'greetWait') endOfEarlyTests(turn)
      else if (s.phase === 'smtp' && event.name === 'command') commandTimeLimit(turn)
      return
    case 'dnsbl':
      return s.phase === 'early' ? dnsblAnswer(turn, event.answer, event.complete) : undefined
    case 'handedOff':
      return s.phase === 'handoff' ? handedOff(turn) : undefined
    case 'handOffFailed':
      return s.phase === 'handoff' ? handOffFailed(turn, event.how) : undefined
    case 'replayed':
      return s.phase === 'replay' ? replayed(turn, event.outcome) : undefined
    case 'gone':
      return gone(turn)
    case 'shutdown':
      return shutdown(turn)
  }
}

function data(turn: Turn, bytes: Uint8Array): void {
  const { session: s } = turn
  if (s.phase === 'smtp') input(turn, bytes)
  else if (s.phase === 'early') earlyData(turn, bytes)
  else if (s.phase === 'observe') observe(turn, bytes)
  else keepUnread(s, bytes)
}

function end(turn: Turn): void {
  const { session: s } = turn
  if (s.phase === 'smtp') endOfInput(turn)
  else if (s.phase === 'early') earlyEnd(turn)
  else if (s.phase === 'observe') stopObserving(turn)
  else s.ended = true
}

/** A client of a banned network is admitted only if the temporary allowlist knows it. */
function connect(turn: Turn): void {
  const { session: s } = turn
  s.ban = banOf(s, turn.now)
  if (s.ban === undefined) {
    turn.log({ event: 'CONNECT', server: s.server })
    enter(turn, 'recall')
    return admit(turn)
  }
  enter(turn, 'recall')
  const state = clientState(s)
  if (isKnown(state)) settleBan(turn, state.stamps)
  else turn.out.push({ do: 'recall', key: state.key })
}

/** Refuses a client of a banned network, unless its stamps say that it is remembered. */
function settleBan(turn: Turn, stamps: Readonly<Stamps>): void {
  const { session: s } = turn
  const { ban } = s
  s.ban = undefined
  const applies = ban !== undefined && !isRemembered(s, stamps, turn.second)
  if (!applies || isAudited(s)) turn.log({ event: 'CONNECT', server: s.server })
  if (!applies || refuseBanned(turn, ban)) admit(turn)
}

/** Limits, the permanent access list, then the question to the temporary allowlist. */
function admit(turn: Turn): void {
  const { session: s } = turn
  const { screening, rules } = s
  const state = clientState(s)
  if (rules.limits.connectionsPerClient > 0 && connectionsOf(screening, state) > rules.limits.connectionsPerClient) {
    turn.log({ event: 'CONNECTION REFUSED', why: 'too many connections' })
    return drop(turn, reply.tooManyConnections)
  }
  if (screening.postQueue >= rules.limits.postQueue) {
    turn.log({ event: 'CONNECTION REFUSED', why: 'all server ports busy' })
    return drop(turn, reply.serverPortsBusy)
  }
  if (isDeferred(s)) {
    turn.log({ event: 'CONNECTION REFUSED', why: 'client address lost' })
    return drop(turn, reply.addressLost)
  }
  const match = rules.access.find(s.client.address)
  if (match?.decision === 'Permit') {
    turn.log({ event: 'ALLOWLISTED', ...rules.accessRule(match) })
    return conclude(turn)
  }
  if (match?.decision === 'Reject' && !deny(turn, match)) return
  if (isKnown(state)) {
    // A parallel session uses the stamps that the first one has in memory, and never reads the store.
    planTests(turn)
    startTests(turn)
  } else if (anyFailure(s)) recalled(turn, undefined)
  else turn.out.push({ do: 'recall', key: state.key })
}

/** The access list rejects the client. @returns false when the session has ended */
function deny(turn: Turn, match: AccessMatch): boolean {
  const { session: s } = turn
  const action = s.rules.deniedAction
  turn.log({ event: 'DENYLISTED', action, ...s.rules.accessRule(match) })
  s.denied = action !== 'Ignore'
  return refuse(turn, action, { drop: reply.deniedDrop, enforce: reply.deniedEnforce })
}

/**
 * Whether a parallel session has set the stamps. One whose question to the store is still open has not, so the next one
 * asks as well.
 */
function isKnown({ stamps }: ClientState): boolean {
  return stamps[0] >= 0
}

/** Plans the tests by the allowlist's record; without a record, every enabled test (psc_parse_tests, psc_new_tests). */
function recalled(turn: Turn, record: string | undefined): void {
  const { session: s } = turn
  if (s.ban !== undefined) return settleBan(turn, stampsIn(record))
  const state = clientState(s)
  // Of parallel sessions that asked, the first answer counts: what has been passed since then must not be undone (T23).
  if (!isKnown(state))
    for (const [i, stamp] of (record === undefined ? neverPassed : decodeRecord(record)).entries()) state.stamps[i] = stamp
  planTests(turn)
  if (record !== undefined && s.todo === 0) {
    turn.log({ event: 'PASS OLD', tests: [], remembered: state.stamps.join(';') })
    return conclude(turn)
  }
  startTests(turn)
}

const neverPassed = [0, 0, 0, 0, 0]

/** Raises the tests whose stamps have expired (psc_todo_tests). */
function planTests(turn: Turn): void {
  const { session: s } = turn
  const { stamps } = clientState(s)
  if (stamps.some((stamp) => stamp !== 0)) s.remembered = stamps.join(';')
  for (const name of testNames) {
    const stamp = stamps[indexOf[name]] ?? 0
    if (stamp === newStamp) s.isNew = true
    if ((s.rules.enabled & bit[name]) !== 0 && isDue(stamp, turn.second)) s.todo |= bit[name]
  }
}

/** The veto of a backup MX address, the pre-queue limit, then the first tests that are to do. */
function startTests(turn: Turn): void {
  const { session: s } = turn
  if (!s.rules.allowlistInterface(s.server.address)) {
    s.vetoed = true
    s.noForward = true
    turn.log({ event: 'ALLOWLIST VETO' })
  }
  if (s.screening.checkQueue - s.screening.postQueue >= s.rules.limits.preQueue) {
    turn.log({ event: 'CONNECTION REFUSED', why: 'all screening ports busy' })
    return drop(turn, reply.screeningPortsBusy)
  }
  if ((s.todo & earlyTests) !== 0) startEarlyTests(turn)
  else afterEarlyTests(turn)
}

function handedOff(turn: Turn): void {
  enter(turn, 'relayed')
  if (isWorthObserving(turn.session)) startObserving(turn)
}

function gone(turn: Turn): void {
  if (turn.session.phase === 'observe') stopObserving(turn)
  if (turn.session.phase === 'relayed') return enter(turn, 'done')
  if (turn.session.phase === 'replay') return hangup(turn)
  abandonLookup(turn)
  finish(turn)
}

/**
 * No backend: behind a teaser the client is greeted and refused at its first command; `220-` followed by 421 made
 * clients bounce mail (T42).
 */
function handOffFailed(turn: Turn, how: 'connect' | 'send'): void {
  const { session: s } = turn
  noteEnd(s, 'noBackend')
  if (!s.teaserSent) {
    turn.send(how === 'connect' ? reply.serverPortsBusy : reply.noSystemResources)
    return finish(turn)
  }
  endAudit(s)
  s.replyAtFirstCommand = true
  s.finalReply = reply.noSystemResources
  startDummySmtp(turn)
}

/** RFC 5321 3.8: a server that must go down says 421; behind a teaser it completes its greeting first (T42). */
function shutdown(turn: Turn): void {
  const { session: s } = turn
  if (s.phase === 'handoff' || s.phase === 'observe') return
  if (isTeaserLast(s)) turn.send(s.rules.host.greeting)
  endAudit(s)
  noteEnd(s, 'shutdown')
  s.noForward = true
  s.finalReply = reply.unavailable
  conclude(turn)
}

/**
 * The client has read `220-` and nothing since: it waits for its turn, or has talked before it and not finished a
 * command.
 */
function isTeaserLast(s: Session): boolean {
  if (s.phase === 'early') return s.teaserSent
  return s.phase === 'smtp' && (s.failed & bit.pregreet) !== 0 && !s.replyAtFirstCommand && (s.smtp?.commandCount ?? 0) === 0
}
