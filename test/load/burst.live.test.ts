// A burst of clients that are on three DNSBLs of a real rbldnsd: no client passes, and none is lost.
// `npm run bench -- dnsbl` also runs a real postscreen for comparison.
// Runs alone: it takes both cores.
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { type GatewayProcess, startGatewayProcess } from '../peers/gateway.ts'
import { type Rbldnsd, startRbldnsd } from '../peers/rbldnsd.ts'
import { unless } from '../peers/require.ts'
import { burst, type BurstOutcome, burstSpec } from '../laboratory/burst.ts'
import { gatewayFlags } from '../laboratory/gateway-flags.ts'
import { type MailSink, startMailSink } from '../laboratory/mail-sink.ts'
import { lists } from '../laboratory/scripts.ts'
import { statusOf, untilQuiet } from '../laboratory/status.ts'

const clients = 2000
/** For 6,000 answers a busy machine may need seconds, and whom none has come about by the end of the wait is let through. */
const greet = { ...burstSpec.greet, wait: '8s', stressWait: '8s' }

describe('2,000 clients at once, three of four in a DNSBL', { skip: unless('rbldnsd') }, () => {
  let rbldnsd: Rbldnsd
  let sink: MailSink
  let gateway: GatewayProcess
  let outcome: BurstOutcome

  before(async () => {
    rbldnsd = await startRbldnsd()
    sink = await startMailSink('header')
    const flags = ['--backend', `127.0.0.1:${sink.port}`, '--resolver', `${rbldnsd.address}:53`]
    gateway = await startGatewayProcess({ spec: { ...burstSpec, greet }, flags, nodeFlags: gatewayFlags })
    outcome = await burst({ port: gateway.port, clients, patienceMs: 60_000 })
  })

  after(async () => {
    await gateway?.stop()
    await rbldnsd?.stop()
    sink?.stop()
  })

  test('every listed one is dropped', () => {
    assert.deepEqual(
      outcome.listed,
      { came: 1500, dropped: 1500, letThrough: 0, hanging: 0, otherwise: 0 },
      [...outcome.oddities.keys()].join(),
    )
  })

  test('every clean one reaches the mail server', () => {
    assert.deepEqual(outcome.clean, { came: 500, served: 500, hanging: 0, otherwise: 0 }, [...outcome.oddities.keys()].join())
  })

  test('no lookup is lost or left over', async () => {
    assert.deepEqual(await untilQuiet(gateway.admin), {})
    const { sites } = (await statusOf(gateway.admin)).dnsbl
    const answers = sites.map(({ site, listed, clean, error, timeout }) => ({ site, answers: listed + clean, error, timeout }))
    const want = lists.map((site) => ({ site, answers: clients, error: 0, timeout: 0 }))
    assert.deepEqual(
      answers.toSorted((a, b) => a.site.localeCompare(b.site)),
      want,
    )
  })
})
