// Thousands of connections that say nothing: they are accepted, cost little, and are forgotten when they have gone. `npm run bench -- arrive hold` prints figures.
// Runs alone: it measures memory.
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { after, before, describe, test } from 'node:test'
import { type GatewayProcess, startGatewayProcess } from '../peers/gateway.ts'
import { unless } from '../peers/require.ts'
import { gatewayFlags } from '../laboratory/gateway-flags.ts'
import { reportingFlags } from '../laboratory/reported.ts'
import { type CrowdOutcome, silentCrowd, silentSpec, type Waiting } from '../laboratory/silent-crowd.ts'

/** A gateway takes half as many as it has descriptors, since each may be relayed; CI has 20,000. */
const clients = 9000
const places: readonly Waiting[] = ['greet wait', 'dummy engine']

/** A client takes two descriptors at most, and up to 256 are kept for the gateway itself. Node raises the soft limit by itself. */
function tooFewFiles(): string | false {
  const limit = execFileSync('sh', ['-c', 'ulimit -Hn'], { encoding: 'utf8' }).trim()
  const needed = 2 * clients + 256
  return limit === 'unlimited' || Number(limit) >= needed ? false : `needs ${needed} open files, and the hard limit is ${limit}`
}

for (const place of places) {
  describe(`${clients} silent clients in the ${place}`, { skip: unless('loopback') || tooFewFiles() }, () => {
    let gateway: GatewayProcess
    let first: CrowdOutcome
    let second: CrowdOutcome

    before(async () => {
      gateway = await startGatewayProcess({ spec: silentSpec(place), nodeFlags: [...gatewayFlags, ...reportingFlags] })
      first = await silentCrowd(gateway, clients, 'end')
      second = await silentCrowd(gateway, clients, 'reset')
    })

    after(() => gateway?.stop())

    test('they are accepted within seconds, and none is closed', () => {
      assert.ok(first.acceptedMs < 30_000, `it took ${first.acceptedMs} ms`)
      assert.equal(first.sentAway + second.sentAway, 0)
    })

    test('each takes at most 8 kB', () => {
      assert.ok(first.bytesEach <= 8192, `${first.bytesEach} bytes each`)
    })

    test('they leave no session, socket, timer or file behind', () => {
      assert.deepEqual([first.left, second.left], [{}, {}])
    })

    test('as many again take no further memory', () => {
      const grown = (second.residentBytesAfter - first.residentBytesAfter) / clients
      assert.ok(grown < 1024, `${grown} bytes each`)
      assert.ok(second.keptHeapBytes < 400 * clients, `${second.keptHeapBytes} bytes of objects are kept`)
    })
  })
}
