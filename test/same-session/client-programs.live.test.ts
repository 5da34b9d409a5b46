// Programs that send mail, each for the first time and with all deep tests enabled, deliver to a real Postfix in one session.
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'
import { createTransport } from 'nodemailer'
import type { GatewayProcess } from '../peers/gateway.ts'
import type { Postfix } from '../peers/postfix.ts'
import { unless } from '../peers/require.ts'
import { handOffs, type HandOff, untilHandedOff } from './hand-offs.ts'
import { portOf, startHoldingPostfix } from './postfix-variants.ts'
import { queuedMessages } from './queue.ts'
import { allDeepTests, sameSessionSpec, startSameSessionGateway, untilKeywordsKnown } from './same-session-gateway.ts'

const run = promisify(execFile)
const skip = unless('postfix', 'openssl', 'swaks')
const skipTls = skip === false ? unless('swaks-tls') : skip
const skipCurl = skip === false ? unless('curl') : skip
const skipPython = skip === false ? unless('python3') : skip

let postfix: Postfix
let gateway: GatewayProcess
/** A client is tested again after a second: for programs that cannot choose their own address. */
let forgetful: GatewayProcess
let folder: string

before(async () => {
  if (skip !== false) return
  folder = mkdtempSync(join(tmpdir(), 'programs-'))
  postfix = await startHoldingPostfix()
  const port = portOf(postfix, 'plain')
  gateway = await startSameSessionGateway([port], { logFormat: 'json' })
  const short = Object.fromEntries(Object.entries(allDeepTests).map(([name, settings]) => [name, { ...settings, ttl: '1s' }]))
  forgetful = await startSameSessionGateway([port], { logFormat: 'json', spec: { deepTests: { ...sameSessionSpec.deepTests, ...short } } })
  await Promise.all([gateway, forgetful].map((one) => untilKeywordsKnown(one)))
})

after(async () => {
  await gateway?.stop()
  await forgetful?.stop()
  await postfix?.stop()
  if (folder !== undefined) rmSync(folder, { recursive: true, force: true })
})

/** Waits for a line of Postfix's log, at most half a minute. */
async function logged(pattern: RegExp): Promise<RegExpExecArray> {
  for (const end = performance.now() + 30_000; performance.now() < end; await sleep(20)) {
    for (const { text } of postfix.log.lines()) {
      const match = pattern.exec(text)
      if (match !== null) return match
    }
  }
  throw new Error(`Postfix did not log ${pattern}`)
}

/** The one session of a client came this way: Postfix counts its commands, and the gateway says where it was handed off. */
async function inOneSession(client: string, commands: string, at: HandOff['at']): Promise<void> {
  const counts = await logged(new RegExp(`disconnect from unknown\\[${client.replaceAll('.', '\\.')}\\] (.*)`))
  assert.equal(counts[1], commands)
  await handedOff(client, at)
}

/** Where the client was handed off, once; the log may come a little later. */
async function handedOff(client: string, ...at: readonly HandOff['at'][]): Promise<void> {
  await untilHandedOff(gateway, client, at.length)
  assert.deepEqual(
    handOffs(gateway, client).map((handOff) => handOff.at),
    at,
  )
}

const swaks = (client: string, ...args: readonly string[]): Promise<{ stdout: string }> =>
  run('swaks', [
    ...['--server', `127.0.0.1:${gateway.port}`, '--local-interface', client, '--ehlo', 'client.example.net'],
    ...['--from', 'swaks@example.net', '--to', 'user@example.test', ...args],
  ])

test('swaks in plain text', { skip }, async () => {
  const { stdout } = await swaks('127.70.1.1')
  assert.match(stdout, /250 2\.0\.0 Ok: queued as/)
  await inOneSession('127.70.1.1', 'ehlo=1 mail=1 rcpt=1 data=1 quit=1 commands=5', 'RCPT')
})

test('swaks with the TLS of Postfix', { skip: skipTls }, async () => {
  const { stdout } = await swaks('127.70.1.2', '-tls')
  assert.match(stdout, /TLS started .*TLS peer DN="\/CN=mx\.example\.test"/s)
  assert.match(stdout, /250 2\.0\.0 Ok: queued as/)
  await inOneSession('127.70.1.2', 'ehlo=2 starttls=1 mail=1 rcpt=1 data=1 quit=1 commands=7', 'STARTTLS, not tested')
})

test('swaks with HELO, with many recipients, and with one that Postfix refuses', { skip }, async () => {
  await swaks('127.70.1.3', '--protocol', 'SMTP')
  await inOneSession('127.70.1.3', 'helo=1 mail=1 rcpt=1 data=1 quit=1 commands=5', 'RCPT')
  const many = Array.from({ length: 40 }, (_, at) => `user${at}@example.test`)
  await swaks('127.70.1.4', '--to', many.join(','))
  await inOneSession('127.70.1.4', 'ehlo=1 mail=1 rcpt=40 data=1 quit=1 commands=44', 'RCPT')
  await swaks('127.70.1.5', '--to', 'refuse@example.test,defer@example.test,user@example.test')
  await inOneSession('127.70.1.5', 'ehlo=1 mail=1 rcpt=1/3 data=1 quit=1 commands=5/7', 'RCPT')
})

/** Delivers through Python's smtplib, which sends SIZE where it is offered. Prints the queue id of each message. */
const python = `
import smtplib, sys
from email.message import EmailMessage
port, client, mode = int(sys.argv[1]), sys.argv[2], sys.argv[3]
s = smtplib.SMTP('127.0.0.1', port, local_hostname='client.example.net', source_address=(client, 0), timeout=60)
if mode == 'tls':
    s.starttls()
s.ehlo_or_helo_if_needed()
def send(sender, to, text, mail=(), rcpt=()):
    s.mail(sender, list(mail))
    for one in to:
        code, words = s.rcpt(one, list(rcpt))
        if code != 250: print('refused', one, code)
    print(s.data(text)[1].decode().split()[-1])
text = 'Subject: t\\r\\n\\r\\n' + '.\\r\\n..\\r\\n' + 'x' * 900 + '\\r\\n'
if mode in ('plain', 'tls'):
    options = ['SIZE=%d' % len(text), 'BODY=8BITMIME', 'RET=HDRS', 'ENVID=QQ314159']
    send('python@example.net', ['user@example.test'], (text + 'h\\u00e4\\r\\n').encode(), options, ['NOTIFY=FAILURE,DELAY', 'ORCPT=rfc822;user@example.test'])
    send('python@example.net', ['user%d@example.test' % at for at in range(50)] + ['refuse@example.test'], text)
else:
    m = EmailMessage()
    m['Subject'], m['From'], m['To'] = 'utf8', 'j\\u00f6rg@example.net', '\\u00fcser@example.test'
    m.set_content('h\\u00e4')
    s.send_message(m)
s.quit()
`

for (const { mode, client, at } of [
  { mode: 'plain', client: '127.70.2.1', at: 'RCPT' },
  { mode: 'tls', client: '127.70.2.2', at: 'STARTTLS, not tested' },
] as const) {
  test(`smtplib (${mode}) with SIZE, 8BITMIME and DSN, and a second message to many recipients`, { skip: skipPython }, async () => {
    const { stdout } = await run('python3', ['-c', python, String(gateway.port), client, mode])
    const [first = '', refused, second = ''] = stdout.trim().split('\n')
    assert.equal(refused, 'refused refuse@example.test 550')
    const messages = await queuedMessages(postfix, [first, second])
    const { envelope = '', content = '' } = messages.get(first) ?? {}
    for (const record of ['envelope_id=QQ314159', 'ret_flags=2', 'encoding=8bit', 'notify_flags=', 'rfc822;user@example.test'])
      assert.ok(envelope.includes(record), `${record} is not in\n${envelope}`)
    assert.ok(content.endsWith('\n.\n..\n' + 'x'.repeat(900) + '\nh\xc3\xa4\n'), content)
    assert.equal(messages.get(second)?.envelope.match(/^recipient: /gm)?.length, 50)
    await handedOff(client, at)
  })
}

test('smtplib with internationalized addresses', { skip: skipPython }, async () => {
  await run('python3', ['-c', python, String(gateway.port), '127.70.2.3', 'utf8'])
  await logged(/from=<j\S+rg@example\.net>/)
  await handedOff('127.70.2.3', 'RCPT')
})

for (const { mode, client, at } of [
  { mode: 'plain', client: '127.70.5.1', at: 'RCPT' },
  { mode: 'tls', client: '127.70.5.2', at: 'STARTTLS, not tested' },
] as const) {
  test(`nodemailer (${mode}) with SIZE and DSN, to a recipient that is refused too`, { skip }, async () => {
    const isTls = mode === 'tls'
    const transport = createTransport({
      host: '127.0.0.1',
      port: gateway.port,
      localAddress: client,
      name: 'client.example.net',
      ignoreTLS: !isTls,
      requireTLS: isTls,
      tls: { rejectUnauthorized: false },
    })
    const { accepted, rejected, response } = await transport.sendMail({
      envelope: {
        from: 'nodemailer@example.net',
        to: ['refuse@example.test', 'user@example.test'],
        size: 5,
        dsn: { id: 'QQ271828', return: 'headers', notify: 'never', recipient: 'nodemailer@example.net' },
      },
      raw: 'Subject: nodemailer\r\n\r\n.one\r\n.\r\nh\u00e4\r\n',
    })
    transport.close()
    assert.deepEqual([accepted, rejected], [['user@example.test'], ['refuse@example.test']])
    const id = /queued as (\w+)/.exec(response)?.[1] ?? assert.fail(response)
    const message = (await queuedMessages(postfix, [id])).get(id)
    assert.match(message?.content ?? '', /^Subject: nodemailer\n\n\.one\n\.\nh\xc3\xa4\n/)
    assert.match(message?.envelope ?? '', /envelope_id=QQ271828/)
    await handedOff(client, at)
  })
}

for (const { flags, client, at } of [
  { flags: [], client: '127.70.3.1', at: 'RCPT' },
  { flags: ['--ssl-reqd', '--insecure'], client: '127.70.3.2', at: 'STARTTLS, not tested' },
] as const) {
  test(`curl ${flags.join(' ')}`, { skip: skipCurl }, async () => {
    const file = join(folder, `curl-${flags.length}`)
    writeFileSync(file, 'Subject: curl\r\n\r\n.one\r\n.\r\ntwo\r\n')
    const server = [`smtp://127.0.0.1:${gateway.port}/client.example.net`, '--interface', client, '--silent', '--show-error']
    const mail = ['--mail-from', 'curl@example.net', '--mail-rcpt', 'user@example.test', '--mail-rcpt', 'other@example.test']
    await run('curl', [...server, ...flags, ...mail, '--upload-file', file])
    const [, id = ''] = await logged(new RegExp(`^(\\w+): client=unknown\\[${client.replaceAll('.', '\\.')}\\]`))
    const message = (await queuedMessages(postfix, [id])).get(id)
    assert.equal(message?.content, 'Subject: curl\n\n.one\n.\ntwo\n')
    await handedOff(client, at)
  })
}

test('smtp-source delivers 200 messages to five recipients each in ten sessions at once', { skip }, async () => {
  const message = ['-s', '10', '-m', '200', '-r', '5', '-l', '4096', '-d']
  await run('smtp-source', [...message, '-f', 'source@example.net', '-t', 'user@example.test', `127.0.0.1:${forgetful.port}`])
  const ids = (): string[] =>
    postfix.log.lines().flatMap(({ text }) => /^(\w+): hold: .* from=<source@example\.net> /.exec(text)?.[1] ?? [])
  for (const end = performance.now() + 30_000; ids().length < 200 && performance.now() < end;) await sleep(50)
  const messages = [...(await queuedMessages(postfix, ids())).values()]
  assert.equal(messages.length, 200)
  for (const { envelope } of messages) assert.equal(envelope.match(/^recipient: /gm)?.length, 5)
  await untilHandedOff(forgetful, '127.0.0.1', 1)
  assert.equal(handOffs(forgetful, '127.0.0.1')[0]?.at, 'RCPT', 'the first ones were tested')
})

test('posttls-finger verifies the certificate of Postfix by its fingerprint', { skip }, async () => {
  const certificate = join(postfix.folder, 'tls/cert.pem')
  const { stdout } = await run('openssl', ['x509', '-in', certificate, '-noout', '-fingerprint', '-sha256'])
  const fingerprint = stdout.trim().split('=')[1] ?? ''
  // The address was last tested when smtp-source came.
  await sleep(1500)
  const finger = async (wanted: string): Promise<string> => {
    const args = ['-c', '-l', 'fingerprint', '-d', 'sha256', `[127.0.0.1]:${forgetful.port}`, wanted]
    const { stdout: out, stderr } = await run('posttls-finger', args).catch((error: { stdout: string; stderr: string }) => error)
    return out + stderr
  }
  assert.match(await finger(fingerprint), /Verified TLS connection established to \S+: TLSv1/)
  const last = (): HandOff | undefined => handOffs(forgetful, '127.0.0.1').at(-1)
  for (const end = performance.now() + 10_000; last()?.at !== 'STARTTLS, not tested' && performance.now() < end;) await sleep(20)
  assert.equal(last()?.at, 'STARTTLS, not tested')
  assert.doesNotMatch(await finger(fingerprint.replace(/^../, (byte) => (byte === '00' ? '01' : '00'))), /Verified/)
  // Postfix's key is nowhere in the gateway's folder.
  assert.doesNotMatch(readFileSync(gateway.policyFile, 'utf8'), /certFile|secretName/)
})
