// The scenarios as a whole: no two get in each other's way, none is unfinished, and every pitfall of postscreen's history has its case.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { configurations } from '../differential/configurations.ts'
import { sharedPolicies } from '../support/policy-file.ts'
import { allScenarios } from '../support/scenarios.ts'
import { addressesOf } from '../support/session-file.ts'

const scenarios = allScenarios()

test('no client address is used by two scenarios under one policy', () => {
  const users = Map.groupBy(
    scenarios.flatMap((scenario) => addressesOf(scenario).map((address) => ({ key: `${scenario.policy} ${address}`, name: scenario.name }))),
    ({ key }) => key,
  )
  const shared = [...users].filter(([, all]) => all.length > 1).map(([key, all]) => `${key}: ${all.map(({ name }) => name).join(', ')}`)
  assert.deepEqual(shared, [])
})

test('no two scenarios show the same by their first line', () => {
  const seen = Map.groupBy(scenarios, ({ what }) => what)
  assert.deepEqual([...seen].filter(([, all]) => all.length > 1).map(([what]) => what), [])
})

test('nothing in a scenario waits to be filled in', () => {
  assert.deepEqual(scenarios.filter(({ lines }) => lines.includes('    ?')).map(({ name }) => name), [])
})

test('every policy is used, and every policy that is used exists', () => {
  const used = new Set([...scenarios.map(({ policy }) => policy), ...configurations.map(({ policy }) => policy)])
  assert.deepEqual([...used].toSorted(), [...sharedPolicies().keys()].toSorted())
})

test('a scenario that the core does not play is not played by the gateway either, and one of them plays it unless postscreen does', () => {
  for (const { name, differs } of scenarios) {
    assert.equal(differs.has('core'), differs.has('gateway'), name)
    assert.ok(!(differs.has('postscreen') && differs.has('gateway')), name)
  }
})

/** Pitfalls of section 11 of the behaviour notes that do not concern a whole session. */
const elsewhere: Readonly<Record<string, string>> = {
  T10: 'cleaning up while serving: test/gateway/allowlist/allowlist-cleanup.test.ts',
  T14: 'a threshold below 1 is refused with the policy: test/crds',
  T15: 'answers that are not an IPv4 address: test/gateway/core/dnsbl.test.ts',
  T16: 'the grammar of reply filters: test/crds/values/reply-filter.test.ts',
  T17: 'the grammar of reply filters: test/crds/values/reply-filter.test.ts',
  T24: 'writing what has not changed: test/gateway/core/conclude.test.ts',
  T26: 'reading a record after a broken one: test/gateway/core',
  T27: 'cleanup interval 0: every scenario that the gateway plays has it',
  T28: 'tables behind proxymap: Postfix only',
  T29: 'a process that drains while the next one starts: Postfix only',
  T30: 'listening sockets passed between processes: Postfix only',
  T31: 'exclusive locks of a table: Postfix only',
  T33: 'memcache: Postfix only',
  T34: 'a stamp that is just now: test/gateway/core, where time can stand still',
  T43: 'output that the kernel does not take: Node keeps it',
  T53: 'smuggling in message data: smtpd, since no data reaches the gateway',
  T57: 'a default that is inherited: test/crds',
  T58: 'lookup errors of tables: the policy has none at run time',
}

test('every pitfall from T1 to T65 is shown by a scenario or covered elsewhere', () => {
  const shown = new Set(scenarios.flatMap(({ shows }) => shows))
  const all = Array.from({ length: 65 }, (_, index) => `T${index + 1}`)
  assert.deepEqual(all.filter((pitfall) => !shown.has(pitfall) && elsewhere[pitfall] === undefined), [])
  assert.deepEqual(Object.keys(elsewhere).filter((pitfall) => shown.has(pitfall)), [])
})
