// The key of a DNS list is only in questions: all other output of a gateway is searched for it.
import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { manifest, startGatewayProcess } from '../../peers/gateway.ts'
import { unless } from '../../peers/require.ts'
import { startClient } from '../../support/wire.ts'
import { type Question, startStubServer } from '../dns/dns-server-stub.ts'
import { until } from '../../support/until.ts'

const skip = unless('loopback')
const key = 'abcdefverysecretkey42'

const spec = {
  hostname: 'mx.example.test',
  greet: { wait: '6s' },
  dnsbl: {
    action: 'Enforce',
    timeout: '5s',
    sites: [
      { domain: 'listed.test', keySecret: { name: 'lists', key: 'bl' } },
      { domain: 'code.test', keySecret: { name: 'lists', key: 'bl' } },
      { domain: 'refuses.test', keySecret: { name: 'lists', key: 'bl' } },
      { domain: 'garbles.test', keySecret: { name: 'lists', key: 'bl' } },
      { domain: 'silent.test', keySecret: { name: 'lists', key: 'bl' } },
      // Too long with a key in front: there is no question to ask.
      { domain: `${'long.'.repeat(45)}test`, keySecret: { name: 'lists', key: 'bl' } },
    ],
  },
}

/** What each list says; everything that a lookup can end with. */
function answer(question: Question): void {
  if (question.name.endsWith('.listed.test')) question.reply({ addresses: ['127.0.0.2'], ttl: 60 })
  else if (question.name.endsWith('.code.test')) question.reply({ addresses: ['127.255.255.254'], ttl: 60 })
  else if (question.name.endsWith('.refuses.test')) question.reply({ rcode: 5 })
  else if (question.name.endsWith('.garbles.test')) question.reply({ rcode: 2 })
}

for (const logFormat of ['json', 'postfix'] as const) {
  test(`neither the ${logFormat} log nor a reply, /status, /metrics or a problem shows it`, { skip }, async (t) => {
    const folder = mkdtempSync(join(tmpdir(), 'key-'))
    t.after(() => rmSync(folder, { recursive: true }))
    const file = join(folder, 'policy.yaml')
    const keyFile = join(folder, 'secrets/lists/bl')
    mkdirSync(join(folder, 'secrets/lists'), { recursive: true })
    writeFileSync(keyFile, `${key}\n`)
    writeFileSync(file, manifest(spec))
    const stub = await startStubServer(answer)
    t.after(() => stub.close())
    const { address, port } = stub.endpoint
    const gateway = await startGatewayProcess({ spec, logFormat, flags: ['--policy', file, '--resolver', `${address}:${port}`] })
    t.after(() => gateway.stop())
    const replies: string[] = []
    const pages = async (): Promise<string> =>
      (await Promise.all(['status', 'metrics', 'readyz'].map(async (page) => (await fetch(`${gateway.admin}/${page}`)).text()))).join('\n')

    const client = await startClient(gateway.port, '127.0.0.2')
    for (let line = ''; !line.startsWith('220 '); replies.push(line)) line = await client.line()
    for (const command of ['HELO me', 'MAIL FROM:<a@example.com>', 'RCPT TO:<b@example.com>', 'QUIT']) {
      client.write(`${command}\r\n`)
      replies.push(await client.line())
    }
    await gateway.said(/silent\.test/)
    const shown = [await pages()]
    writeFileSync(keyFile, `${key} ${key}`)
    await gateway.said('spec.dnsbl.sites[0].keySecret: secrets/lists/bl must hold one label')
    shown.push(await pages())
    rmSync(keyFile)
    await gateway.said('spec.dnsbl.sites[0].keySecret: Secret lists does not exist or has no key bl (there is no file secrets/lists/bl)')
    shown.push(await pages())

    assert.ok(replies.includes('550 5.7.1 Service unavailable; client [127.0.0.2] blocked using listed.test'), replies.join('\n'))
    const names = stub.asked.map(({ name }) => name)
    assert.ok(names.includes(`2.0.0.127.${key}.listed.test`), 'the key is in the question')
    assert.ok(names.every((name) => name.includes(key)))
    await until(() => names.length >= 5)
    assert.match(shown.join('\n'), /listed\.test/)
    assert.doesNotMatch([gateway.output(), ...replies, ...shown].join('\n'), new RegExp(key, 'i'))
  })
}

test('a new key is asked with, without a restart and while a session goes on', { skip }, async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'key-'))
  t.after(() => rmSync(folder, { recursive: true }))
  const file = join(folder, 'policy.yaml')
  mkdirSync(join(folder, 'secrets/lists'), { recursive: true })
  writeFileSync(join(folder, 'secrets/lists/bl'), 'oldkey')
  const quick = {
    backend: { addresses: ['127.0.0.1:1'], holdTime: '0s' },
    greet: { action: 'Enforce', wait: '3s' },
    dnsbl: { sites: [{ domain: 'bl.test', keySecret: { name: 'lists', key: 'bl' } }] },
  }
  writeFileSync(file, manifest(quick))
  const stub = await startStubServer((question) => question.reply({ rcode: 3 }))
  t.after(() => stub.close())
  const { address, port } = stub.endpoint
  const gateway = await startGatewayProcess({ spec: quick, flags: ['--policy', file, '--resolver', `${address}:${port}`] })
  t.after(() => gateway.stop())
  const before = await startClient(gateway.port, '127.0.0.3')
  assert.match(await before.line(), /^220-/)
  await until(() => stub.asked.some(({ name }) => name === '3.0.0.127.oldkey.bl.test'))
  writeFileSync(join(folder, 'secrets/lists/bl'), 'newkey')
  await gateway.said(/in force[^]*in force/)
  const later = await startClient(gateway.port, '127.0.0.4')
  await until(() => stub.asked.some(({ name }) => name === '4.0.0.127.newkey.bl.test'))
  assert.match(await before.line(), /^220 /, 'the session goes on')
  before.end()
  later.end()
})
