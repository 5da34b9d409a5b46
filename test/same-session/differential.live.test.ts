// Random valid dialogues straight to a Postfix and through a gateway that continues the session there: from RCPT on clients hear the same, and the
// messages are the same. Thousands of them are played by a command: see run-differential.ts.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { unless } from '../peers/require.ts'
import { runDifferential } from './differential.ts'
import { variants } from './postfix-variants.ts'

const skip = unless('postfix', 'openssl')
/** The same dialogues every time, unless SEED asks for others. */
const seed = Number(process.env['SEED'] ?? 1)

for (const { manner, count, only, what } of [
  { manner: 'strict', count: 140, only: Object.keys(variants), what: 'without TLS' },
  { manner: 'loose', count: 60, only: ['plain', 'strict'], what: 'that do not wait for replies' },
  { manner: 'tls', count: 30, only: ['plain', 'few-recipients'], what: 'with the TLS of Postfix' },
] as const) {
  test(`${count} random dialogues ${what} (seed ${seed}) are the same from the gateway as from Postfix`, { skip }, async () => {
    const { played, messages, differences } = await runDifferential({ count, seed, manner, only, atOnce: 6 })
    const commands = differences.map(({ variant, number, direct, through }) => ({
      again: `node test/same-session/run-differential.ts --seed ${seed} --manner ${manner} --variant ${variant} --number ${number}`,
      direct,
      through,
    }))
    assert.deepEqual(commands, [])
    assert.equal(played, count)
    assert.ok(messages > count / 4, 'most dialogues deliver a message')
  })
}
