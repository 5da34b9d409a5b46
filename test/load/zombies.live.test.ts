// Silent zombies keep their connections while good clients deliver, with the gateway and with a real smtpd alone.
// `npm run bench -- zombies` has a real postscreen too.
// Runs alone: it compares how fast clients are served.
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { type GatewayProcess, startGatewayProcess } from '../peers/gateway.ts'
import { type Postfix, startPostfix } from '../peers/postfix.ts'
import { unless } from '../peers/require.ts'
import { gatewayFlags } from '../laboratory/gateway-flags.ts'
import { zombieHour, zombieSpec } from '../laboratory/zombies.ts'

const hour = { zombies: 2000, goodClients: 40 }

describe('2,000 mute zombies hold connections while 40 good clients deliver', { skip: unless('postfix') }, () => {
  let postfix: Postfix
  let gateway: GatewayProcess

  before(async () => {
    postfix = await startPostfix()
    const flags = ['--backend', `127.0.0.1:${postfix.ports.get('smtpd-proxy')}`]
    gateway = await startGatewayProcess({ spec: zombieSpec, flags, nodeFlags: gatewayFlags })
  })

  after(async () => {
    await gateway?.stop()
    await postfix?.stop()
  })

  test("at Postfix's smtpd alone, with 200 processes: no good client is served", async () => {
    const { delivered } = await zombieHour({
      ...hour,
      port: postfix.ports.get('smtpd') ?? 0,
      everyMs: 0,
      patienceMs: 3000,
      zombiesGreeted: 200,
    })
    assert.equal(delivered, 0)
  })

  test('at the gateway in front of it: all good clients are served while the zombies stay', async () => {
    const { delivered, failures, zombiesLeft } = await zombieHour({
      ...hour,
      port: gateway.port,
      everyMs: 25,
      patienceMs: 30_000,
      zombiesGreeted: 2000,
    })
    assert.deepEqual({ delivered, failures, zombiesLeft }, { delivered: 40, failures: new Map(), zombiesLeft: 2000 })
  })
})
