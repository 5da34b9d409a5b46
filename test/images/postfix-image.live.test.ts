// The chart's Postfix image, as the chart runs it: which clients may send which mail, what it logs, and that neither a
// stop nor a crash loses mail.
// Runs first: it takes a minute.
import assert from 'node:assert/strict'
import { statSync } from 'node:fs'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { unless } from '../peers/require.ts'
import { addTo, mailIn, makeFolders, PostfixContainer, type PostfixFolders } from './postfix-container.ts'
import { postfixOwns } from './postfix-owner.ts'
import { ProxiedClient } from './proxied-client.ts'

const skip = unless('postfix')

const settings = {
  'main.cf': `virtual_mailbox_domains = example.test
virtual_mailbox_maps = lmdb:\${config_directory}/recipients
relay_domains = away.test
relay_transport = relay:[127.0.0.1]:9
`,
  recipients: 'user@example.test example.test/user/\n',
}

type Begun = readonly [PostfixContainer, PostfixFolders]

async function begin(context: TestContext, given: Readonly<Record<string, string>> = settings): Promise<Begun> {
  const folders = makeFolders(given)
  context.after(() => folders.remove())
  const container = await PostfixContainer.start(folders)
  context.after(() => container.stop())
  return [container, folders]
}

async function greeted(container: PostfixContainer, address: string): Promise<ProxiedClient> {
  const client = new ProxiedClient(container.connect(), address)
  assert.match(await client.reply(), /^220 mx\.example\.test ESMTP/)
  assert.match(await client.say('EHLO client.test'), /^250/)
  return client
}

const envelope = (to: string): readonly string[] => ['MAIL FROM:<sender@client.test>', `RCPT TO:<${to}>`]

test('mail through a PROXY header is delivered, and logged with the client’s own address', { skip }, async (context) => {
  const [container, folders] = await begin(context)
  const client = await greeted(container, '192.0.2.1')
  assert.match(await client.say(...envelope('user+tag@Example.test'), 'DATA'), /^354/)
  client.send('Subject: hello', '', 'text')
  assert.match(await client.say('.'), /^250 2\.0\.0 Ok: queued as/)
  await container.said('status=sent (delivered to maildir)')
  const [mail = '', ...others] = mailIn(folders, 'example.test/user')
  assert.equal(others.length, 0)
  assert.match(mail, /Received: from client\.test \(unknown \[192\.0\.2\.1\]\)/)
  assert.equal(statSync(join(folders.volume, 'mail/example.test/user')).uid, 5000)
  assert.match(container.log, /client=unknown\[192\.0\.2\.1\]/)
  assert.match(await client.say(...envelope('nobody@example.test')), /^550 5\.1\.1/)
  assert.doesNotMatch(container.log, /warning|error|fatal/)
})

for (const [whose, given] of [
  ['no domains', {}],
  ['domains of its own', settings],
] as const)
  test(`with ${whose}, no client can relay, whatever address the header claims`, { skip }, async (context) => {
    const [container] = await begin(context, given)
    for (const address of ['192.0.2.1', '127.0.0.1', '10.0.0.1']) {
      const client = await greeted(container, address)
      assert.match(await client.say(...envelope('user@elsewhere.test')), /^554 5\.7\.1 .*Relay access denied/)
    }
  })

test('a message ends at CRLF.CRLF only', { skip }, async (context) => {
  const [container, folders] = await begin(context)
  const client = await greeted(container, '192.0.2.1')
  await client.say(...envelope('user@example.test'), 'DATA')
  client.send('Subject: one', '', 'text\n.\nMAIL FROM:<smuggled@client.test>')
  assert.match(await client.say('.'), /^250/)
  await container.said('status=sent')
  assert.match(mailIn(folders, 'example.test/user')[0] ?? '', /smuggled/)
})

test('SIGTERM lets a message in transfer end, refuses new clients by 421, and exits with 0', { skip }, async (context) => {
  const [container, folders] = await begin(context)
  const client = await greeted(container, '192.0.2.1')
  assert.match(await client.say(...envelope('user@example.test'), 'DATA'), /^354/)
  client.send('Subject: slow', '', 'first half')
  container.signal('SIGTERM')
  await container.said('waiting up to 30 s for')
  // Until then Postfix greets new clients as before.
  await container.said('reload -- version')
  assert.match((await container.health('ready')).output, /stopping/)
  const late = new ProxiedClient(container.connect(), '192.0.2.2')
  assert.match(await late.reply(), /^421 4\.3\.2 /)
  client.send('second half')
  assert.match(await client.say('.'), /^250 2\.0\.0 Ok: queued/)
  assert.match(await client.say('QUIT'), /^221/)
  assert.equal(await container.exit, 0)
  assert.match(mailIn(folders, 'example.test/user')[0] ?? '', /first half\r?\nsecond half/)
})

test('a second SIGTERM does not wait for sessions', { skip }, async (context) => {
  const [container] = await begin(context)
  const idle = await greeted(container, '192.0.2.1')
  container.signal('SIGTERM')
  await container.said('waiting up to 30 s for')
  container.signal('SIGTERM')
  assert.equal(await container.exit, 0)
  assert.equal(await idle.reply(), '')
})

test('the next container takes over the queue of a killed one, even if its user postfix has another number', { skip }, async (context) => {
  const [first, folders] = await begin(context)
  const client = await greeted(first, '192.0.2.1')
  await client.say(...envelope('user@away.test'), 'DATA')
  client.send('Subject: queued', '', 'text')
  const [, id] = /queued as (\w+)/.exec(await client.say('.')) ?? []
  assert.ok(id)
  await first.said('status=deferred')
  first.signal('SIGKILL')
  await first.exit
  postfixOwns(folders.volume, 4242)
  const second = await PostfixContainer.start(folders)
  context.after(() => second.stop())
  const queued = new RegExp(`${id}.*sender@client\\.test`)
  // The queue manager moves it from one folder to another meanwhile, so a listing of the folders in turn can miss it.
  await second.until('it is in the queue', async () => queued.test((await second.run('postqueue', '-p')).output))
  assert.doesNotMatch(second.log, /warning|fatal/)
})

test('a running Postfix applies changed settings, but not wrong ones', { skip }, async (context) => {
  const [container, folders] = await begin(context)
  addTo(folders, 'recipients', 'second@example.test example.test/second/\n')
  await container.said('the configuration has changed: reloading')
  await container.said('reload -- version')
  const client = await greeted(container, '192.0.2.1')
  assert.match(await client.say(...envelope('second@example.test')), /^250/)
  addTo(folders, 'main.cf', 'this is not a setting\n')
  await container.said('the last good one stays')
  assert.match(await client.say('RSET', ...envelope('user@example.test')), /^250/)
  assert.equal((await container.health('ready')).code, 0)
})

test('probes leave nothing in the log, and tell a volume without room for a message', { skip }, async (context) => {
  const [container] = await begin(context)
  await container.said('daemon started')
  const before = container.log
  for (const which of ['live', 'ready', 'live', 'ready'] as const) assert.deepEqual(await container.health(which), { code: 0, output: '' })
  await container.run('sh', '-c', 'echo 999999999999 >/run/postfix/min-free-kb')
  const { code, output } = await container.health('ready')
  assert.equal(code, 1)
  assert.match(output, /only \d+ kB free/)
  assert.equal((await container.health('live')).code, 0)
  assert.equal(container.log, before)
})
