// Whatever the backend does, and wherever it or the client stops: no message is acknowledged that the backend has not acknowledged, and no
// recipient is refused permanently that the backend has not refused. Many more runs are made by a command: see run-property.ts.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { unless } from '../peers/require.ts'
import { runProperty } from './property.ts'

const skip = unless('loopback')
/** The same runs every time, unless SEED asks for others. */
const seed = Number(process.env['SEED'] ?? 1)
const count = 400

/** What the runs must have reached, so that they mean something. */
const wanted = [
  'RCPT 250',
  'RCPT 451',
  'RCPT 550',
  'RCPT 421',
  'DATA 354',
  'message 250',
  'BDAT 250',
  'STARTTLS 220',
  'TLS TLS',
  'client half',
  'client reset',
]

for (const sockets of ['auto', 'node'] as const) {
  test(`${count} runs (seed ${seed}) with backends that do anything, --io ${sockets}`, { skip }, async () => {
    const { runs, broken, reached } = await runProperty({ count, seed, flags: ['--io', sockets], atOnce: 16 })
    const commands = broken.map(({ run, why, dialogue }) => [
      `node test/same-session/run-property.ts --seed ${seed} --run ${run}`,
      ...why,
      ...dialogue,
    ])
    assert.deepEqual(commands, [])
    assert.equal(runs, count)
    assert.deepEqual(
      wanted.filter((what) => !reached.has(what)),
      [],
    )
  })
}
