// What the condition SPFCurrent says about the senders of a policy.
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { readReport } from '../../../operator/gateways/report.ts'
import { findingsOf } from '../../../operator/status/findings.ts'
import { spfCurrent } from '../../../operator/status/senders.ts'
import { statusOf } from '../../../operator/status/status.ts'
import { atRest } from '../observed.ts'

const since = '2026-11-30T10:00:00.000Z'
const current = { domain: 'a.test', state: 'Current', networks: 4, problem: null, held: null, leftOut: null }
const failing = (reason: string, more: object = {}) => ({
  ...current,
  state: 'Failing',
  problem: { reason, why: 'the reason in words', since },
  ...more,
})

/** The finding when each gateway has this under `spf` on its status page; undefined: it has not answered. */
function found(pages: readonly (readonly object[] | undefined)[], access: readonly object[] = [{ action: 'Permit', spf: ['a.test'] }]) {
  const base = atRest({ gateway: {}, backend: { service: { name: 'postfix', port: 25 } }, access })
  const [pod] = base.pods
  assert.ok(pod !== undefined)
  const pods = pages.map((spf, at) => ({ ...pod, name: `mx-${at}`, report: spf === undefined ? undefined : readReport({ spf }) }))
  const seen = { ...base, pods }
  const findings = findingsOf(seen)
  assert.deepEqual(findings.SPFCurrent, spfCurrent(seen))
  const finding = spfCurrent(seen)
  return finding === undefined ? { is: 'left out', message: '' } : { is: `${finding.status} ${finding.reason}`, message: finding.message }
}

describe('SPFCurrent', () => {
  test('is true when all senders are current', () => {
    assert.deepEqual(found([[current], [current]]), {
      is: 'True Current',
      message: 'The SPF records of all senders are current on 2 of 2 gateways',
    })
  })

  test('is left out of the status of a policy without senders, valid or not', () => {
    assert.equal(found([[]], []).is, 'left out')
    assert.equal(found([[]], [{ action: 'Permit', cidrs: ['192.0.2.0/24'] }]).is, 'left out')
    const without = atRest()
    const invalid = { ...without, compiled: undefined, problems: [{ path: 'spec.greet', why: 'expected an object' }] }
    for (const seen of [without, invalid]) {
      assert.equal('SPFCurrent' in findingsOf(seen), false)
      assert.deepEqual(
        statusOf(seen, findingsOf(seen), new Date(0)).conditions.filter(({ type }) => type === 'SPFCurrent'),
        [],
      )
    }
  })

  test('is unknown for a policy with senders that is not valid', () => {
    const base = atRest()
    for (const [access, is] of [
      [[{ spf: ['a.test'] }], 'Unknown'],
      [[null, 7, { spf: 'text' }], 'Unknown'],
      ['text', undefined],
      [[[], {}], undefined],
    ] as const)
      assert.equal(spfCurrent({ ...base, policy: { ...base.policy, spec: { access } }, compiled: undefined })?.status, is)
  })

  test('is unknown until the gateways have reported, and have read the records', () => {
    assert.equal(found([undefined]).is, 'Unknown NoReport')
    assert.equal(found([[]]).is, 'Unknown NoReport')
    assert.equal(found([[{ ...current, state: 'Waiting', networks: 0 }], [current]]).is, 'Unknown NotRead')
  })

  for (const reason of ['NoRecord', 'SeveralRecords', 'SyntaxError', 'PermitsAll', 'LimitReached', 'TooLarge'])
    test(`is false for a record with ${reason}, with since when, and what stays permitted`, () => {
      const { is, message } = found([[failing(reason)]])
      assert.equal(is, 'False NotCurrent')
      assert.equal(
        message,
        `a.test since ${since}: ${reason}: the reason in words; the last result stays permitted. "postscreen spf DOMAIN" shows what its record permits`,
      )
      assert.match(found([[failing(reason, { networks: 0 })]]).message, /; nothing is permitted\. /)
    })

  for (const reason of ['DNSError', 'PartlyUnread'])
    test(`${reason} counts only when nothing is permitted, or after a day`, () => {
      assert.equal(found([[failing(reason)]]).is, 'True Current')
      assert.equal(found([[failing(reason, { networks: 0 })]]).is, 'False NotCurrent')
      const stale = found([[failing(reason, { state: 'Stale' })]])
      assert.equal(stale.is, 'False NotCurrent')
      assert.match(stale.message, /not read completely for more than a day; the last result stays permitted/)
    })

  test('is false for records that permit nothing, and for networks that are left out', () => {
    assert.match(
      found([[{ ...current, state: 'Empty', networks: 0 }]]).message,
      /^a\.test: nothing is permitted: the record names no networks/,
    )
    assert.match(found([[{ ...current, state: 'NotExpandable', networks: 0 }]]).message, /all terms depend on the message or the client/)
    assert.match(found([[{ ...current, leftOut: 'all senders have too many networks' }]]).message, /all senders have too many networks/)
  })

  test('says when a large change waits, on how many gateways', () => {
    const held = { ...current, state: 'Held', held: { why: 'no network instead of 4', since, networks: 0 } }
    const { is, message } = found([[held], [current]])
    assert.equal(is, 'False ChangeHeld')
    assert.match(message, /on 1 of 2 gateways: a large change waits for a second refresh \(no network instead of 4\)/)
    assert.equal(found([[held, failing('NoRecord', { domain: 'b.test' })]]).is, 'False NotCurrent')
  })

  test('names each sender once, sorted, and at most twenty', () => {
    const many = Array.from({ length: 30 }, (_, at) => failing('NoRecord', { domain: `s${String(at).padStart(2, '0')}.test` }))
    const { message } = found([many.toReversed(), many])
    assert.match(message, /^s00\.test since .*\. s01\.test since /)
    assert.match(message, /\. and 10 more\. "postscreen spf DOMAIN"/)
  })

  test('takes nothing for granted in what a pod answers', () => {
    for (const spf of [
      'text',
      7,
      null,
      [7, null, 'x'],
      [{}],
      [{ domain: 9, state: {}, networks: '4', problem: 'x', held: [], leftOut: {} }],
    ])
      assert.doesNotThrow(() => found([spf as never]))
    assert.doesNotMatch(found([[failing('NoRecord', { domain: 'a\u001b[31m.test\n' })]]).message, /[\u001b\n]/)
  })
})
