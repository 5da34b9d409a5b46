// Real clients deliver through the gateway to a real Postfix, which sees their own addresses and gets every byte.
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { createHash, randomBytes } from 'node:crypto'
import { rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'
import { type GatewayProcess, startGatewayProcess } from '../../peers/gateway.ts'
import { type Postfix, startPostfix } from '../../peers/postfix.ts'
import { unless } from '../../peers/require.ts'

const run = promisify(execFile)
const skip = unless('postfix', 'openssl', 'swaks')
const messageSize = 20 * 1024 * 1024
/** Longer than a busy machine takes for a whole run of swaks. */
const waitSeconds = 5

let postfix: Postfix
let gateway: GatewayProcess

before(async () => {
  if (skip !== false) return
  postfix = await startPostfix({
    mainCf: {
      message_size_limit: String(2 * messageSize),
      // Messages stay in the queue, where postcat can read them.
      defer_transports: 'discard',
      smtpd_tls_security_level: 'may',
      mynetworks: '127.0.0.0/8',
    },
  })
  gateway = await startGatewayProcess({
    spec: {
      hostname: 'mx.example.test',
      greet: { action: 'Enforce', wait: `${waitSeconds}s` },
      access: [{ action: 'Permit', cidrs: ['127.0.0.1'] }],
    },
    flags: ['--backend', `127.0.0.1:${postfix.ports.get('smtpd-proxy')}`],
  })
})

after(async () => {
  await gateway?.stop()
  await postfix?.stop()
})

/** Waits for a line of Postfix's log, at most a minute. */
async function logged(pattern: RegExp): Promise<RegExpExecArray> {
  for (const end = performance.now() + 60_000; performance.now() < end; await sleep(20)) {
    for (const { text } of postfix.log.lines()) {
      const match = pattern.exec(text)
      if (match !== null) return match
    }
  }
  throw new Error(`Postfix did not log ${pattern}`)
}

function swaks(...args: readonly string[]): Promise<{ stdout: string; stderr: string }> {
  const common = ['--server', `127.0.0.1:${gateway.port}`, '--to', 'user@example.test', '--ehlo', 'client.example.net']
  return run('swaks', [...common, ...args], { maxBuffer: 4 * messageSize })
}

test('swaks is screened, delivers, and Postfix logs its own address', { skip }, async () => {
  const { stdout } = await swaks('--local-interface', '127.70.0.1', '--from', 'swaks@example.net')
  assert.match(stdout, /220-mx\.example\.test ESMTP Postfix\n.*220 /s, 'teaser, then the greeting of Postfix')
  assert.match(stdout, /250 2\.0\.0 Ok: queued as/)
  await gateway.said('PASS NEW [127.70.0.1]')
  assert.deepEqual(
    gateway.log
      .linesOf('postfix/postscreen')
      .filter((line) => line.includes('127.70.0.1'))
      .map((line) => line.replace(/:\d+/g, '')),
    ['CONNECT from [127.70.0.1] to [127.0.0.1]', 'PASS NEW [127.70.0.1]'],
  )
  await logged(/connect from unknown\[127\.70\.0\.1\]/)
})

test('swaks comes again and is old: no teaser, no wait', { skip }, async () => {
  await swaks('--local-interface', '127.70.0.2', '--from', 'first@example.net')
  const began = performance.now()
  const { stdout } = await swaks('--local-interface', '127.70.0.2', '--from', 'second@example.net')
  assert.ok(performance.now() - began < waitSeconds * 1000, 'the greet wait is not repeated')
  assert.doesNotMatch(stdout, /220-/)
  await gateway.said('PASS OLD [127.70.0.2]')
})

test('smtp-source delivers 200 messages in ten sessions at once', { skip }, async () => {
  const args = ['-s', '10', '-m', '200', '-l', '4096', '-f', 'source@example.net', '-t', 'user@example.test', `127.0.0.1:${gateway.port}`]
  await run('smtp-source', args)
  const count = (): number => postfix.log.lines().filter(({ text }) => text.includes('from=<source@example.net>')).length
  for (const end = performance.now() + 60_000; count() < 200 && performance.now() < end;) await sleep(50)
  assert.equal(count(), 200)
})

test('posttls-finger reaches the TLS of Postfix itself, for the relay passes it through', { skip }, async () => {
  const { stdout, stderr } = await run('posttls-finger', [
    '-c',
    '-l',
    'encrypt',
    '-o',
    'smtp_tls_security_level=encrypt',
    `[127.0.0.1]:${gateway.port}`,
  ])
  assert.match(stdout + stderr, /TLS connection established to \S+: TLSv1/)
})

test('a message of 20 MB arrives byte for byte', { skip }, async () => {
  const file = join(tmpdir(), `message-${process.pid}`)
  const body = randomBytes(messageSize / 2)
    .toString('hex')
    .replace(/.{76}/g, '$&\n')
  writeFileSync(file, `Subject: large\n\n${body}\n`)
  try {
    const { stdout } = await swaks('--local-interface', '127.0.0.1', '--from', 'large@example.net', '--data', `@${file}`, '--suppress-data')
    const id = /queued as (\w+)/.exec(stdout)?.[1] ?? assert.fail(stdout.slice(-500))
    const queued = await run('postcat', ['-c', join(postfix.folder, 'conf'), '-qb', id], { maxBuffer: 4 * messageSize })
    const sha = (text: string): string => createHash('sha256').update(text).digest('hex')
    assert.equal(sha(queued.stdout.trim()), sha(body.trim()))
  } finally {
    rmSync(file)
  }
})
