// What must hold for every session, whatever comes in whatever order: several sessions, hostile bytes, clocks that jump, events out of turn.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { newScreening, type Screening } from '../../gateway/core/clients.ts'
import type { Rules } from '../../gateway/core/rules.ts'
import { newSession, type Session } from '../../gateway/core/session.ts'
import { step } from '../../gateway/core/step.ts'
import type { Effect, Event, LogRecord, TimerName } from '../../gateway/core/vocabulary.ts'
import { lineOf, rulesOf, startTime } from '../support/core-session.ts'
import { addresses, type Happening, hostile, moment, policies, snippets } from './random-sessions.ts'

/** One session and what it has been seen to do. */
interface Watched {
  readonly session: Session
  alarm: TimerName | undefined
  looksUp: boolean
  hasFailed: boolean
  isClosed: boolean
  isRelayed: boolean
  /** Something else than a test ended it: the client, or the gateway. */
  wasCutShort: boolean
  /** Asked for a backend, and has no answer yet. */
  waits: boolean
  lastCode: string
}

const failing: ReadonlySet<LogRecord['event']> = new Set([
  'PREGREET',
  'DNSBL',
  'BARE NEWLINE',
  'NON-SMTP COMMAND',
  'COMMAND PIPELINING',
  'DENYLISTED',
])
const controls = /[\x00-\x1f\x7f-\x9f\u2028\u2029]/

function checkLog(watched: Watched, record: LogRecord): void {
  for (const value of [lineOf(record), ...Object.values(record)]) if (typeof value === 'string') assert.doesNotMatch(value, controls)
  if (record.event === 'ALLOWLIST VETO' || (failing.has(record.event) && 'action' in record && record.action !== 'Ignore'))
    watched.hasFailed = true
}

function checkReply(watched: Watched, text: string): void {
  assert.match(text, /^(\d{3}[ -][^\r\n]*\r\n)+$/)
  const lines = text.split('\r\n').slice(0, -1)
  const code = text.slice(0, 3)
  for (const [i, line] of lines.entries()) {
    assert.ok(line.startsWith(code) && line.length <= 510 && !controls.test(line), line)
    // Only the teaser ends with a dash: the greeting goes on.
    if (code !== '220') assert.equal(line[3], i === lines.length - 1 ? ' ' : '-')
  }
  // T42. Limits of an early talker are another matter: postscreen does the same.
  if (watched.lastCode === '220-' && code === '421') assert.doesNotMatch(text, /^421[ -]4\.3\.2/)
  watched.lastCode = text.slice(0, 4)
}

function checkEffect(watched: Watched, rules: Rules, effect: Effect): void {
  const { session } = watched
  assert.ok(!watched.isClosed, `${effect.do} behind close`)
  switch (effect.do) {
    case 'log':
      checkLog(watched, effect.record)
      break
    case 'count':
      break
    case 'send':
      assert.ok(session.phase !== 'smtp' || !watched.looksUp, 'the dummy engine holds a lookup')
      assert.ok(!watched.waits, 'a reply while a backend may speak')
      checkReply(watched, effect.text)
      break
    case 'arm':
      watched.alarm = effect.timer
      break
    case 'disarm':
      watched.alarm = undefined
      break
    case 'lookup':
      watched.looksUp = true
      break
    case 'abandonLookup':
      assert.ok(watched.looksUp, 'nothing to abandon')
      watched.looksUp = false
      break
    case 'relay':
      assert.ok(!watched.waits && watched.alarm === undefined && !watched.looksUp)
      assert.ok(rules.audit || !watched.hasFailed, 'a client that failed is handed off')
      watched.waits = watched.isRelayed = true
      break
    case 'replay':
      assert.ok(!watched.waits && watched.alarm === undefined && !watched.looksUp)
      assert.ok(!rules.audit && !watched.hasFailed, 'a client that failed is handed off')
      watched.waits = true
      break
    case 'join':
      assert.ok(!watched.waits, 'a client is joined before a backend has answered')
      watched.isRelayed = true
      break
    case 'remember':
      assert.ok(!watched.hasFailed, 'a client that failed is remembered')
      assert.match(effect.record, /^\d{1,13}(;\d{1,13}){4}$/)
      break
    case 'close':
      assert.ok(watched.alarm === undefined && !watched.looksUp, 'something goes on behind close')
      assert.ok(!rules.audit || watched.isRelayed || watched.wasCutShort, 'a client is not handed off in Audit mode')
      watched.isClosed = true
      break
    case 'recall':
    case 'read':
    case 'pause':
    case 'observe':
    case 'unobserve':
    case 'startTls':
      break
  }
}

/** What the shared counters must be. */
function checkCounters(screening: Screening, all: readonly Watched[]): void {
  const relayed = all.filter(({ session }) => session.phase === 'relayed' || session.phase === 'observe')
  const counted = all.filter((one) => one.session.clientState !== undefined && one.session.phase !== 'done' && !relayed.includes(one))
  assert.equal(screening.checkQueue, counted.length)
  assert.equal(screening.postQueue, all.filter(({ waits }) => waits).length)
  const keyOf = ({ session }: Watched): string => session.rules.allowlistKey(session.client.address)
  const relays = [...Map.groupBy(relayed, keyOf)].map(([key, sessions]) => [key, sessions.length] as const)
  assert.deepEqual(screening.relays, new Map(relays))
  const byKey = Map.groupBy(counted, keyOf)
  assert.deepEqual([...screening.clients.keys()].toSorted(), [...byKey.keys()].toSorted())
  for (const [key, sessions] of byKey) assert.equal(screening.clients.get(key)?.concurrency, sessions.length)
}

const state = ({ phase, todo, passed, failed, decided, logged }: Session): unknown[] => [phase, todo, passed, failed, decided, logged]

function deliver(watched: Watched, rules: Rules, now: number, happens: Happening): void {
  const event: Event | undefined = happens.type !== 'ring' ? happens : watched.alarm && { type: 'timer', name: watched.alarm }
  if (event === undefined) return
  const { session } = watched
  const wasDone = session.phase === 'done'
  const stale = event.type === 'timer' && event.name !== watched.alarm
  const before = state(session)
  // As in the shell: a timer that goes off is not armed any more, and a backend's answer ends the wait.
  if (event.type === 'timer' && !stale) watched.alarm = undefined
  if (['end', 'gone', 'shutdown'].includes(event.type)) watched.wasCutShort = true
  const answers = { replay: ['replayed', 'shutdown'], handoff: ['handedOff', 'handOffFailed'] }
  if (event.type === 'gone') watched.waits = false
  else if (session.phase === 'replay' || session.phase === 'handoff') watched.waits &&= !answers[session.phase].includes(event.type)
  const effects = step(session, now, event)
  if (wasDone || stale) {
    assert.deepEqual(effects, [], `${event.type} means something`)
    assert.deepEqual(state(session), before)
  }
  for (const effect of effects) checkEffect(watched, rules, effect)
  assert.equal(
    effects.findLastIndex((effect) => effect.do === 'close'),
    watched.isClosed && !wasDone ? effects.length - 1 : -1,
  )
}

test('no events in any order break a session or the counters', () => {
  const clients = fc.array(fc.constantFrom(...addresses), { minLength: 1, maxLength: 14, size: 'small' })
  fc.assert(
    fc.property(policies, clients, fc.boolean(), fc.array(moment, { maxLength: 80, size: 'medium' }), (policy, from, tlsReady, moments) => {
      const rules = rulesOf(policy)
      const screening = newScreening()
      const all = from.map((address, i): Watched => {
        const session = newSession(rules, screening, { address, port: 40_000 + i }, { address: '198.51.100.1', port: 25 }, tlsReady)
        return {
          session,
          alarm: undefined,
          looksUp: false,
          hasFailed: false,
          isClosed: false,
          isRelayed: false,
          wasCutShort: false,
          waits: false,
          lastCode: '',
        }
      })
      let now = startTime
      const tell = (watched: Watched | undefined, happens: Happening): void => {
        if (watched !== undefined) deliver(watched, rules, now, happens)
        checkCounters(screening, all)
      }
      for (const [i, { who, later, happens }] of moments.entries()) {
        now += later
        const watched = all[who % all.length]
        // Most sessions begin as they should, so that more of them get far.
        if (i % 7 !== 0 && watched?.session.phase === 'new') tell(watched, { type: 'connect' })
        tell(watched, happens)
      }
      for (const watched of all) tell(watched, { type: 'gone' })
      assert.deepEqual([screening.checkQueue, screening.postQueue, screening.clients.size, screening.relays.size], [0, 0, 0, 0])
      assert.equal(screening.stress, false)
      for (const { session } of all) assert.equal(session.phase, 'done')
    }),
    { numRuns: 2500 },
  )
})

test('commands are the same however the bytes are cut, as long as the pipelining test is off', () => {
  const rules = rulesOf({
    greet: { banner: '' },
    deepTests: { bareNewline: { enabled: true, action: 'Enforce' }, nonSMTPCommand: { enabled: true, action: 'Enforce' } },
    smtp: { lineLengthLimit: 512 },
  })
  const stream = fc.array(fc.constantFrom(...snippets, ...hostile, '\r\n', '\r\n', '\n'), { maxLength: 40 }).map((parts) => parts.join(''))
  const play = (chunks: readonly string[]): { replies: string; log: string[]; session: Session } => {
    const session = newSession(rules, newScreening(), { address: '192.0.2.1', port: 1 }, { address: '198.51.100.1', port: 25 })
    const effects = [
      { type: 'connect' } as const,
      { type: 'recalled', record: undefined } as const,
      ...chunks.map((chunk) => ({ type: 'data', bytes: Buffer.from(chunk, 'latin1') }) as const),
      // What waits behind a refused STARTTLS is answered at the end at the latest.
      { type: 'end' } as const,
    ].flatMap((event) => step(session, startTime, event))
    const replies = effects.map((effect) => (effect.do === 'send' ? effect.text : '')).join('')
    return { replies, log: effects.flatMap((effect) => (effect.do === 'log' ? [lineOf(effect.record)] : [])), session }
  }
  fc.assert(
    fc.property(stream, fc.array(fc.nat(4000), { maxLength: 12 }), (text, places) => {
      const cuts = [0, ...places.map((place) => place % (text.length + 1)).toSorted((a, b) => a - b), text.length]
      const whole = play([text])
      for (const chunks of [cuts.slice(1).map((end, i) => text.slice(cuts[i], end)), [...text]]) {
        const pieces = play(chunks)
        assert.equal(pieces.replies, whole.replies)
        assert.deepEqual(pieces.log, whole.log)
        assert.deepEqual(state(pieces.session), state(whole.session))
      }
    }),
    { numRuns: 150 },
  )
})
