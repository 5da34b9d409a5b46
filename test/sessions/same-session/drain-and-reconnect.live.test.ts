// The same dialogues when the gateway shuts down after any step or while a backend is asked, and under a policy in which
// the client must connect again.
import assert from 'node:assert/strict'
import { describe, test, type TestContext } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { unless } from '../../peers/require.ts'
import { type Shell, shells } from '../../gateway/sockets/shells.ts'
import { until } from '../../support/until.ts'
import { begun, type Dialogue, E, okE, R } from './dialogue.ts'
import { forty } from './dialogues.ts'
import { further } from './further-dialogues.ts'
import type { Script } from './scripted-backend.ts'
import { playClient, ReplyReader, type Rig, startRig, withEnd } from './tcp-rig.ts'

const skip = unless('loopback')
const unavailable = '421 4.3.2 Service currently unavailable'

for (const shell of shells) {
  describe(`a shutdown on the sockets of ${shell.name}`, { skip: skip || shell.skip, concurrency: 4 }, () => {
    for (const dialogue of forty) {
      for (const most of dialogue.client.keys())
        test(`${dialogue.row}: ${dialogue.what}, after ${most} steps`, async (t) => await shutDownAfter(t, shell, dialogue, most))
    }
    for (const stage of ['connect', 'EHLO', 'MAIL', 'RCPT']) {
      test(`while the backend has not answered ${stage}`, async (t) => {
        await shutDownAt(t, shell, { what: '', backends: [{ [stage]: 'nothing' }], client: [...begun, [R]] }, stage)
      })
    }
    for (const stage of ['connect', 'EHLO', 'STARTTLS']) {
      test(`while the backend has not answered ${stage}, at STARTTLS`, async (t) => {
        await shutDownAt(t, shell, { what: '', backends: [{ [stage]: 'nothing' }], client: [[E, okE], ['STARTTLS']] }, stage)
      })
    }
  })

  describe(`with Reconnect on the sockets of ${shell.name}`, { skip: skip || shell.skip, concurrency: 4 }, () => {
    for (const dialogue of [...forty, ...further])
      test(`${dialogue.what}: no backend is called`, async (t) => await playReconnect(t, shell, dialogue))
  })
}

/** Plays some steps; then a client that no backend has reads 421. */
async function shutDownAfter(t: TestContext, shell: Shell, dialogue: Dialogue, most: number): Promise<void> {
  const rig = await startRig(t, shell, dialogue)
  const reader = new ReplyReader(rig.client)
  await playClient(rig, dialogue.client.slice(0, most), reader)
  const { phase } = rig.connection.session
  rig.connection.shutDown()
  if (phase === 'done') return
  if (phase === 'relayed') return assert.equal(rig.connection.session.phase, 'relayed', 'a relay goes on')
  await reader.nextUntil(unavailable)
  await reader.end()
}

/** The backend is silent at this stage. */
async function shutDownAt(t: TestContext, shell: Shell, dialogue: Dialogue, stage: string): Promise<void> {
  const rig = await startRig(t, shell, dialogue)
  const reader = new ReplyReader(rig.client)
  await playClient(rig, dialogue.client, reader)
  const asked = (): boolean => rig.calls[0]?.[0]?.has(stage) === true
  await until(asked)
  assert.equal(rig.services.screening.postQueue, 1, 'the client waits for a backend')
  assert.equal(rig.relays.size, 1)
  rig.connection.shutDown()
  await reader.nextUntil(unavailable)
  await reader.end()
  await until(() => rig.calls[0]?.[0]?.isEnded === true)
  assert.equal(rig.services.screening.postQueue, 0)
  assert.equal(rig.relays.size, 0)
}

const silence: Script = { connect: '554 5.7.1 this backend must not be called\r\n' }

async function playReconnect(t: TestContext, shell: Shell, dialogue: Dialogue): Promise<void> {
  const { deepTests, tls, ...spec } = dialogue.spec ?? {}
  const enabled = deepTests ?? {
    pipelining: { enabled: true },
    nonSMTPCommand: { enabled: true },
    bareNewline: { enabled: true },
  }
  const withCertificate = tls === undefined ? {} : { tls: { ...tls, certFile: 'c', keyFile: 'k' } }
  const rig = await startRig(t, shell, {
    ...dialogue,
    spec: { ...spec, ...withCertificate, deepTests: { ...enabled, handoff: 'Reconnect' } },
    backends: [silence],
  })
  await sendAll(rig, dialogue.client)
  assert.deepEqual(rig.calls, [[]])
  const text = rig.client.text()
  assert.doesNotMatch(text, /^(354|250 2\.1\.5|451 4\.3\.5)/m)
  for (const record of rig.log) if (record.event === 'RCPT REJECTED') assert.match(record.reply, /^(450 4\.3\.2|550 5\.5\.1|550 5\.3\.2|450 4\.5\.1)/)
}

/** Sends what the dialogue says, one step after another, whatever the replies are. */
async function sendAll({ client }: Rig, steps: Dialogue['client']): Promise<void> {
  for (const step of steps) {
    if ('do' in step) continue
    const before = client.text().length
    client.socket.write('raw' in step ? step.raw : withEnd(step[0]), 'latin1')
    await Promise.race([client.until((text) => text.length > before), sleep(100)])
  }
}
