// Every scenario against the real gateway over TCP, in processes of its own, with stand-ins for the name server and the smtpd.

import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { after, before, describe, test } from 'node:test'
import { unless } from '../peers/require.ts'
import { startGatewayListener } from '../support/gateway-listener.ts'
import type { GatewayListener } from '../support/gateway-listener.ts'
import { startNameServer } from '../support/name-server.ts'
import type { NameServer } from '../support/name-server.ts'
import { playAll, presetsOf, policiesOf, scenariosFor } from '../support/scenarios.ts'
import type { Seen } from '../support/session-file.ts'
import { withSeen } from '../support/session-file.ts'
import { startStandInSmtpd } from '../support/stand-in-smtpd.ts'
import type { StandInSmtpd } from '../support/stand-in-smtpd.ts'

const scenarios = scenariosFor('gateway')

/** A process starts faster when not all start at once. */
const startsAtOnce = 4

describe('the gateway over TCP does what the scenario says', { skip: unless('loopback', 'openssl'), concurrency: true }, () => {
  const listeners = new Map<string, GatewayListener>()
  /** Policies under which no gateway started. */
  const broken = new Map<string, Error>()
  let nameServer: NameServer
  let smtpd: StandInSmtpd
  let seen: ReadonlyMap<string, Seen | Error>

  before(async () => {
    nameServer = await startNameServer()
    smtpd = await startStandInSmtpd()
    const policies = policiesOf(scenarios).values()
    const start = async (): Promise<void> => {
      for (const policy of policies) {
        const around = { backend: `127.0.0.1:${smtpd.port}`, resolver: `127.0.0.1:${nameServer.port}`, remembered: presetsOf(scenarios, policy) }
        const started = await startGatewayListener(policy, around).catch((error: unknown) => new Error(String(error), { cause: error }))
        if (started instanceof Error) broken.set(policy.name, started)
        else listeners.set(policy.name, started)
      }
    }
    await Promise.all(Array.from({ length: startsAtOnce }, start))
    const playable = scenarios.filter((scenario) => listeners.has(scenario.policy))
    seen = await playAll(playable, (policy) => listeners.get(policy) ?? assert.fail(`no policy "${policy}"`))
  })

  after(async () => {
    await Promise.all([...listeners.values()].map((listener) => listener.stop()))
    nameServer?.stop()
    smtpd?.stop()
  })

  for (const scenario of scenarios) {
    test(scenario.what, () => {
      const result = seen.get(scenario.name)
      if (result === undefined || result instanceof Error) throw result ?? broken.get(scenario.policy) ?? new Error('was not played')
      assert.equal(withSeen(scenario, result), readFileSync(scenario.path, 'utf8'), scenario.name)
    })
  }
})
