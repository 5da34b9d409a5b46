// Every scenario against the real gateway over TCP, in processes of its own, with stand-ins for the name server and the smtpd.
// Runs first: it takes most of a minute.

import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { before, describe, test } from 'node:test'
import { unless } from '../peers/require.ts'
import { startGatewayListener } from '../support/gateway-listener.ts'
import type { GatewayListener } from '../support/gateway-listener.ts'
import { startNameServer } from '../support/name-server.ts'
import type { Scenario } from '../support/scenarios.ts'
import { playAll, playSteadily, presetsOf, policiesOf, scenariosFor } from '../support/scenarios.ts'
import type { Seen } from '../support/session-file.ts'
import { withSeen } from '../support/session-file.ts'
import { startStandInSmtpd } from '../support/stand-in-smtpd.ts'

const scenarios = scenariosFor('gateway')

/** A process starts faster when not all start at once. */
const startsAtOnce = 4

describe('the gateway over TCP does what the scenario says', { skip: unless('loopback', 'openssl'), concurrency: true }, () => {
  let seen: ReadonlyMap<string, Seen | Error>

  before(async () => {
    seen = await playSteadily(scenarios, play)
  })

  for (const scenario of scenarios) {
    test(scenario.what, () => {
      const result = seen.get(scenario.name)
      if (result === undefined || result instanceof Error) throw result ?? new Error('was not played')
      assert.equal(withSeen(scenario, result), readFileSync(scenario.path, 'utf8'), scenario.name)
    })
  }
})

/** One round: a gateway for every policy that one of the scenarios uses, with a name server and an smtpd of their own. */
async function play(round: readonly Scenario[]): Promise<ReadonlyMap<string, Seen | Error>> {
  const nameServer = await startNameServer()
  const smtpd = await startStandInSmtpd()
  const listeners = new Map<string, GatewayListener | Error>()
  const policies = policiesOf(round).values()
  const start = async (): Promise<void> => {
    for (const policy of policies) {
      const around = { backend: `127.0.0.1:${smtpd.port}`, resolver: `127.0.0.1:${nameServer.port}`, remembered: presetsOf(round, policy) }
      listeners.set(policy.name, await startGatewayListener(policy, around).catch((error: unknown) => new Error(String(error), { cause: error })))
    }
  }
  try {
    await Promise.all(Array.from({ length: startsAtOnce }, start))
    const started = new Map([...listeners].filter((entry): entry is [string, GatewayListener] => !(entry[1] instanceof Error)))
    const playable = round.filter((scenario) => started.has(scenario.policy))
    const seen = await playAll(playable, (policy) => started.get(policy) ?? assert.fail(`no policy "${policy}"`))
    return new Map(round.map(({ name, policy }) => [name, seen.get(name) ?? notPlayed(listeners.get(policy))]))
  } finally {
    for (const listener of listeners.values()) if (!(listener instanceof Error)) await listener.stop()
    nameServer.stop()
    smtpd.stop()
  }
}

function notPlayed(listener: GatewayListener | Error | undefined): Error {
  return listener instanceof Error ? listener : new Error('was not played')
}
