// One session of a log, played again on the real core under another policy, with the clock of the log.
import { bit, deepTests, type TestSet } from '../../gateway/core/tests.ts'
import { mayBeHandedOff } from '../../gateway/core/same-session.ts'
import { newSession, type Session } from '../../gateway/core/session.ts'
import { step } from '../../gateway/core/step.ts'
import { type DnsblAnswer, type Effect, type Event, type LoggedAnswer, testNames, type TimerName } from '../../gateway/core/vocabulary.ts'
import type { DnsblList } from '../../gateway/core/dnsbl.ts'
import { Doubt, type Why } from './doubt.ts'
import { doubtAboutLists } from './doubt-about-lists.ts'
import type { Facts } from './facts.ts'
import { dialogueOf, earlyTalk, knownUnder, type Planned } from './dialogue.ts'
import type { LoggedSession } from './logged-session.ts'
import { OutcomeOfEvents, type Verdict } from './outcome.ts'
import { expired, withStamps } from './remembered-clients.ts'
import type { PlayedSession, SharedWorld } from './shared-world.ts'

/** What a session would have come to. `unknown`: why the log cannot tell. */
export type Replayed = Verdict | { readonly unknown: Why }

/** Clocks of a gateway and of its log differ by so much. */
const fineMs = 250
/** Times of syslog are whole seconds. */
const coarseMs = 1100
/** How long a session may have gone on whose end is not known. */
const longestUnknownMs = 300_000

export class ReplayedSession implements PlayedSession {
  due = 0
  readonly #world: SharedWorld
  readonly #facts: Facts
  readonly #session: Session
  readonly #logged: LoggedSession
  readonly #outcome = new OutcomeOfEvents()
  readonly #doubt = new Doubt()
  readonly #tell: (result: Replayed) => void
  /** The key of the client in the core, and in the simulated allowlist. */
  readonly #clientKey: string
  readonly #key: string
  /** What is to happen, in the order of time. */
  readonly #planned: Planned[] = []
  #timer: { readonly name: TimerName; readonly at: number } | undefined
  /** Lists whose answers are not known after that time. */
  readonly #silentLists: { readonly list: DnsblList; readonly until: number }[] = []
  #isTold = false
  #recalledInDoubt: TestSet = 0
  #handedOffAt = 0
  #isTimeUnsure = false
  /** Behind the greeting it may have done more than it is played to do. */
  #isDialogueUnsure = false
  /** Tests behind the greeting whose results the log has for this session. */
  #deepKnown: TestSet

  constructor(world: SharedWorld, logged: LoggedSession, facts: Facts, tell: (result: Replayed) => void) {
    this.#world = world
    this.#logged = logged
    this.#facts = facts
    this.#deepKnown = knownUnder(world.rules, facts)
    this.#tell = tell
    const { rules } = world
    const clientKey = rules.allowlistKey(logged.client.address)
    this.#clientKey = clientKey
    this.#key = world.keyOf(logged, clientKey)
    this.#session = newSession(
      rules,
      world.screeningOf(`${logged.origin} ${logged.process}`),
      logged.client,
      logged.server,
      rules.smtp.tls !== 'None',
    )
  }

  /** Begins; what follows happens when it is due. */
  begin(): void {
    const { time } = this.#logged
    const { talkedAt, leftAt } = this.#facts
    if (talkedAt !== undefined) this.#plan(time + talkedAt, earlyTalk)
    if (leftAt !== undefined) this.#plan(time + leftAt, { type: 'end' })
    const doubt = this.#world.doubtFromOthers(this.#session, this.#clientKey, time)
    if (doubt !== undefined) this.#doubt.anything(doubt)
    if (this.#world.mayBePermitted(this.#logged.client.address)) this.#doubt.mayPass({ is: 'sender' })
    this.#on(time, connect)
    if (!this.#isTold) this.#world.arrive(this.#session, this)
    this.#schedule()
  }

  goOn(): boolean {
    const now = this.due
    const next = this.#planned[0]
    if (this.#timer !== undefined && (next === undefined || this.#timer.at < next.at)) {
      const { name } = this.#timer
      this.#timer = undefined
      this.#on(now, { type: 'timer', name })
    } else if (next !== undefined) {
      this.#planned.shift()
      this.#on(now, next.event)
    }
    return this.#schedule()
  }

  isDoubtful(now: number): boolean {
    this.#doubtDeepTests()
    return this.#doubt.isAny || this.#isTimeUnsure || (this.#session.phase === 'early' && this.#mayHaveLeft(now))
  }

  /** Whether the log does not show that the client stayed silent so long. */
  #mayHaveLeft(now: number): boolean {
    if ((this.#session.todo & bit.pregreet) === 0 || this.#outcome.failed.includes('pregreet')) return false
    const { silentUntil, isSyslog } = this.#facts
    const tolerance = silentUntil === 0 ? 0 : isSyslog ? coarseMs : fineMs
    return now - this.#logged.time > silentUntil + tolerance
  }

  relayEnded(): boolean {
    const { handedOffAt = 0, relayEndedAt = 0 } = this.#logged
    const { phase } = this.#session
    if (phase !== 'relayed' && phase !== 'observe') return false
    const wasIdle = this.due === Number.POSITIVE_INFINITY
    this.#plan(this.#handedOffAt + Math.max(0, relayEndedAt - handedOffAt), { type: 'gone' })
    return wasIdle && this.#schedule()
  }

  #schedule(): boolean {
    if (this.#session.phase === 'done') return false
    const timer = this.#timer?.at ?? Number.POSITIVE_INFINITY
    const planned = this.#planned[0]?.at ?? Number.POSITIVE_INFINITY
    this.due = timer < planned ? timer : planned
    // A session that waits for something that the log does not have: a relay whose end is still to come.
    return this.due < Number.POSITIVE_INFINITY
  }

  /** Behind all that is planned for the same time. */
  #plan(at: number, event: Event): void {
    const planned = this.#planned
    let place = planned.length
    while (place > 0 && (planned[place - 1]?.at ?? 0) > at) place--
    if (place === planned.length) planned.push({ at, event })
    else planned.splice(place, 0, { at, event })
  }

  #on(now: number, event: Event): void {
    const before = this.#session.phase
    let isRelay = false
    let isReplay = false
    for (const effect of step(this.#session, now, event)) {
      this.#carryOut(now, effect)
      isRelay ||= effect.do === 'relay'
      isReplay ||= effect.do === 'replay'
    }
    const { phase } = this.#session
    if (before === 'early' && phase !== 'early') this.#endOfEarlyTests(now)
    if (before !== phase && (phase === 'smtp' || phase === 'observe')) this.#planDialogue(now)
    if (isRelay) this.#relay(now)
    // The log does not show what a mail server would have said, so every one takes the client.
    else if (isReplay) this.#on(now, joined)
    else if (phase === 'done' || phase === 'relayed') this.#end(now)
  }

  #carryOut(now: number, effect: Effect): void {
    switch (effect.do) {
      case 'log':
      case 'count':
        this.#outcome.take(effect.record)
        break
      case 'recall':
        this.#recall(now)
        break
      case 'remember':
        this.#world.clients.remember(this.#key, effect.record)
        break
      case 'lookup':
        this.#lookUp(now)
        break
      case 'arm':
        this.#timer = { name: effect.timer, at: now + effect.ms }
        break
      case 'disarm':
        this.#timer = undefined
        break
      case 'join':
        this.#handOff(now)
        break
      case 'relay':
      case 'replay':
      case 'send':
      case 'abandonLookup':
      case 'read':
      case 'pause':
      case 'observe':
      case 'unobserve':
      case 'startTls':
      case 'close':
        break
    }
  }

  /** What the simulated allowlist holds; what is doubtful of it counts as not passed. */
  #recall(now: number): void {
    const { rules, clients } = this.#world
    const memory = clients.recall(this.#key, this.#world.memoryOf(this.#facts))
    const doubtful = memory.doubtful & rules.enabled
    this.#recalledInDoubt = doubtful
    if (doubtful !== 0) this.#doubt.mayPass({ is: 'allowlist' })
    // The log shows whether they were still good.
    const loose = this.#facts.isSyslog ? memory.loose & ~doubtful : 0
    const second = Math.floor(now / 1000)
    const record = withStamps(memory.record, loose, this.#facts.isRemembered ? second : expired)
    this.#on(now, { type: 'recalled', record: withStamps(record, doubtful, expired) })
  }

  #lookUp(now: number): void {
    const { lists } = this.#world.rules.dnsbl
    const known: { readonly ms: number; readonly answer: DnsblAnswer }[] = []
    for (const list of lists) {
      const { domain, account } = list
      const said = this.#facts.answerOf(domain, account)
      const head = account === undefined ? { domain } : { domain, account }
      if (said?.error === 'overdue') {
        this.#silentLists.push({ list, until: now + said.ms })
        continue
      }
      if (said === undefined) this.#silentLists.push({ list, until: 0 })
      const { addresses = [], ttl, error, standing, ms } = said ?? notKnown
      const more = { ...(error !== undefined && { error: { kind: error, text: error } }), ...(standing !== undefined && { standing }) }
      known.push({ ms, answer: { ...head, addresses, ttl, ...more } })
    }
    // They would have answered at another time, so that the tests would have been over at another time.
    const waits = this.#world.rules.greetWait.normal
    this.#isTimeUnsure = this.#silentLists.some(({ until }) => until + fineMs < now + waits)
    known.sort((a, b) => a.ms - b.ms)
    for (const [i, { ms, answer }] of known.entries()) this.#plan(now + ms, { type: 'dnsbl', answer, complete: i === lists.length - 1 })
  }

  /** The tests before the greeting are over: what did they depend on that the log does not have? */
  #endOfEarlyTests(now: number): void {
    const { session, rules } = { session: this.#session, rules: this.#world.rules }
    const hungUp = session.hungUp && session.smtp === undefined
    const unknown = this.#silentLists.filter((one) => now > one.until + fineMs).map(({ list }) => list)
    // A list without a known answer could have made the client wait until the end.
    const until = unknown.length > 0 ? this.#logged.time + rules.greetWait.normal : now
    if (!hungUp && this.#mayHaveLeft(Math.max(now, until))) {
      this.#doubt.stamps |= bit.pregreet
      this.#doubt.mayLeave({ is: 'test', test: 'pregreet' })
    }
    doubtAboutLists(this.#doubt, session, unknown)
    if (session.score !== undefined && this.#facts.isSyslog && rules.dnsbl.minTTL !== rules.dnsbl.maxTTL) this.#doubt.loose |= bit.dnsbl
  }

  /** The client speaks as it did in the log, or as a good one does where it has had no occasion to. */
  #planDialogue(now: number): void {
    const { moves, greetedAt, sentRecipient, leftUnseen } = this.#facts
    if (this.#facts.wentOnAtBackend && !this.#world.rules.smtp.sameSession) this.#deepKnown = 0
    const later = greetedAt === undefined ? 0 : now - this.#logged.time - greetedAt
    // A client that has to wait longer may leave; one that was gone before its greeting may still be there.
    const isWatched = (this.#session.todo & bit.pregreet) !== 0 && !this.#outcome.failed.includes('pregreet')
    const isAnyTime = this.#isTimeUnsure && !isWatched
    const isUnsure = isAnyTime || later > fineMs || (leftUnseen && later < -fineMs)
    this.#isDialogueUnsure = isUnsure
    if (isUnsure) this.#deepKnown = 0
    if (isUnsure && moves.some(({ is }) => is !== 'recipient')) this.#doubt.mayPass({ is: 'recipient' })
    if (sentRecipient === undefined || isUnsure) {
      this.#doubt.stamps |= this.#session.todo & deepTests
      if (mayBeHandedOff(this.#session)) {
        this.#doubt.mayRefuse({ is: 'recipient' })
        // What it did wrong may have come after its first recipient.
        this.#doubt.mayPass({ is: 'recipient' })
      }
    }
    for (const { at, event } of dialogueOf(this.#facts, this.#world.rules, now)) this.#plan(at, event)
  }

  #relay(now: number): void {
    this.#handOff(now)
    this.#on(now, handedOff)
  }

  /** A mail server has the client, for as long as in the log. */
  #handOff(now: number): void {
    this.#outcome.handedOff = true
    this.#handedOffAt = now
    const { relayedMs } = this.#facts
    if (relayedMs !== undefined) this.#plan(now + relayedMs, { type: 'gone' })
    else this.#world.awaitRelayEnd(this.#logged, this)
  }

  /** Its verdict stands. */
  #end(now: number): void {
    const { session, doubt } = { session: this.#session, doubt: this.#doubt }
    if (this.#isTold) return
    this.#isTold = true
    this.#doubtDeepTests()
    const verdict = this.#outcome.verdict()
    const why = doubt.about(verdict, this.#outcome.refusals, this.#world.rules.audit)
    // Audit mode hands off a client that fails, and does not remember it.
    this.#markStamps(why !== undefined || (this.#world.rules.audit && doubt.isAny))
    this.#world.leave(session, this)
    this.#lingerUnlessSure(now, why === undefined)
    this.#tell(why === undefined ? verdict : { unknown: why })
  }

  /** What the simulated allowlist holds of the client after a session in doubt, or without one. */
  #markStamps(isUnknown: boolean): void {
    const { todo, passed } = this.#session
    const { stamps, loose } = this.#doubt
    const mayWrite = passed !== 0 || (this.#isDialogueUnsure && this.#outcome.refusals.length === 0)
    const doubtful = isUnknown ? stamps | todo : mayWrite ? stamps : 0
    // A test that may not have been to do has left a stamp of another time.
    const good = passed & ~doubtful & ~loose & ~this.#recalledInDoubt
    if (todo !== 0 || doubtful !== 0) this.#world.clients.mark(this.#key, { doubtful, loose: loose & passed & ~doubtful, good })
  }

  /** How long it lasts is known if the log has it in the same state. If not, it ends as early as it can. */
  #lingerUnlessSure(now: number, isKnown: boolean): void {
    const { relayedMs, dialogueMs } = this.#facts
    const { handedOff } = this.#outcome
    const hasEnd = handedOff
      ? relayedMs !== undefined || this.#world.awaits(this.#logged)
      : this.#session.smtp === undefined || dialogueMs !== undefined
    if (hasEnd && isKnown && !this.#isTimeUnsure) return
    if (this.#session.phase === 'relayed') this.#on(now, { type: 'gone' })
    // Where its tests may have lasted longer, it may still be tested.
    const as = handedOff && !this.#isTimeUnsure ? 'relayed' : 'screened'
    this.#world.linger(this.#session, as, now + longestUnknownMs)
  }

  #doubtDeepTests(): void {
    const { smtp, todo, rules } = this.#session
    if (smtp === undefined) return
    for (const test of testNames) {
      if ((todo & deepTests & bit[test]) === 0 || (this.#deepKnown & bit[test]) !== 0) continue
      this.#doubt.stamps |= bit[test] & rules.enabled
      if (rules.action[test] !== 'Ignore' && this.#outcome.refusals.length === 0) this.#doubt.mayRefuse({ is: 'test', test })
    }
  }
}

const notKnown: Omit<LoggedAnswer, 'domain'> = { addresses: [], ttl: -1, error: 'local', ms: 0 }
const connect: Event = { type: 'connect' }
const handedOff: Event = { type: 'handedOff' }
const joined: Event = { type: 'replayed', outcome: { is: 'joined', reply: '250 2.1.5 Ok\r\n' } }
