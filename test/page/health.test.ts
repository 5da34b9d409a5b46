// The first line of a gateway's live page, for a status with one fault: what it says, since when, and what it means.
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'

interface Health {
  readonly is: string
  readonly text: string
  readonly todo: readonly string[]
}
// The page is plain JavaScript for browsers.
const page: string = '../../runtime/page/health.js'
const { healthOf } = (await import(page)) as { healthOf: (state: object) => Health }

const at = Date.parse('2026-12-01T12:00:00Z')

/** What the page says of a gateway that is well but for this in its status. */
const healthWith = (status: object): Health =>
  healthOf({
    at,
    since: { notReady: null, draining: null, stress: null },
    hour: null,
    outcomes: [],
    policy: null,
    status: {
      ...{ notReady: [], draining: false, sessions: {}, listening: [], backends: [], refusedPolicy: null },
      ...{ queues: { stress: false, check: 0, post: 0 }, dnsbl: { resolver: 'works', lists: [], sites: [] }, spf: [] },
      ...status,
    },
  })

const sender = { domain: 'a.test', state: 'Current', networks: 4, problem: null, held: null, fault: null }
const since = '2026-12-01T09:00:00Z'
const faulty = { ...sender, state: 'Failing', problem: { reason: 'NoRecord', why: 'x', since }, fault: 'NoRecord: x; nothing is permitted' }

describe('the first line of the live page', () => {
  test('has nothing to say of senders whose SPF records are current', () => {
    assert.deepEqual(healthWith({ spf: [sender] }).todo, [])
  })

  test('names a sender whose SPF record is not, since when, why, and what it means', () => {
    const { is, text, todo } = healthWith({ spf: [sender, { ...faulty, domain: 'b.test' }] })
    assert.equal(is, 'warn')
    assert.match(text, /one thing needs you/)
    assert.deepEqual(todo, [
      'The SPF record of b.test is not current for 3 h: NoRecord: x; nothing is permitted. Clients that it does not permit are tested like all others.',
    ])
  })

  test('says since when a large change is held', () => {
    const held = { ...sender, state: 'Held', held: { why: 'no network instead of 4', since, networks: 0 }, fault: 'a large change waits' }
    assert.match(healthWith({ spf: [held] }).todo.join(), /^The SPF record of a\.test is not current for 3 h: a large change waits\. /)
  })

  test('names at most three, however many there are', () => {
    assert.equal(healthWith({ spf: Array.from({ length: 20 }, () => faulty) }).todo.length, 3)
  })
})
