// The replay of sessions on real connections: which failures count against a backend, and what is learned of it.
import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import { Backends } from '../../../gateway/backend/backends.ts'
import { SessionReplay } from '../../../gateway/backend/session-replay.ts'
import type { ReplayOutcome, ReplayPlan } from '../../../gateway/core/replay-plan.ts'
import { nodeNetwork } from '../../../gateway/sockets/node-network.ts'
import { ScriptedCall, type Script } from '../../sessions/same-session/scripted-backend.ts'
import { listen } from '../../support/tcp-ends.ts'
import { longTimeouts } from './long-timeouts.ts'

const plan: ReplayPlan = { goal: 'RCPT', helo: 'EHLO c\r\n', mail: 'MAIL FROM:<a>\r\n', rcpt: 'RCPT TO:<b>\r\n', promised: undefined }

interface Scene {
  readonly backends: Backends
  /** The states of the backend that were reported. */
  readonly states: string[]
  /** Lets a client of this address be repeated. */
  replay(client: string, script: Script): Promise<ReplayOutcome>
}

async function begin(t: TestContext): Promise<Scene> {
  let script: Script = {}
  const listener = await listen((socket) => {
    const call = new ScriptedCall(script, {
      send: (text) => void socket.write(text, 'latin1'),
      end: () => void socket.end(),
      later: (ms, run) => void setTimeout(run, ms),
    })
    socket.on('data', (bytes: Buffer) => call.take(bytes.toString('latin1'))).on('end', () => socket.end())
  })
  t.after(() => listener.close())
  const states: string[] = []
  const backends = new Backends({
    ...longTimeouts,
    addresses: [{ address: '127.0.0.1', port: listener.port }],
    probeAfterMs: 0,
    proxyProtocol: 'V1',
    learnsKeywords: true,
    connect: nodeNetwork.connect,
    onChange: (_, __, to) => void states.push(to),
  })
  t.after(() => backends.close())
  const replay = async (client: string, acts: Script): Promise<ReplayOutcome> => {
    script = acts
    const { promise, resolve } = Promise.withResolvers<ReplayOutcome>()
    const ends = { clientEndpoint: { address: client, port: 1 }, serverEndpoint: { address: '198.51.100.1', port: 25 } }
    const running = new SessionReplay({ ...ends, teaserSent: false, plan }, backends, (outcome, joined) => {
      joined?.socket.destroy()
      if (joined !== undefined) backends.release(joined.target)
      resolve(outcome)
    })
    running.start()
    return await promise
  }
  return { backends, states, replay }
}

const gone: Script = { MAIL: 'EOF' }
const one = '192.0.2.1'
const other = '192.0.2.2'

test('a backend that closes on one client again and again has not failed', async (t) => {
  const { states, replay } = await begin(t)
  for (let i = 0; i < 3; i++) assert.deepEqual(await replay(one, gone), { is: 'failed', why: 'gone' })
  assert.deepEqual(states, ['working'])
})

test('a second client in a row makes it a failure', async (t) => {
  const { states, replay } = await begin(t)
  await replay(one, gone)
  await replay(other, { EHLO: 'garbage\r\n' })
  assert.deepEqual(states, ['working', 'failing'])
})

test('a client with an answer between them shows that it works', async (t) => {
  const { states, replay } = await begin(t)
  await replay(one, gone)
  assert.equal((await replay(other, {})).is, 'joined')
  await replay(other, gone)
  assert.deepEqual(states, ['working'])
})

test('a refusal is never a failure of the backend', async (t) => {
  const { states, replay } = await begin(t)
  for (const client of [one, other]) assert.equal((await replay(client, { MAIL: '450 4.7.1 later\r\n' })).is, 'refused')
  assert.deepEqual(states, ['working'])
})

test('the reply to EHLO corrects what may be promised', async (t) => {
  const { backends, replay } = await begin(t)
  await replay(one, { EHLO: '250-b\r\n250-SIZE 77\r\n250 8BITMIME\r\n' })
  const promise = backends.keywords.promiseFor(one)
  assert.deepEqual([promise?.size, promise?.names.has('8BITMIME'), promise?.names.has('SMTPUTF8')], [77, true, false])
})
