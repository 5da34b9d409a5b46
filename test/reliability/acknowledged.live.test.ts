// Gateways are killed while clients deliver: what was acknowledged is in the queue, once. `npx node test/reliability/run.ts acknowledged` delivers 100,000 messages.
// Runs first: it takes half a minute.
import assert from 'node:assert/strict'
import { before, describe, test } from 'node:test'
import { unless } from '../peers/require.ts'
import { acknowledged, type AcknowledgedOutcome } from './acknowledged.ts'

describe('1,200 messages come in while gateways are killed', { skip: unless('postfix') }, () => {
  let outcome: AcknowledgedOutcome
  before(async () => {
    outcome = await acknowledged({ messages: 1200, clients: 20, killEveryMs: 500, perSecond: 250 })
  })

  test('every message that a client saw acknowledged is in the queue', () => assert.equal(outcome.lost, 0))

  test('no message is queued more often than it was acknowledged or left without an answer', () => assert.equal(outcome.surplus, 0))

  test('gateways were killed, and sessions cut', () => assert.ok(outcome.kills >= 2 && outcome.cutSessions > 0, JSON.stringify(outcome)))
})
