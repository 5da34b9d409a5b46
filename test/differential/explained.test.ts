// What `explain` says of a client is what its session comes to, for random policies and clients (the command: run-explained.ts).
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { compareExplained } from './explained-clients.ts'

test('the explanation of a client and its session agree', () => {
  const { outcomes, disagreements } = compareExplained(2000, 20)
  assert.deepEqual(disagreements, [])
  // Every kind of end must be among them, or the comparison says little.
  for (const kind of [
    'handedOff',
    'handedOff in Audit',
    'refused 550 5.3.2',
    'refused 521 5.3.2',
    'refused 550 5.7.1',
    'refused 521 5.7.1',
    'deferred 450 4.3.2',
    'deferred 421 4.7.0',
    'deferred 421 4.3.2',
  ])
    assert.ok((outcomes.get(kind) ?? 0) > 5, `${kind}: ${JSON.stringify([...outcomes])}`)
})
