// What a running gateway explains of a client is what the client experiences (the command: run-explained.ts --gateway).
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { unless } from '../peers/require.ts'
import { compareGateway } from './explained-gateway.ts'

test('the explanation of a gateway and the experience of its clients agree', { skip: unless('loopback') }, async () => {
  const { outcomes, disagreements } = await compareGateway(400, 3)
  assert.deepEqual(disagreements, [])
  for (const outcome of ['handedOff', 'refused', 'deferred'])
    assert.ok(
      [...outcomes.keys()].some((kind) => kind.startsWith(outcome)),
      outcome,
    )
})
