// Random dialogues against a real postscreen and the gateway at the same time: what clients see and what is logged must be equal.
// The whole proof, thousands of them, is by command: see run.ts.
// Runs alone: a real postscreen and the gateway get each line at the same moment.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { unless } from '../peers/require.ts'
import { runCampaign } from './campaign.ts'
import type { CampaignResult } from './campaign.ts'

const skip = unless('postfix', 'rbldnsd', 'openssl')
const count = 330

/** The same dialogues every time, unless SEED asks for others. */
const seed = Number(process.env['SEED'] ?? 1)

test(`${count} random dialogues (seed ${seed}) come out the same from postscreen and from the gateway`, { skip }, async () => {
  assert.equal(report(await runCampaign({ count, seed, opponent: 'gateway', atOnce: 32 })), '')
})

test(
  `72 random dialogues under six random configurations, imported from main.cf (seed ${seed}), come out the same`,
  {
    skip,
  },
  async () => {
    const result = await runCampaign({ count: 72, seed, opponent: 'gateway', atOnce: 32, randomConfigurations: 6 })
    assert.equal(report(result, ' --random-configs 6'), '')
  },
)

test('a real postscreen is equal to itself, so that a difference means something', { skip }, async () => {
  assert.equal(report(await runCampaign({ count: 110, seed, opponent: 'postscreen', atOnce: 32 })), '')
})

/** What differed, each with the command that repeats it; empty when nothing did. Differences that do not last are the machine's. */
function report({ differences }: CampaignResult, flags = ''): string {
  const lasting = differences.filter((difference) => difference.again)
  return lasting
    .map(({ configuration, number, left, right }) => {
      const command = `node test/differential/run.ts --seed ${seed}${flags} --config ${configuration} --number ${number}`
      return `${command}\n--- postscreen\n${left}\n+++ the other\n${right}`
    })
    .join('\n')
}
