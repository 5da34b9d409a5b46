// Every scenario against the core alone, with time as an argument. (What begins with a PROXY header begins before the core.)

import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { isForCore, playCore } from '../support/play-core.ts'
import { sharedPolicies } from '../support/policy-file.ts'
import { scenariosFor } from '../support/scenarios.ts'
import { withSeen } from '../support/session-file.ts'

const policies = sharedPolicies()

for (const scenario of scenariosFor('core')) {
  const policy = policies.get(scenario.policy)
  if (policy !== undefined && !isForCore(policy)) continue
  test(scenario.what, () => {
    assert.ok(policy !== undefined, `there is no policy "${scenario.policy}"`)
    assert.equal(withSeen(scenario, playCore(scenario, policy)), readFileSync(scenario.path, 'utf8'), scenario.name)
  })
}
