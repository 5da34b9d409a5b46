// The state of the operator's live page: policies as kubectl postscreen status shows them, and the sessions of their gateways.
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { KubeObject } from '../../../operator/kube/object.ts'
import { addHours, type HourReport, minuteMs, minutesKept, readHour } from '../../../operator/live/hour-report.ts'
import { operatorState } from '../../../operator/live/operator-state.ts'
import { OperatorPages } from '../../../operator/live/operator-pages.ts'
import { RecentEvents } from '../../../operator/live/recent-events.ts'
import { pods, policies } from '../../cli/cluster/scene.ts'

const at = Date.parse('2026-12-01T10:17:20Z')
const minute = Math.floor(at / minuteMs) * minuteMs
const outcomes = ['known', 'new', 'pregreet', 'hangup']

/** The same counts in every minute. */
const hour = (row: readonly number[], names = outcomes, lastMinute = minute): HourReport => ({
  version: '0.2.0',
  outcomes: names,
  lastMinute,
  minutes: Array.from({ length: minutesKept }, () => row),
})

const facts = {
  version: '0.2.0',
  identity: 'postscreen-operator-1',
  namespaces: [],
  startedAt: at - 60_000,
  leadsSince: at - 30_000,
  lease: 'postscreen-system/postscreen-operator',
  heardAt: at,
  waiting: 0,
  passes: { count: 3, failed: 0, meanMs: 4 },
  changes: 2,
  requests: { count: 9, failed: 0 },
  memoryBytes: 1,
}
/** Each with an address of its own. */
const placed = pods.map((pod, i): KubeObject => {
  const status = pod['status'] as { readonly podIP?: string }
  return { ...pod, status: { ...status, ...(status.podIP !== undefined && { podIP: `10.9.0.${i + 1}` }) } }
})
const watched = policies.map((policy) => ({
  policy,
  pods: placed.filter(({ metadata }) => metadata.namespace === policy.metadata.namespace),
}))

const state = (hourOf: (address: string | undefined) => HourReport | undefined) =>
  operatorState({ at, facts, watched, hourOf, events: [], viewers: { now: 1, most: 20 } })

describe('the state', () => {
  test('has every policy with its verdict and what needs attention, in the order of their names', () => {
    const { policies: shown } = state(() => undefined)
    assert.deepEqual(
      shown.map(({ namespace, name, verdict }) => `${namespace}/${name} ${verdict.word}`),
      policies
        .map(({ metadata }) => `${metadata.namespace}/${metadata.name}`)
        .toSorted()
        .map((key) => `${key} ${shown.find((one) => `${one.namespace}/${one.name}` === key)?.verdict.word}`),
    )
    const shop = shown.find(({ namespace }) => namespace === 'shop')
    assert.equal(shop?.verdict.word, 'Unreachable')
    assert.match(shop?.attention[0]?.sentence ?? '', /ECONNREFUSED/)
    assert.equal(shop?.hour, undefined, 'nothing is known of its sessions')
  })

  test('adds up the sessions of all gateways, and of those of each policy', () => {
    const { hour: sum, outcomes: names, policies: shown } = state((address) => (address === undefined ? undefined : hour([1, 2, 4, 8])))
    const gateways = shown.flatMap((one) => one.gateways).filter(({ sessions }) => sessions !== undefined).length
    assert.ok(gateways > 1)
    assert.deepEqual(names, outcomes)
    assert.deepEqual(
      sum.minutes.at(-2),
      [1, 2, 4, 8].map((count) => count * gateways),
    )
    const one = shown.find((policy) => policy.hour !== undefined)
    const own = one?.gateways.filter(({ sessions }) => sessions !== undefined).length ?? 0
    assert.deepEqual(one?.hour?.at(-2), [3 * own, 4 * own, 15 * own], 'handed off, refused, all')
    assert.equal(one?.gateways.find(({ sessions }) => sessions !== undefined)?.sessions, 15)
  })
})

describe('the hours of gateways', () => {
  test('are added by the name of the outcome, and moved to the present minute', () => {
    const other = { ...hour([5, 7], ['pregreet', 'comeBack'], minute - minuteMs), version: '0.1.0' }
    const { outcomes: names, minutes } = addHours([hour([1, 2, 4, 8]), other], at)
    assert.deepEqual(names, [...outcomes, 'comeBack'])
    assert.deepEqual(minutes.at(-1), [1, 2, 4, 8, 0], 'the other gateway has not begun this minute')
    assert.deepEqual(minutes.at(-2), [1, 2, 9, 8, 7])
  })

  const good = { version: '0.2.0', outcomes, hour: { lastMinute: minute, minutes: hour([1, 2, 3, 4]).minutes } }
  test('are read from the page of a gateway', () => assert.deepEqual(readHour(good, at), hour([1, 2, 3, 4])))

  const wrong: readonly (readonly [string, unknown])[] = [
    ['no page', undefined],
    ['another program', { hello: 1 }],
    ['no session counted yet', { ...good, hour: null }],
    ['too few minutes', { ...good, hour: { ...good.hour, minutes: [[1, 2, 3, 4]] } }],
    ['a row of another length', { ...good, outcomes: ['known'] }],
    ['a count that is not a number', { ...good, hour: { ...good.hour, minutes: good.hour.minutes.map(() => [1, 2, 3, '4']) } }],
    ['a negative count', { ...good, hour: { ...good.hour, minutes: good.hour.minutes.map(() => [1, 2, 3, -4]) } }],
    ['a clock that is days off', { ...good, hour: { ...good.hour, lastMinute: minute - 86_400_000 } }],
    ['very many outcomes', { ...good, outcomes: Array.from({ length: 1000 }, String) }],
  ]
  for (const [what, page] of wrong) test(`are left out: ${what}`, () => assert.equal(readHour(page, at), undefined))
})

describe('the pages', () => {
  const pagesOf = (page: (address: string, path: string) => unknown) =>
    new OperatorPages({
      page: async (address, path) => page(address, path),
      now: () => at,
      facts: () => facts,
      watched: () => watched,
      events: () => [],
    })

  test('/live asks each gateway once in ten seconds', async () => {
    const asked: string[] = []
    const live = pagesOf((address, path) => {
      asked.push(`${address}${path}`)
      return { version: '0.2.0', outcomes, hour: { lastMinute: minute, minutes: hour([1, 0, 0, 0]).minutes } }
    })
    await live.page()
    const once = asked.length
    assert.ok(once > 1 && new Set(asked).size === once && asked.every((one) => one.endsWith('/live/hour')))
    const { text } = await live.page()
    assert.equal(asked.length, once)
    assert.match(text, /"version":"0\.2\.0"/)
  })

  test('/explain gives the verdict of one gateway of each policy', async () => {
    const sentence = '192.0.2.1 is handed off'
    const live = pagesOf((_, path) => {
      assert.equal(path, '/explain?address=192.0.2.1')
      return { address: { verdict: { outcome: 'handedOff', sentence } } }
    })
    const { code, text } = await live.explain(new URLSearchParams({ address: '192.0.2.1' }))
    assert.equal(code, 200)
    const { policies: answers } = JSON.parse(text) as { policies: Record<string, string>[] }
    assert.equal(answers.length, policies.length)
    assert.ok(
      answers.some((one) => one['sentence'] === sentence) && answers.some((one) => one['why'] === 'no gateway of the operator runs'),
    )
  })

  for (const address of ['', 'x', '1.2.3', '192.0.2.1/24/8', '192.0.2.1/x', 'mx.example.com'])
    test(`/explain refuses ${JSON.stringify(address)}`, async () => {
      const { code } = await pagesOf(() => assert.fail('no gateway is asked')).explain(new URLSearchParams({ address }))
      assert.equal(code, 400)
    })
})

test('the last events are kept, and passed on', () => {
  const passed: string[] = []
  const events = new RecentEvents({ record: (_, { reason }) => void passed.push(reason) }, () => at)
  const policy: KubeObject = policies[0]!
  for (let i = 0; i < 60; i++) events.record(policy, { type: 'Normal', reason: `R${i}`, action: 'Reconcile', note: '' })
  assert.equal(passed.length, 60)
  assert.equal(events.list().length, 50)
  assert.equal(events.list()[0]?.reason, 'R59')
})
