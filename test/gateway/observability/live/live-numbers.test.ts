// The numbers of the live page: minutes, days, networks, answers and reconnects, with a clock of their own, and added up over workers.
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { type Outcome, outcomes } from '../../../../gateway/core/outcome-names.ts'
import { addAnswers, AnswerWindows } from '../../../../gateway/observability/live/answer-windows.ts'
import { bucketOf, quantile } from '../../../../gateway/observability/live/log-scale.ts'
import { addHours, MinuteCounts, minutesKept } from '../../../../gateway/observability/live/minute-counts.ts'
import { addReconnects, type ReconnectMessage, Reconnects } from '../../../../gateway/observability/live/reconnects.ts'
import { addNetworks, RefusedNetworks } from '../../../../gateway/observability/live/refused-networks.ts'

const noon = Date.UTC(2026, 11, 1, 12)
const minute = 60_000
const day = 86_400_000
const place = (outcome: Outcome): number => outcomes.indexOf(outcome)

describe('minutes of the last hour', () => {
  test('are what was counted in them, whatever the times, and one process is as good as three', () => {
    const sessions = fc.array(fc.tuple(fc.constantFrom(...outcomes), fc.integer({ min: 0, max: 200 * minute }), fc.nat(2)), {
      maxLength: 200,
    })
    fc.assert(
      fc.property(sessions, fc.nat(5 * minute), (drawn, rest) => {
        const inOrder = drawn.toSorted((a, b) => a[1] - b[1])
        const one = new MinuteCounts(noon)
        const three = [new MinuteCounts(noon), new MinuteCounts(noon), new MinuteCounts(noon)]
        for (const [outcome, at, worker] of inOrder) {
          one.count(outcome, noon + at)
          three[worker]?.count(outcome, noon + at)
        }
        const now = noon + (inOrder.at(-1)?.[1] ?? 0) + rest
        const read = one.read(now)
        assert.equal(read.lastMinute, now - (now % minute))
        const expected = Array.from({ length: minutesKept }, (_, i) => {
          const from = read.lastMinute - (minutesKept - 1 - i) * minute
          const inside = inOrder.filter(([, at]) => noon + at >= from && noon + at < from + minute)
          return outcomes.map((outcome) => inside.filter(([is]) => is === outcome).length)
        })
        assert.deepEqual(read.minutes, expected)
        assert.deepEqual(addHours(three.map((part) => part.read(now))), read)
      }),
      { numRuns: 60 },
    )
  })

  test('of workers that were asked before and after a minute began are put together by their time', () => {
    const [early, late] = [new MinuteCounts(noon), new MinuteCounts(noon)]
    early.count('new', noon)
    late.count('new', noon)
    late.count('known', noon + minute)
    const sum = addHours([early.read(noon + 1), late.read(noon + minute)])
    assert.deepEqual(
      sum?.minutes.slice(-2).map((row) => [row[place('new')], row[place('known')]]),
      [
        [2, 0],
        [0, 1],
      ],
    )
  })

  test('a clock that is set back loses nothing', () => {
    const counts = new MinuteCounts(noon)
    counts.count('new', noon)
    counts.count('new', noon - 10 * minute)
    assert.equal(counts.read(noon - minute).minutes.at(-1)?.[place('new')], 2)
  })
})

test('the totals of a day begin at midnight, or with the process', () => {
  const counts = new MinuteCounts(noon)
  counts.count('pregreet', noon)
  assert.deepEqual([counts.read(noon).today[place('pregreet')], counts.read(noon).since], [1, noon])
  const midnight = noon + day / 2
  assert.deepEqual([counts.read(midnight).today[place('pregreet')], counts.read(midnight).since], [0, midnight])
  assert.equal(counts.read(midnight).minutes.length, minutesKept)
})

describe('refused networks', () => {
  test('are counted by /24 and /48, the worst first, with their outcomes', () => {
    const networks = new RefusedNetworks()
    for (const address of ['192.0.2.1', '192.0.2.99', '2001:db8:66:1::1', '2001:db8:66:2::2', '2001:db8:66::3', '198.51.100.1'])
      networks.count(address, address.startsWith('192') ? 'dnsbl' : 'pregreet', noon)
    assert.deepEqual(networks.worst(noon, 2), [
      { network: '2001:db8:66::/48', sessions: 3, outcomes: { pregreet: 3 } },
      { network: '192.0.2.0/24', sessions: 2, outcomes: { dnsbl: 2 } },
    ])
    assert.deepEqual(networks.worst(noon + day, 2), [])
  })

  test('are few, however many come, and the worst of them stays', () => {
    const networks = new RefusedNetworks()
    for (let i = 0; i < 20_000; i++) {
      networks.count(`10.${i >> 8}.${i & 255}.1`, 'pregreet', noon)
      if (i % 10 === 0) networks.count('192.0.2.1', 'dnsbl', noon)
    }
    assert.ok(networks.size <= 2000, String(networks.size))
    assert.deepEqual(networks.worst(noon, 1), [{ network: '192.0.2.0/24', sessions: 2000, outcomes: { dnsbl: 2000 } }])
  })

  test('of workers are added', () => {
    const [one, other] = [new RefusedNetworks(), new RefusedNetworks()]
    one.count('192.0.2.1', 'dnsbl', noon)
    other.count('192.0.2.2', 'pregreet', noon)
    assert.deepEqual(addNetworks([one.worst(noon), other.worst(noon)], 5), [
      { network: '192.0.2.0/24', sessions: 2, outcomes: { dnsbl: 1, pregreet: 1 } },
    ])
  })
})

describe('answers of DNS lists', () => {
  test('count for five whole minutes, with the share of listings and two quantiles', () => {
    const windows = new AnswerWindows()
    for (let i = 0; i < 100; i++) {
      windows.answered('bl', i < 25 ? 'listed' : 'answers', noon)
      windows.took('bl', i < 90 ? 10 : 500, noon)
    }
    windows.answered('bl', 'failed', noon)
    const [figures] = addAnswers([windows.read(noon + minute), windows.read(noon + minute)])
    assert.deepEqual([figures?.lastMinute, figures?.answers, figures?.listed, figures?.failed], [200, 200, 50, 2])
    assert.ok(figures?.medianMs !== undefined && Math.abs(figures.medianMs - 10) < 1, String(figures?.medianMs))
    assert.ok(figures?.slowMs !== undefined && Math.abs(figures.slowMs - 500) < 45, String(figures?.slowMs))
    assert.equal(windows.read(noon + 5 * minute)[0]?.answers, 100)
    assert.equal(windows.read(noon + 6 * minute)[0]?.answers, 0)
    assert.equal(addAnswers([windows.read(noon + 6 * minute)])[0]?.medianMs, undefined)
  })

  test('a quantile is within 8 % of the true one', () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 1, max: 80_000_000 }), { minLength: 1, maxLength: 60 }),
        fc.double({ min: 0.01, max: 1, noNaN: true }),
        (all, share) => {
          const counts: number[] = []
          for (const ms of all) counts[bucketOf(ms)] = (counts[bucketOf(ms)] ?? 0) + 1
          const sorted = all.toSorted((a, b) => a - b)
          const exact = sorted[Math.max(1, Math.ceil(all.length * share)) - 1] ?? 0
          const found =
            quantile(
              Array.from(counts, (count) => count ?? 0),
              share,
            ) ?? 0
          assert.ok(Math.abs(found / exact - 1) < 0.081, `${found} for ${exact}`)
        },
      ),
    )
  })
})

describe('clients that were asked to come back', () => {
  function worker(others: Reconnects[] = []) {
    const seconds: number[] = []
    const sent: ReconnectMessage[] = []
    const reconnects = new Reconnects({
      send: (message) => {
        sent.push(message)
        for (const other of others) other.hear(message)
      },
      cameAfter: (after) => void seconds.push(after),
    })
    return { reconnects, seconds, sent }
  }

  test('are counted once when they do, with the time that it took', () => {
    const { reconnects, seconds } = worker()
    reconnects.told('192.0.2.1', noon)
    reconnects.told('192.0.2.1', noon + 1000)
    reconnects.told('192.0.2.2', noon)
    reconnects.came('192.0.2.1', noon + 5 * minute)
    reconnects.came('192.0.2.1', noon + 6 * minute)
    assert.deepEqual(seconds, [300])
    const { told, came, medianMs = 0 } = addReconnects([reconnects.read(noon + minute)])
    assert.deepEqual([told, came], [2, 1])
    assert.ok(Math.abs(medianMs / (5 * minute) - 1) < 0.08)
  })

  test('may come to another worker, which counts them; no worker counts them again', () => {
    const others: Reconnects[] = []
    const [one, other] = [worker(others), worker()]
    others.push(other.reconnects)
    one.reconnects.told('192.0.2.1', noon)
    other.reconnects.came('192.0.2.1', noon + minute)
    assert.deepEqual(other.seconds, [60])
    one.reconnects.hear(other.sent[0] ?? assert.fail('nothing sent'))
    one.reconnects.came('192.0.2.1', noon + 2 * minute)
    assert.deepEqual(one.seconds, [])
  })

  test('are at most 10,000, and a day later they have not come because of it', () => {
    const { reconnects, seconds } = worker()
    for (let i = 0; i < 10_050; i++) reconnects.told(`client ${i}`, noon)
    assert.equal(reconnects.waiting, 10_000)
    reconnects.came('client 0', noon + 1)
    reconnects.came('client 10000', noon + day + 1)
    assert.deepEqual(seconds, [])
  })
})
