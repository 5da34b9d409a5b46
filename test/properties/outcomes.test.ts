// Every session has one outcome, whatever comes in whatever order, and it is the one that its log tells.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { newScreening } from '../../gateway/core/clients.ts'
import type { Outcome } from '../../gateway/core/outcome-names.ts'
import { newSession, type Session } from '../../gateway/core/session.ts'
import { step } from '../../gateway/core/step.ts'
import type { Effect, Event, LogRecord, TimerName } from '../../gateway/core/vocabulary.ts'
import { rulesOf, startTime } from '../support/core-session.ts'
import { addresses, type Happening, moment, policies } from './random-sessions.ts'

interface Watched {
  readonly session: Session
  readonly records: LogRecord[]
  alarm: TimerName | undefined
  /** A mail server has the client. */
  isHandedOff: boolean
  wasFailed: boolean
  wasShutDown: boolean
  outcome: Outcome | undefined
}

/** The names that the log gives to refusals, in the order in which they decide. */
const refusals: readonly (readonly [Outcome, (record: LogRecord) => boolean])[] = [
  ['accessList', (record) => record.event === 'DENYLISTED' && record.action !== 'Ignore'],
  ['limits', ({ event }) => event === 'CONNECTION REFUSED'],
  ['pregreet', (record) => record.event === 'PREGREET' && record.action !== 'Ignore'],
  ['dnsbl', (record) => record.event === 'DNSBL' && record.action !== 'Ignore'],
  [
    'deepTests',
    (record) =>
      (record.event === 'BARE NEWLINE' || record.event === 'NON-SMTP COMMAND' || record.event === 'COMMAND PIPELINING') &&
      record.action !== 'Ignore',
  ],
  ['noBackend', (record) => record.event === 'SAME SESSION FAILED' && record.why !== 'refused'],
  ['backendRefused', (record) => record.event === 'SAME SESSION FAILED' && record.why === 'refused'],
  ['comeBack', (record) => record.event === 'RCPT REJECTED' || (record.event === 'AUDIT' && record.would === 'defer')],
  ['limits', ({ event }) => /^COMMAND \w+ LIMIT$/.test(event)],
]

function fromLog({ session, records, isHandedOff, wasFailed, wasShutDown }: Watched): Outcome {
  const found = refusals.find(([outcome, is]) => (outcome === 'noBackend' && wasFailed) || records.some(is))?.[0]
  if (found !== undefined && (!isHandedOff || session.rules.audit)) return found
  if (!isHandedOff) return wasShutDown ? 'shutdown' : 'hangup'
  if (records.some(({ event }) => event === 'PASS NEW')) return 'new'
  if (records.some(({ event }) => event === 'PASS OLD' || event === 'ALLOWLISTED')) return 'known'
  // No line: a parallel session of a client that has passed, or a client for which a test is ignored.
  assert.ok(session.outcome === 'new' || session.outcome === 'known')
  return session.outcome
}

function take(watched: Watched, effects: readonly Effect[]): void {
  for (const effect of effects) {
    if (effect.do === 'log' || effect.do === 'count') watched.records.push(effect.record)
    else if (effect.do === 'arm') watched.alarm = effect.timer
    else if (effect.do === 'disarm') watched.alarm = undefined
    else if (effect.do === 'join') watched.isHandedOff = true
  }
}

function deliver(watched: Watched, now: number, happens: Happening): void {
  const { session } = watched
  const event: Event | undefined = happens.type !== 'ring' ? happens : watched.alarm && { type: 'timer', name: watched.alarm }
  if (event === undefined) return
  const { phase } = session
  if (phase === 'handoff' && event.type === 'handedOff') watched.isHandedOff = true
  if (phase === 'handoff' && event.type === 'handOffFailed') watched.wasFailed = true
  if (event.type === 'shutdown' && !['done', 'relayed', 'handoff', 'observe'].includes(phase)) watched.wasShutDown = true
  take(watched, step(session, now, event))
  const isOver = session.phase === 'done' || session.phase === 'relayed'
  assert.equal(session.outcome !== undefined, isOver, `in the phase ${session.phase}`)
  if (watched.outcome !== undefined) assert.equal(session.outcome, watched.outcome, 'a second outcome')
  else if (session.outcome !== undefined) {
    watched.outcome = session.outcome
    if (phase !== 'new') assert.equal(session.outcome, fromLog(watched), watched.records.map((record) => record.event).join(', '))
  }
}

test('every session has one outcome, and it agrees with the log', () => {
  const clients = fc.array(fc.constantFrom(...addresses), { minLength: 1, maxLength: 8, size: 'small' })
  const seen = new Set<Outcome>()
  fc.assert(
    fc.property(policies, clients, fc.array(moment, { maxLength: 80, size: 'medium' }), (policy, from, moments) => {
      const rules = rulesOf(policy)
      const screening = newScreening()
      const all = from.map((address, i): Watched => {
        const session = newSession(rules, screening, { address, port: 40_000 + i }, { address: '198.51.100.1', port: 25 })
        return {
          session,
          records: [],
          alarm: undefined,
          isHandedOff: false,
          wasFailed: false,
          wasShutDown: false,
          outcome: undefined,
        }
      })
      let now = startTime
      for (const { who, later, happens } of moments) {
        now += later
        const watched = all[who % all.length]
        if (watched?.session.phase === 'new') deliver(watched, now, { type: 'connect' })
        if (watched !== undefined) deliver(watched, now, happens)
      }
      for (const watched of all) {
        deliver(watched, now, { type: 'gone' })
        if (watched.outcome !== undefined) seen.add(watched.outcome)
      }
    }),
    { numRuns: 600 },
  )
  for (const outcome of ['known', 'new', 'hangup', 'pregreet'] as const) assert.ok(seen.has(outcome), `${outcome} has not come`)
})
