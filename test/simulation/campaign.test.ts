// What `simulate` predicts is what the core then does with the same clients, under random pairs of policies. The whole
// proof is by command: see run.ts.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { campaign } from './campaign.ts'

/** The same every time, unless SEED asks for others. */
const seed = Number(process.env['SEED'] ?? 1)

test(`under 24 random pairs of policies (seed ${seed}), the prediction is what happens, except where it is not known`, () => {
  const differences: string[] = []
  const result = campaign({ pairs: 24, sessions: 250, seed }, (pair, text) =>
    differences.push(`${text}; again: node test/simulation/run.ts --seed ${seed} --sessions 250 --pair ${pair}`),
  )
  assert.deepEqual(differences, [])
  assert.equal(result.different + result.changedByOwnPolicy, 0)
  // A simulation that knows nothing is never wrong.
  const all = result.equal + result.unknown
  assert.ok(result.equal > all * 0.35, `only ${result.equal} of ${all} verdicts are known`)
  assert.ok(result.unknownByOwnPolicy < all * 0.05, `${result.unknownByOwnPolicy} of ${all} verdicts are not known under the same policy`)
})
