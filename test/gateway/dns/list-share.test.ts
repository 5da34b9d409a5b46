// When the share of clients that a DNS list lists is suspicious, and when it is usual again.
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { type ShareBounds, ShareOfClients } from '../../../gateway/dns/list-share.ts'
import { shareBounds as bounds } from './fake-lists.ts'

const minute = 60_000
const hour = 60 * minute

/** Adds clients with numbers from `from` on; the first `listed` of them are listed. */
function add(
  share: ShareOfClients,
  now: number,
  { from = 0, of, listed }: { from?: number; of: number; listed: number },
  with_ = bounds,
): void {
  for (let i = 0; i < of; i++) share.add(`192.0.${from + i}`, i < listed, now, with_)
}

/** A list that listed so many of 100 clients an hour ago. */
function withPast(listed: number): ShareOfClients {
  const share = new ShareOfClients()
  add(share, 0, { of: 100, listed })
  return share
}

describe('the share of a list', () => {
  const cases: readonly {
    readonly what: string
    readonly past?: number
    readonly listed: number
    readonly of: number
    readonly want: string | undefined
  }[] = [
    { what: 'that listed few clients before and lists all now is sudden', past: 20, listed: 60, of: 60, want: 'sudden' },
    { what: 'of exactly the bound is sudden', past: 20, listed: 57, of: 60, want: 'sudden' },
    { what: 'just below the bound is not suspicious', past: 20, listed: 56, of: 60, want: undefined },
    { what: 'of too few clients never counts', past: 20, listed: 49, of: 49, want: undefined },
    { what: 'of just enough clients counts', past: 20, listed: 50, of: 50, want: 'sudden' },
    { what: 'that was always high is not suspicious', past: 95, listed: 60, of: 60, want: undefined },
    { what: 'that was at the usual bound is not suspicious', past: 60, listed: 60, of: 60, want: undefined },
    { what: 'that was just below the usual bound is sudden', past: 59, listed: 60, of: 60, want: 'sudden' },
    { what: 'without a known past is only suspicious', listed: 60, of: 60, want: 'suspicious' },
  ]
  for (const { what, past, listed, of, want } of cases) {
    test(what, () => {
      const share = past === undefined ? new ShareOfClients() : withPast(past)
      add(share, hour, { from: 1000, of, listed })
      assert.equal(share.judge(hour, bounds), want)
    })
  }

  test('has no bound with 0 percent', () => {
    const share = withPast(10)
    add(share, hour, { from: 1000, of: 60, listed: 60 })
    assert.equal(share.judge(hour, { ...bounds, percent: 0 }), undefined)
  })

  test('counts a client once, however often it comes', () => {
    const share = withPast(10)
    for (let i = 0; i < 1000; i++) share.add(`192.0.${i % 40}`, true, hour, bounds)
    assert.deepEqual(share.current, { listed: 40, of: 40 })
    assert.equal(share.judge(hour, bounds), undefined)
  })

  test('forgets clients after the window', () => {
    const share = new ShareOfClients()
    add(share, 0, { of: 60, listed: 60 })
    share.add('late', false, 10 * minute + 1, bounds)
    assert.deepEqual(share.current, { listed: 0, of: 1 })
    assert.deepEqual(share.usual(10 * minute + 1, bounds), { listed: 60, of: 60 })
  })

  test('has a usual value of the last day only, and of enough clients', () => {
    const share = withPast(20)
    share.add('late', false, hour, bounds)
    assert.deepEqual(share.usual(hour, bounds), { listed: 20, of: 100 })
    assert.equal(share.usual(26 * hour, bounds), undefined)
    const small = new ShareOfClients()
    add(small, 0, { of: 49, listed: 0 })
    small.add('late', false, hour, bounds)
    assert.equal(small.usual(hour, bounds), undefined)
  })

  test('is usual again when enough new clients are not listed', () => {
    const share = withPast(20)
    add(share, hour, { from: 1000, of: 60, listed: 60 })
    share.restart()
    add(share, hour, { from: 2000, of: 49, listed: 0 })
    assert.ok(!share.isUsual(bounds))
    add(share, hour, { from: 3000, of: 1, listed: 0 })
    assert.ok(share.isUsual(bounds))
    add(share, hour, { from: 4000, of: 200, listed: 200 })
    assert.ok(!share.isUsual(bounds))
  })

  test('takes limited memory', () => {
    const share = new ShareOfClients()
    const long: ShareBounds = { ...bounds, windowMs: 24 * hour }
    add(share, 0, { of: 20_000, listed: 10_000 }, long)
    assert.equal(share.current.of, 5000)
    assert.deepEqual(share.usual(0, long), { listed: 10_000, of: 15_000 })
  })
})
