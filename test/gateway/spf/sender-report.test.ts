// A sender on the status page: its age, from which an alert and the state Stale follow, and its fault in words.
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { readNetwork } from '../../../crds/values/network.ts'
import { newSender, type Sender } from '../../../gateway/core/spf/sender.ts'
import { senderReport } from '../../../gateway/spf/sender-report.ts'

const now = Date.parse('2026-12-01T12:00:00Z')
const hour = 3_600_000
const read = readNetwork('203.0.113.0/24')
assert.ok('value' in read)
const networks = [read.value]

/** What the page has of a sender that was last tried now. */
function shown(fields: Partial<Sender>) {
  const { state, ageSeconds, goodAt, fault } = senderReport({ ...newSender('a.test', now), triedAt: now, ...fields }, undefined, now)
  return { state, ageSeconds, goodAt, fault }
}

const problem = (reason: 'DNSError' | 'PartlyUnread', hours: number): Pick<Sender, 'problem'> => ({
  problem: { reason, why: 'SERVFAIL', since: now - hours * hour },
})

describe('a sender on the status page', () => {
  test('has the time since all of its record was read, also while it cannot be read', () => {
    const good = { networks, goodAt: now - 2 * hour }
    assert.deepEqual(shown(good), { state: 'Current', ageSeconds: 7200, goodAt: '2026-12-01T10:00:00.000Z', fault: null })
    assert.equal(shown({ ...good, ...problem('DNSError', 1) }).ageSeconds, 7200)
  })

  test('has no age before it was tried', () => assert.equal(shown({ triedAt: 0 }).ageSeconds, null))

  for (const [what, fields] of [
    ['of which only a part could ever be read', { networks, ...problem('PartlyUnread', 25) }],
    ['that could never be read', problem('DNSError', 25)],
  ] as const)
    test(`has the time since the first failure: a record ${what} becomes stale and old like any other`, () => {
      const { state, ageSeconds, goodAt, fault } = shown(fields)
      assert.deepEqual([state, ageSeconds, goodAt], ['Stale', 25 * 3600, null])
      assert.match(fault ?? '', /not read completely for more than a day/)
    })
})
