// `postscreen explain`: what it says of a policy and of running gateways, and its exit codes.
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { fileURLToPath } from 'node:url'
import { manifest, startGatewayProcess } from '../peers/gateway.ts'
import { unless } from '../peers/require.ts'
import { startNameServer } from '../support/name-server.ts'
import { startBackend, startClient } from '../support/wire.ts'

const entry = fileURLToPath(new URL('../../cli/main.ts', import.meta.url))

interface Run {
  readonly code: number
  readonly out: string
  readonly err: string
}

function run(...args: readonly string[]): Promise<Run> {
  return new Promise((resolve) => {
    execFile(process.execPath, [entry, 'explain', ...args], (error, out, err) =>
      resolve({ code: error === null ? 0 : Number(error.code), out, err }),
    )
  })
}

async function policyFile(t: TestContext, spec: object, files: Readonly<Record<string, string>> = {}): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), 'explain-'))
  t.after(() => rmSync(folder, { recursive: true }))
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text)
  const file = join(folder, 'policy.yaml')
  writeFileSync(file, manifest(spec))
  return file
}

async function lists(t: TestContext): Promise<string> {
  const server = await startNameServer()
  t.after(() => server.stop())
  return `127.0.0.1:${server.port}`
}

const enforced = {
  greet: { action: 'Enforce', wait: '1s' },
  dnsbl: {
    action: 'Enforce',
    threshold: 2,
    sites: [
      { domain: 'bl1.test', weight: 2 },
      { domain: 'wl.test', weight: -2 },
    ],
  },
}

test('a policy file explains a client that a line of its table rejects', async (t) => {
  const spec = { ...enforced, denylist: { action: 'Drop' }, access: [{ table: { file: 'bad.cidr' } }] }
  const file = await policyFile(t, spec, { 'bad.cidr': '# bad\n192.0.2.0/24 reject\n' })
  const { code, out } = await run('192.0.2.7', '--policy', file, '--resolver', await lists(t))
  assert.equal(code, 3)
  assert.match(
    out,
    /^192\.0\.2\.7 is refused with "521 5\.3\.2 Service currently unavailable": spec\.access\[0\]\.table\.file \(bad\.cidr, line 2\) rejects it, and denylist\.action is Drop\.\n/,
  )
  assert.match(out, /\naccess list {3}spec\.access\[0\]\.table\.file \(bad\.cidr, line 2\) rejects it \(denylist\.action: Drop\)\n/)
  assert.match(out, /\nallowlist {5}no record under 192\.0\.2\.7\n/)
  assert.match(out, /\n {14}0 {2}7\.2\.0\.192\.bl1\.test {2}- {2}TTL 300 s {2}\d+ ms {2}not listed \[not in the catalogue\]\n/)
})

test('a listed client has its score, and JSON has the same', async (t) => {
  const file = await policyFile(t, enforced)
  const resolver = await lists(t)
  const { code, out } = await run('127.40.0.1', '--policy', file, '--resolver', resolver)
  assert.equal(code, 3)
  assert.match(out, /DNS lists {5}score 2: fails the test \(dnsbl\.action: Enforce\) \(dnsbl\.threshold 2\)\n/)
  assert.match(out, /\+2 {2}1\.0\.40\.127\.bl1\.test {2}127\.0\.0\.2 {2}TTL 2048 s/)
  const json = JSON.parse((await run('127.40.0.1', '--policy', file, '--resolver', resolver, '-o', 'json')).out)
  assert.equal(json.exitCode, 3)
  assert.equal(json.explained[0].answers[0].page.address.verdict.outcome, 'refused')
})

test('an answer that comes after the greet wait does not count, as in a session', async (t) => {
  const spec = { greet: { action: 'Enforce', wait: '1s' }, dnsbl: { action: 'Enforce', sites: [{ domain: 'silent.test' }] } }
  const { code, out } = await run('127.40.0.1', '--policy', await policyFile(t, spec), '--resolver', await lists(t))
  assert.equal(code, 0)
  assert.match(out, /1\.0\.40\.127\.silent\.test {2}- {2}- {2}too late {2}no answer within 1\.0 s \(greet\.wait\)/)
})

test('a network has the rules of its parts, and no verdict', async (t) => {
  const spec = {
    ...enforced,
    access: [
      { action: 'Permit', cidrs: ['192.0.2.64/26'] },
      { action: 'Reject', cidrs: ['192.0.2.0/25'] },
    ],
  }
  const { code, out } = await run('192.0.2.0/24', '--policy', await policyFile(t, spec))
  assert.equal(code, 0)
  assert.match(out, /^192\.0\.2\.0\/24\npolicy /)
  assert.match(
    out,
    /access list {3}192\.0\.2\.0 - 192\.0\.2\.63 +Reject: spec\.access\[1\]\.cidrs \(192\.0\.2\.0\/25\)\n {14}192\.0\.2\.64 - 192\.0\.2\.127 +Permit: spec\.access\[0\]\.cidrs \(192\.0\.2\.64\/26\)\n {14}192\.0\.2\.128 - 192\.0\.2\.255 {2}no rule decides\n/,
  )
})

test('a host name is resolved, and each address explained', async (t) => {
  const { code, out } = await run('localhost', '--policy', await policyFile(t, { greet: { banner: '' } }))
  assert.equal(code, 0)
  assert.match(out, /127\.0\.0\.1 is handed off to a mail server at once: no test is enabled\./)
})

test(
  'a running gateway explains with its allowlist and its recent sessions, whose texts are made visible',
  { skip: unless('loopback') },
  async (t) => {
    const backend = await startBackend()
    t.after(() => backend.close())
    const spec = { ...enforced, backend: { addresses: [backend.address], proxyProtocol: 'None' } }
    const gateway = await startGatewayProcess({ spec, logFormat: 'json', flags: ['--resolver', await lists(t)] })
    t.after(() => gateway.stop())
    const good = await startClient(gateway.port, '127.50.0.1')
    assert.match(await good.line(), /^220-/)
    assert.equal(await good.line(), '220 backend')
    good.end()
    const bad = await startClient(gateway.port, '127.40.0.1')
    assert.match(await bad.line(), /^220-/)
    assert.match(await bad.line(), /^220 /)
    for (const command of ['EHLO \u001b[31m\u202ex', 'MAIL FROM:<a@b>', 'RCPT TO:<c@d>']) {
      bad.write(`${command}\r\n`)
      while (!/^\d{3} /.test(await bad.line()));
    }
    bad.end()
    await gateway.said('"event":"HANGUP"')
    const known = await run('127.50.0.1', '--gateway', gateway.admin)
    assert.equal(known.code, 0)
    assert.match(
      known.out,
      /^127\.50\.0\.1 is handed off to a mail server at once: the temporary allowlist holds a valid pass of every test\.\n/,
    )
    assert.match(known.out, /pregreet +passed +until \d{4}-\d\d-\d\d \d\d:\d\d:\d\d \(23h 59m left\)/)
    assert.match(known.out, /PASS NEW \(pregreet, dnsbl\)\n(.*\n)* +[\d.]+ s {2}HANDED OFF backend=/)
    const listed = await run('127.40.0.1', '--gateway', `${gateway.admin}/`)
    assert.equal(listed.code, 3)
    assert.match(
      listed.out,
      /NOQUEUE: reject: RCPT: 550 5\.7\.1 Service unavailable; client \[127\.40\.0\.1\] blocked using bl1\.test; from=<a@b>, to=<c@d>, proto=ESMTP, helo=<\?\[31m.x>/,
    )
    assert.doesNotMatch(listed.out, /[\u001b\u202e]/)
    assert.match(listed.out, /DNSBL rank 2 \(bl1\.test 2\)/)
    const none = await run('192.0.2.77', '--gateway', gateway.admin)
    assert.match(none.out, /\nsessions {6}none among the last 1000 of all clients\n/)
  },
)

test('a gateway that is asked too often says when to ask again, and asks no list', { skip: unless('loopback') }, async (t) => {
  const gateway = await startGatewayProcess({ spec: { greet: { banner: '' } } })
  t.after(() => gateway.stop())
  const ask = async (query: string): Promise<Response> => await fetch(`${gateway.admin}/explain${query}`)
  for (const [query, want] of [
    ['', /^expected one address: \/explain\?address=ADDRESS/],
    ['?address=mail.example.com', /^address "mail\.example\.com": must be an address or a network/],
    ['?address=192.0.2.1&server=x', /^server "x": must be an address/],
    ['?address=192.0.2.1&port=25', /^unknown parameter "port": there are address and server/],
  ] as const) {
    const response = await ask(query)
    assert.equal(response.status, 400)
    assert.match(await response.text(), want)
  }
  const codes: number[] = []
  let last = await ask('?address=192.0.2.1')
  for (let i = 0; i < 15 && last.status === 200; i++) {
    codes.push(last.status)
    last = await ask('?address=192.0.2.1')
  }
  assert.ok(codes.length >= 9, String(codes.length))
  assert.equal(last.status, 429)
  assert.match(last.headers.get('retry-after') ?? '', /^[12]$/)
  const { code, err } = await run('192.0.2.1', '--gateway', gateway.admin)
  // A second may have passed meanwhile.
  if (code === 1) assert.match(err, /asked too often: 10 questions at once, then one every 2 s.*ask again in \d s/)
})
