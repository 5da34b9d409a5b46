// Since when a DNS list fails, and when it works again: one line at either end, whatever happens in between.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { DnsblVerdict } from '../../../gateway/core/dnsbl.ts'
import type { DnsblErrorKind } from '../../../gateway/core/vocabulary.ts'
import { SiteCounts } from '../../../gateway/dns/dnsbl-status.ts'

const bl = 'bl.test'
const clean: DnsblVerdict = { is: 'clean' }
const timeout: DnsblVerdict = { is: 'timeout', error: { kind: 'timeout', text: 'no answer within 6.0 s' } }
const error = (kind: DnsblErrorKind): DnsblVerdict => ({ is: 'error', error: { kind, text: kind }, codes: [] })

function bench() {
  const clock = { now: 0 }
  const said: string[] = []
  const events = {
    fails: (domain: string, { text }: { text: string }) => void said.push(`${domain} fails: ${text}`),
    worksAgain: (domain: string, seconds: number) => void said.push(`${domain} works again after ${seconds}`),
  }
  const counts = new SiteCounts(events, () => clock.now)
  const count = (...verdicts: readonly DnsblVerdict[]) => {
    for (const verdict of verdicts) {
      clock.now += 100
      counts.count(bl, verdict)
    }
  }
  return { clock, said, counts, count }
}

test('a dead list is reported once, at the third timeout', () => {
  const { said, counts, count } = bench()
  count(clean, timeout, timeout)
  assert.deepEqual(said, [])
  assert.equal(counts.isFailing(bl), false)
  count(timeout, timeout, timeout)
  assert.deepEqual(said, ['bl.test fails: no answer within 6.0 s'])
  const [site] = counts.all()
  assert.equal(site?.failing?.why, 'no answer within 6.0 s')
  assert.deepEqual([site.clean, site.timeout, site.error], [1, 5, 0])
})

for (const kind of ['code', 'notAList', 'refused'] as const) {
  test(`an error of the kind ${kind} is deliberate, and reported at once`, () => {
    const { said, count } = bench()
    count(error(kind), error(kind))
    assert.deepEqual(said, [`bl.test fails: ${kind}`])
  })
}

for (const kind of ['malformed', 'servfail', 'unreachable', 'local'] as const) {
  test(`an error of the kind ${kind} may concern one question: the third in a row is reported`, () => {
    const { said, count } = bench()
    count(error(kind), error(kind), clean, error(kind), error(kind))
    assert.deepEqual(said, [])
    count(error(kind))
    assert.deepEqual(said, [`bl.test fails: ${kind}`])
  })
}

test('it works again with an answer and ten seconds without a failure, also when no further question comes', () => {
  const { said, counts, count, clock } = bench()
  count(timeout, timeout, timeout, clean)
  assert.equal(counts.isFailing(bl), true)
  clock.now = 10_301
  assert.equal(counts.all()[0]?.failing, undefined)
  assert.deepEqual(said.slice(1), ['bl.test works again after 10.001'])
})

test('an error that answers, such as an error code, does not end it', () => {
  const { counts, count, clock } = bench()
  count(error('code'))
  clock.now = 20_000
  assert.notEqual(counts.all()[0]?.failing, undefined)
})

test('a list that fails for every second question fills no log', () => {
  const { said, count } = bench()
  count(error('code'))
  for (let i = 0; i < 1000; i++) count(clean, error('servfail'))
  assert.deepEqual(said, ['bl.test fails: code'])
})

test('a list that leaves the policy no longer fails', () => {
  const { counts, count } = bench()
  count(error('code'))
  counts.keep(new Set(['other.test']))
  assert.equal(counts.isFailing(bl), false)
})

test('sites of former policies are removed, the oldest first', () => {
  const { counts } = bench()
  for (let i = 0; i < 1500; i++) counts.count(`list${i}.test`, error('code'))
  assert.deepEqual([counts.all().length, counts.all()[0]?.domain], [1000, 'list500.test'])
})
