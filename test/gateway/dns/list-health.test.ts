// When a DNS list is suspended, when it returns, and when it is tested again.
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { afterTest, type HealthState, newHealth } from '../../../gateway/dns/list-health.ts'
import type { ListVerdict } from '../../../gateway/dns/list-verdict.ts'

const block = { everyMs: 3_600_000, isAllow: false }
const allow = { everyMs: 3_600_000, isAllow: true }
const healthy: ListVerdict = { is: 'healthy' }
const soft: ListVerdict = { is: 'faulty', kind: 'soft', reason: 'Timeout', answer: 'timeout' }
const hard: ListVerdict = { is: 'faulty', kind: 'hard', reason: 'ListsEverything', answer: '127.0.0.2' }
const unclear: ListVerdict = { is: 'unclear', why: 'x' }

/** Plays tests one after the other, each when it is due. @returns the standings, and the pauses in seconds */
function played(verdicts: readonly ListVerdict[], rules = block, from: HealthState = newHealth(0)) {
  let [state, now] = [from, 0]
  const standings: string[] = []
  const pauses: number[] = []
  for (const verdict of verdicts) {
    const step = afterTest(state, verdict, now, rules)
    state = step.state
    now += step.nextMs
    standings.push(state.standing)
    pauses.push(step.nextMs / 1000)
  }
  return { state, standings, pauses, now }
}

describe('a list', () => {
  test('is healthy after its first good test, and tested again after the usual time', () => {
    assert.deepEqual(played([healthy]).standings, ['healthy'])
    assert.deepEqual(played([healthy, healthy]).pauses, [3600, 3600])
  })

  test('stays healthy with two soft faults, and is suspended with the third in a row', () => {
    const { standings, pauses, state } = played([healthy, soft, soft, healthy, healthy, soft, soft, soft])
    assert.deepEqual(standings, ['healthy', 'healthy', 'healthy', 'healthy', 'healthy', 'healthy', 'healthy', 'suspended'])
    assert.deepEqual(pauses.slice(1, 3), [20, 60])
    assert.equal(pauses.at(-1), 300)
    assert.equal(state.fault?.reason, 'Timeout')
  })

  test('is not known after soft faults at the start, until the third', () => {
    assert.deepEqual(played([soft, soft, soft]).standings, ['unknown', 'unknown', 'suspended'])
  })

  test('is suspended with the first hard fault', () => {
    assert.deepEqual(played([healthy, hard]).standings, ['healthy', 'suspended'])
  })

  test('is tested at growing intervals while it is suspended', () => {
    assert.deepEqual(played([hard, hard, hard, hard, hard]).pauses, [300, 600, 1200, 1800, 1800])
  })

  test('is tested every hour while only a change of the policy can help', () => {
    const wrong: ListVerdict = { is: 'faulty', kind: 'hard', reason: 'DomainOnlyZone', answer: '127.0.1.255' }
    assert.deepEqual(played([wrong, wrong]).pauses, [3600, 3600])
  })

  test('returns after two good tests in a row, at least a minute apart', () => {
    const { standings, pauses } = played([hard, healthy, hard, healthy, healthy])
    assert.deepEqual(standings, ['suspended', 'suspended', 'suspended', 'suspended', 'healthy'])
    assert.ok((pauses[3] ?? 0) * 0.8 >= 60, 'also with the random part')
    const once = afterTest(newHealth(0), hard, 0, block).state
    const first = afterTest(once, healthy, 1000, block).state
    assert.equal(afterTest(first, healthy, 60_999, block).state.standing, 'suspended')
    assert.equal(afterTest(first, healthy, 61_000, block).state.standing, 'healthy')
  })

  test('that gives clients a pass returns after three good tests over ten minutes', () => {
    const { standings, now } = played([hard, healthy, healthy, healthy], allow)
    assert.deepEqual(standings, ['suspended', 'suspended', 'suspended', 'healthy'])
    assert.ok(now >= 600_000)
    assert.deepEqual(played([soft, soft, soft, healthy, healthy], allow).standings.slice(2), ['suspended', 'suspended', 'healthy'])
  })

  test('keeps its state while nothing can be said', () => {
    for (const before of [[], [healthy], [hard], [soft]] as const) {
      const { state } = played(before)
      const after = afterTest(state, unclear, 5, block)
      assert.equal(after.state, state)
      assert.equal(after.nextMs, 60_000)
    }
  })

  test('that cannot be tested is used, and returns when its errors end', () => {
    const untested: ListVerdict = { is: 'untested' }
    assert.deepEqual(played([untested, hard, untested, untested]).standings, ['untested', 'suspended', 'suspended', 'untested'])
  })

  test('has the newest reason, and knows since when it is suspended', () => {
    const { state } = played([healthy, hard, soft])
    assert.equal(state.fault?.reason, 'Timeout')
    assert.equal(state.since, 3_600_000)
  })

  test('forgets a note when the next test has none', () => {
    assert.equal(played([{ is: 'healthy', note: 'odd' }]).state.note, 'odd')
    assert.equal(played([{ is: 'healthy', note: 'odd' }, healthy]).state.note, undefined)
  })
})
