// What one of two mail servers that fails in every way costs the clients of a gateway. `npx node test/reliability/run.ts backends` runs longer.
// Runs first: it takes half a minute.
import assert from 'node:assert/strict'
import { before, describe, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { unless } from '../peers/require.ts'
import type { BackendFault } from './backend-faults.ts'
import { runInOwnNetwork } from './own-network.ts'

const program = fileURLToPath(new URL('run.ts', import.meta.url))
/** What a busy machine may add, besides standing still: the long form holds the promise to the letter. */
const slackMs = 3000

describe('one of two mail servers fails in every way while clients come', { skip: unless('nft') }, () => {
  let faults: readonly BackendFault[]
  before(async () => {
    const { printed } = await runInOwnNetwork([program, 'backends', '--rate', '100', '--seconds', '2', '--json'], 'kept')
    faults = JSON.parse(printed) as readonly BackendFault[]
  })

  test('no client is refused or lost', () => {
    assert.ok(faults.length > 5)
    assert.deepEqual(
      faults.filter(({ wrong }) => Object.keys(wrong).length > 0),
      [],
    )
  })

  test('clients of the first second are at the other one after a second', () => {
    const late = faults.filter(({ inFirstSecond, pausedMs }) => inFirstSecond.longest > 1000 + slackMs + pausedMs)
    assert.deepEqual(late, [])
  })

  test('later clients go to the other one at once', () => {
    const late = faults.filter(({ later }) => later.p50 > 500 + slackMs)
    assert.deepEqual(late, [])
  })
})
