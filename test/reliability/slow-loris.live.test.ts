// Slow-loris clients stay connected to a gateway: a client of the access list is greeted as usual.
// `npx node test/reliability/run.ts loris` has as many of them as the limit of open files allows.
import assert from 'node:assert/strict'
import { before, describe, test } from 'node:test'
import { openFilesLimit } from '../laboratory/open-files-limit.ts'
import { unless } from '../peers/require.ts'
import { slowLoris, type SlowLorisOutcome } from './slow-loris.ts'

const lorises = 3000
const tooFewFiles =
  openFilesLimit() > 2 * lorises + 600 ? false : `needs ${2 * lorises + 600} open files, and the hard limit is ${openFilesLimit()}`

describe(`${lorises} clients say their commands letter by letter`, { skip: unless('loopback') || tooFewFiles }, () => {
  let outcome: SlowLorisOutcome
  before(async () => {
    outcome = await slowLoris({ lorises, seconds: 5, everyMs: 2000, goodPerSecond: 40 })
  })

  test('all of them are there, and stay', () => assert.deepEqual(outcome.lorises, [lorises, lorises]))

  test('every good client is served', () =>
    assert.deepEqual(outcome.good, { came: outcome.good.came, served: outcome.good.came, wrong: {} }))

  test('every good client is greeted without a wait', () => {
    const { greetingMs, pausedMs } = outcome
    assert.ok(greetingMs.p50 < 500 && greetingMs.p99 < 1000 + pausedMs, JSON.stringify({ greetingMs, pausedMs }))
  })
})
