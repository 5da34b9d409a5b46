// Logs of real servers, simulated: that of a postscreen and that of a gateway over TCP. Under its own policy nothing
// changes, and under another one the prediction is what a gateway with that policy then does with the same clients.
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { LineReader } from '../../cli/simulate/line-reader.ts'
import type { Verdict } from '../../cli/simulate/outcome.ts'
import type { Replayed } from '../../cli/simulate/replayed-session.ts'
import { Simulation } from '../../cli/simulate/simulation.ts'
import type { Rules } from '../../gateway/core/rules.ts'
import { randomDialogue } from '../differential/dialogue.ts'
import { seeded } from '../differential/random.ts'
import { startGatewayProcess } from '../peers/gateway.ts'
import { freeNameServerAddress } from '../peers/loopback.ts'
import { startPostfix } from '../peers/postfix.ts'
import { unless } from '../peers/require.ts'
import { startNameServer } from '../support/name-server.ts'
import { type Listener, playLive } from '../support/play-live.ts'
import { rulesOf } from '../support/play-core.ts'
import { type SharedPolicy, sharedPolicies } from '../support/policy-file.ts'
import { postscreen } from '../support/postscreen-listener.ts'
import { parseSession } from '../support/session-file.ts'
import { ClientLog } from '../support/client-log.ts'

const policies = sharedPolicies()
const dialogues = 60

/** Clients that no list, one light list or two lists know, and those of the access list. */
const networks = [
  [4, '127.50'],
  [2, '127.40'],
  [1, '127.41'],
  [1, '127.60'],
  [1, '127.61'],
] as const
/** Those for which a list vouches: whether it does so before they talk may be different each time. */
const vouchedFor = [...networks, [1, '127.42']] as const

function shared(name: string): SharedPolicy {
  const policy = policies.get(name)
  if (policy === undefined) throw new Error(`no policy ${name}`)
  return policy
}

/** The same dialogues each time, each from an address of its own. */
async function playAll(policy: string, listener: Listener, from: readonly (readonly [number, string])[]): Promise<void> {
  const profile = { policy, greetWait: true, tls: false, remembers: false, lineLengthLimit: 2048, networks: from }
  const texts = Array.from({ length: dialogues }, (_, number) => randomDialogue(seeded(3, number), profile, number, 0))
  await Promise.all(texts.map((text) => playLive(parseSession(text), listener)))
  // The last lines of sessions whose clients have left.
  await sleep(2500)
}

interface Simulated {
  readonly sessions: number
  readonly known: number
  readonly changes: readonly string[]
  /** By address: the verdicts of its sessions, in the log and predicted. */
  readonly byAddress: ReadonlyMap<string, readonly { readonly before: Verdict | undefined; readonly after: Replayed }[]>
}

function simulated(log: string, rules: Rules, old: Rules | undefined): Simulated {
  const world = (of: Rules) => ({ rules: of, isLocal: true, isWrittenByOthers: false, hasOtherKeys: false })
  const byAddress = new Map<string, { before: Verdict | undefined; after: Replayed }[]>()
  const changes: string[] = []
  let sessions = 0
  let known = 0
  const simulation = new Simulation({ policy: world(rules), old: old === undefined ? undefined : world(old) }, (session, _, after) => {
    const before = session.verdict()
    sessions++
    const { address } = session.client
    byAddress.set(address, [...(byAddress.get(address) ?? []), { before, after }])
    if (before === undefined || 'unknown' in after) return
    known++
    if (before.outcome !== after.outcome) changes.push(`${address}: ${before.outcome} -> ${after.outcome} ${after.by ?? before.by ?? ''}`)
  })
  const reader = new LineReader(Date.now())
  for (const line of log.split('\n')) {
    const item = reader.read(line)
    if (item !== undefined) simulation.take(item)
  }
  simulation.finish()
  return { sessions, known, changes, byAddress }
}

describe('the log of a real postscreen under its own policy', { skip: unless('postfix'), concurrency: 3 }, () => {
  for (const name of ['early-enforce', 'early-drop', 'all-enforced']) {
    test(`does not change: ${name}`, async () => {
      const nameServer = await startNameServer(await freeNameServerAddress(), 53)
      const { postfix: mainCf } = shared(name)
      const postfix = await startPostfix({ nameServer: nameServer.address, screens: [{ name: 'screen', mainCf }] })
      try {
        await playAll(name, postscreen(postfix, 'screen'), vouchedFor)
        const log = readFileSync(join(postfix.folder, 'log/mail.log'), 'latin1')
        const rules = rulesOf(shared(name))
        for (const old of [undefined, rules]) {
          const { sessions, known, changes } = simulated(log, rules, old)
          assert.deepEqual(changes, [])
          assert.ok(sessions >= dialogues, `${sessions} sessions`)
          if (old !== undefined) assert.ok(known > 0, 'no session is known')
        }
      } finally {
        await postfix.stop()
        nameServer.stop()
      }
    })
  }
})

/** The JSON log of a gateway with the policy, after the dialogues. */
async function logOfGateway(
  name: string,
  nameServer: { readonly address: string; readonly port: number },
  backend: string,
): Promise<string> {
  const spec = { hostname: 'mx.example.test', ...shared(name).policy }
  const flags = ['--listen', '0.0.0.0:0', '--resolver', `${nameServer.address}:${nameServer.port}`, '--backend', backend]
  const gateway = await startGatewayProcess({ spec, flags, logFormat: 'json' })
  try {
    const listener = { port: gateway.port, log: new ClientLog(() => []), remembered: () => Promise.resolve(undefined) }
    await playAll(name, listener, networks)
    return gateway.output()
  } finally {
    await gateway.stop()
  }
}

describe('the log of a gateway over TCP', { skip: unless('postfix') }, () => {
  test('does not change under its own policy, and predicts what a gateway with another policy does', async () => {
    const nameServer = await startNameServer()
    const postfix = await startPostfix({ screens: [{ name: 'screen', mainCf: {} }] })
    const backend = `127.0.0.1:${postfix.ports.get('screen-smtpd')}`
    try {
      const [first, second] = ['early-enforce', 'early-drop']
      const [log, other] = await Promise.all([logOfGateway(first, nameServer, backend), logOfGateway(second, nameServer, backend)])
      const own = simulated(log, rulesOf(shared(first)), undefined)
      assert.deepEqual(own.changes, [])
      assert.ok(own.known > 0, 'no session is known')
      const predicted = simulated(log, rulesOf(shared(second)), undefined)
      const real = simulated(other, rulesOf(shared(second)), undefined)
      assert.deepEqual(wrong(predicted, real), [])
      assert.ok(predicted.known > 0, 'no session of the other gateway is known')
    } finally {
      await postfix.stop()
      nameServer.stop()
    }
  })
})

/** Predictions that are not what the other gateway has logged. A dialogue may have another number of sessions there. */
function wrong(predicted: Simulated, real: Simulated): string[] {
  return [...predicted.byAddress].flatMap(([address, sessions]) =>
    sessions.flatMap(({ after }, i) => {
      const before = real.byAddress.get(address)?.[i]?.before
      if ('unknown' in after || before === undefined || before.outcome === after.outcome) return []
      return [`${address}, session ${i + 1}: predicted ${after.outcome}, real ${before.outcome}`]
    }),
  )
}
