// Accepted remarks: every entry has a reason, and what no longer occurs is reported.
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { type Acceptance, acceptedRemarks, judge } from './accepted.ts'
import type { Finding } from './finding.ts'
import { linters } from './linters.ts'

const remark = (rule: string, where: string, message = 'text'): Finding => ({ linter: 'hadolint', rule, where, input: 'a', message })
const entry = (part: Partial<Acceptance>): Acceptance => ({ remarks: ['hadolint DL1'], reason: 'because', ...part })
const ran = new Set(['hadolint'])

describe('the list of the project', () => {
  test('has entries with a reason, and names linters that exist', () => {
    const names = new Set(linters.map(({ name }) => name))
    assert.ok(acceptedRemarks().length > 10)
    for (const { remarks, reason, ...rest } of acceptedRemarks()) {
      assert.match(reason, /^.{20,}\.$/s, JSON.stringify(remarks))
      assert.ok(remarks.length > 0)
      for (const one of remarks) assert.match(one, /^\S+ \S+$/)
      for (const one of remarks) assert.ok(names.has(one.split(' ')[0] ?? ''), one)
      assert.deepEqual(
        Object.keys(rest).filter((key) => key !== 'where' && key !== 'message'),
        [],
      )
    }
  })
})

describe('a remark', () => {
  test('that no entry covers is refused', () => {
    const findings = [remark('DL1', 'a'), remark('DL2', 'a')]
    assert.deepEqual(judge(findings, [entry({})], ran), { refused: [findings[1]], accepted: 1, unused: [] })
  })

  test('of another object, or with another text, is refused', () => {
    const findings = [remark('DL1', 'Pod/a'), remark('DL1', 'Pod/ab'), remark('DL1', 'Pod/a', 'other')]
    const { refused } = judge(findings, [entry({ where: ['Pod/a'], message: '^text$' })], ran)
    assert.deepEqual(refused, findings.slice(1))
  })

  test('of another linter with the same rule is refused', () => {
    const findings = [{ ...remark('DL1', 'a'), linter: 'checkov' }]
    assert.deepEqual(judge(findings, [entry({})], new Set(['checkov'])).refused, findings)
  })
})

describe('an accepted remark that no longer occurs is reported', () => {
  test('in any object', () => {
    assert.deepEqual(judge([], [entry({})], ran).unused, ['hadolint DL1'])
  })

  test('when it is one of several', () => {
    const list = [entry({ remarks: ['hadolint DL1', 'hadolint DL2'] })]
    assert.deepEqual(judge([remark('DL2', 'a')], list, ran).unused, ['hadolint DL1'])
  })

  test('in one of several objects', () => {
    const list = [entry({ where: ['Pod/a', 'Pod/b'] })]
    assert.deepEqual(judge([remark('DL1', 'Pod/b')], list, ran).unused, ['hadolint DL1 at Pod/a'])
  })

  test('but not if its linter did not run', () => {
    assert.deepEqual(judge([], [entry({ where: ['Pod/a'] })], new Set(['checkov'])).unused, [])
  })
})
