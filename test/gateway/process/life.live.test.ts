// A gateway process from its start to its end, as its owner sees it: policy changes, bad input, missing peers, signals.
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { chmodSync, mkdirSync, mkdtempSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import net from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { manifest, startGatewayProcess } from '../../peers/gateway.ts'
import { unless } from '../../peers/require.ts'
import { runGateway, startBackend, startClient } from '../../support/wire.ts'

const skip = unless('loopback')
const folder = mkdtempSync(join(tmpdir(), 'life-'))
after(() => rmSync(folder, { recursive: true }))

const quick = { hostname: 'mx.example.test', greet: { action: 'Enforce', wait: '1s' } }

test('a changed policy comes into force, and a session keeps the one that it began with', { skip }, async (t) => {
  const gateway = await startGatewayProcess({ spec: { ...quick, greet: { action: 'Enforce', wait: '60s', banner: 'old' } } })
  t.after(() => gateway.stop())
  const before = await startClient(gateway.port, '127.80.0.1')
  assert.equal(await before.line(), '220-old')
  let changes = 0
  for (const banner of ['newer', 'newest', 'new']) {
    writeFileSync(gateway.policyFile, manifest({ ...quick, greet: { action: 'Drop', wait: '60s', banner } }))
    await gateway.said(new RegExp(`(?:in force[^]*){${++changes + 1}}`))
  }
  const later = await startClient(gateway.port, '127.80.0.2')
  assert.equal(await later.line(), '220-new')
  later.write('EHLO early\r\n')
  assert.equal(await later.line(), '521 5.5.1 Protocol error')
  before.write('EHLO early\r\n')
  assert.equal(await before.line(), '250-mx.example.test', 'enforced, not dropped')
  before.end()
})

test('a bad policy is refused with every problem and its path, and the last good one stays', { skip }, async (t) => {
  const gateway = await startGatewayProcess({ spec: quick })
  t.after(() => gateway.stop())
  writeFileSync(gateway.policyFile, manifest({ ...quick, greet: { wiat: '1s', action: 'Kill' } }))
  await gateway.said('warning: policy refused, the last good one stays: spec.greet.wiat: unknown field; did you mean `wait`?')
  await gateway.said('spec.greet.action: must be one of Ignore, Enforce, Drop')
  const client = await startClient(gateway.port, '127.80.0.3')
  assert.match(await client.line(), /^220-mx\.example\.test/)
  client.end()
})

test('a mounted ConfigMap is followed through the swap of its symbolic link', { skip }, async (t) => {
  const mount = join(folder, 'mount')
  const version = (name: string, banner: string): void => {
    mkdirSync(join(mount, name), { recursive: true })
    writeFileSync(join(mount, name, 'policy.yaml'), manifest({ ...quick, greet: { wait: '1s', banner } }))
  }
  version('..1', 'one')
  symlinkSync('..1', join(mount, '..data'))
  symlinkSync('..data/policy.yaml', join(mount, 'policy.yaml'))
  const gateway = await startGatewayProcess({ spec: quick, flags: ['--policy', join(mount, 'policy.yaml')] })
  t.after(() => gateway.stop())
  version('..2', 'two')
  symlinkSync('..2', join(mount, '..data_tmp'))
  renameSync(join(mount, '..data_tmp'), join(mount, '..data'))
  await gateway.said(/in force[^]*in force/)
  const client = await startClient(gateway.port, '127.80.0.4')
  assert.equal(await client.line(), '220-two')
  client.end()
})

test('SIGTERM: not ready, no new clients, sessions go on until the drain time is over and then read 421', { skip }, async (t) => {
  const gateway = await startGatewayProcess({
    spec: { ...quick, access: [{ action: 'Reject', cidrs: ['127.80.1.0/24'] }], denylist: { action: 'Enforce' } },
    flags: ['--drain-timeout', '6s'],
  })
  t.after(() => gateway.stop())
  const client = await startClient(gateway.port, '127.80.1.1')
  await client.line()
  assert.match(await client.line(), /^220 /)
  gateway.signal('SIGTERM')
  await gateway.said('draining')
  assert.match(await (await fetch(`${gateway.admin}/readyz`)).text(), /draining/)
  await assert.rejects(startClient(gateway.port, '127.80.1.2'), /ECONNREFUSED/)
  client.write('NOOP\r\n')
  assert.equal(await client.line(), '250 2.0.0 Ok')
  assert.equal(await client.line(), '421 4.3.2 Service currently unavailable')
  assert.equal(await gateway.exit, 0)
})

test('SIGTERM lets a relay end by itself', { skip }, async (t) => {
  const backend = await startBackend()
  t.after(() => backend.close())
  const gateway = await startGatewayProcess({
    spec: {
      ...quick,
      access: [{ action: 'Permit', cidrs: ['127.0.0.0/8'] }],
      backend: { addresses: [backend.address], proxyProtocol: 'None' },
    },
    flags: ['--drain-timeout', '5m'],
  })
  t.after(() => gateway.stop())
  const client = await startClient(gateway.port, '127.80.0.5')
  assert.equal(await client.line(), '220 backend')
  gateway.signal('SIGTERM')
  await gateway.said('draining')
  client.write('QUIT\r\n')
  assert.equal(await client.line(), '221 bye')
  const began = performance.now()
  client.end()
  assert.equal(await gateway.exit, 0)
  assert.ok(performance.now() - began < 60_000, 'it did not wait for the drain time')
})

test('no backend: not ready, and behind a teaser the first command gets the 421', { skip }, async (t) => {
  const backend = { addresses: ['127.0.0.1:1'], holdTime: '0s' }
  const gateway = await startGatewayProcess({ spec: { ...quick, backend } })
  t.after(() => gateway.stop())
  assert.equal((await fetch(`${gateway.admin}/readyz`)).status, 503)
  const client = await startClient(gateway.port, '127.80.0.6')
  await client.line()
  assert.equal(await client.line(), '220 mx.example.test ESMTP Postfix', 'never 421 behind 220-')
  client.write('EHLO me\r\n')
  assert.equal(await client.line(), '421 4.3.2 No system resources')
  await gateway.said('warning: cannot connect to service smtpd: 127.0.0.1:1: ECONNREFUSED')
})

test('dead DNS: the client passes after the greet wait', { skip }, async (t) => {
  const backend = await startBackend()
  t.after(() => backend.close())
  const gateway = await startGatewayProcess({
    spec: {
      ...quick,
      dnsbl: { action: 'Drop', sites: [{ domain: 'bl.test' }] },
      backend: { addresses: [backend.address], proxyProtocol: 'None' },
    },
    flags: ['--resolver', '127.0.0.1:9'],
  })
  t.after(() => gateway.stop())
  const client = await startClient(gateway.port, '127.80.0.7')
  await client.line()
  assert.equal(await client.line(), '220 backend')
  client.end()
})

test('Audit: a client that would be dropped is handed off, and the log says what Enforce would have done', { skip }, async (t) => {
  const backend = await startBackend()
  t.after(() => backend.close())
  const gateway = await startGatewayProcess({
    spec: {
      ...quick,
      mode: 'Audit',
      greet: { action: 'Drop', wait: '5s' },
      backend: { addresses: [backend.address], proxyProtocol: 'None' },
    },
    logFormat: 'json',
  })
  t.after(() => gateway.stop())
  const client = await startClient(gateway.port, '127.80.0.8')
  await client.line()
  client.write('EHLO early\r\n')
  assert.equal(await client.line(), '220 backend')
  assert.equal(await client.line(), '250 you said EHLO early')
  client.end()
  await gateway.said('"event":"PREGREET"')
  await gateway.said('"event":"AUDIT"')
  await gateway.said('"would":"drop","reply":"521 5.5.1 Protocol error"')
  assert.match(await (await fetch(`${gateway.admin}/metrics`)).text(), /postscreen_audit_total\{would="drop"\} 1/)
})

test(
  'a certificate is replaced while a session goes on, and STARTTLS offers the new one',
  {
    skip: skip || unless('openssl'),
  },
  async (t) => {
    const certify = (name: string): void => {
      const args = [
        'req',
        '-x509',
        '-newkey',
        'ec',
        '-pkeyopt',
        'ec_paramgen_curve:prime256v1',
        '-nodes',
        '-days',
        '30',
        '-subj',
        `/CN=${name}`,
      ]
      execFileSync('openssl', [...args, '-keyout', join(folder, 'key.pem'), '-out', join(folder, 'cert.pem')], { stdio: 'ignore' })
    }
    certify('first.test')
    const gateway = await startGatewayProcess({
      spec: {
        ...quick,
        access: [{ action: 'Reject', cidrs: ['127.80.2.0/24'] }],
        denylist: { action: 'Enforce' },
        tls: { level: 'May', certFile: join(folder, 'cert.pem'), keyFile: join(folder, 'key.pem') },
      },
    })
    t.after(() => gateway.stop())
    const old = await startClient(gateway.port, '127.80.2.1')
    await old.line()
    await old.line()
    certify('second.test')
    await gateway.said(/in force[^]*in force/)
    old.write('NOOP\r\n')
    assert.equal(await old.line(), '250 2.0.0 Ok')
    const fresh = await startClient(gateway.port, '127.80.2.2')
    await fresh.line()
    await fresh.line()
    fresh.write('STARTTLS\r\n')
    assert.equal(await fresh.line(), '220 2.0.0 Ready to start TLS')
    assert.equal((await fresh.startTls()).subject.CN, 'second.test')
    fresh.write('EHLO me\r\n')
    assert.equal(await fresh.line(), '250-mx.example.test')
    old.end()
    fresh.end()
  },
)

test('bad starts end with code 1 and say which field or file and what to do', { skip }, async (t) => {
  const taken = net.createServer().listen(0, '127.0.0.1')
  t.after(() => taken.close())
  await sleep(0)
  const { port } = taken.address() as net.AddressInfo
  const policy = join(folder, 'good.yaml')
  writeFileSync(policy, manifest(quick))
  const noKey = join(folder, 'nokey.yaml')
  // Where TLS is passed through, a certificate may be missing.
  writeFileSync(noKey, manifest({ ...quick, deepTests: { handoff: 'Reconnect' }, tls: { level: 'May', certFile: 'cert.pem' } }))
  const cases: [args: string[], said: RegExp][] = [
    [['--policy', policy, '--listen', `127.0.0.1:${port}`], new RegExp(`cannot listen on 127\\.0\\.0\\.1:${port}: the port is in use`)],
    [['--policy', join(folder, 'nowhere.yaml'), '--listen', '127.0.0.1:0'], /nowhere\.yaml: manifest: cannot be read: ENOENT/],
    [
      ['--policy', policy, '--listen', '*:25'],
      /"\*:25": only --admin accepts \*; for all addresses use --listen 0\.0\.0\.0:PORT and --listen \[::\]:PORT/,
    ],
    [['--policy', policy, '--admin', '2580'], /--admin "2580": must be ADDR:PORT, such as 192\.0\.2\.1:25/],
    [['--policy', policy, '--listen', '192.0.2.1:70000'], /--listen "192\.0\.2\.1:70000": must be ADDR:PORT/],
    [['--policy', policy, '--drain-delay', 'long'], /--drain-delay must be a time such as 60s or 5m, not "long"/],
    [['--policy', noKey, '--listen', '127.0.0.1:0'], /nokey\.yaml: spec\.tls: .*keyFile/],
    [['--policy', policy, '--log-level', 'loud'], /--log-level must be info or debug, not "loud"/],
    [['--policy', policy, '--listen', '127.0.0.1:0', '--admin', `127.0.0.1:${port}`], /choose another with --admin ADDR:PORT/],
  ]
  for (const [args, said] of cases) {
    const { code, output } = await runGateway(args)
    assert.equal(code, ['*:25', '2580', '192.0.2.1:70000', 'long', 'loud'].some((wrong) => args.includes(wrong)) ? 2 : 1, output)
    assert.match(output, said)
    assert.doesNotMatch(output, /\n\s+at /, 'no stack trace')
  }
})

test('a data directory that cannot be used costs no mail: the gateway goes on in memory and says so', { skip }, async (t) => {
  const directory = join(folder, 'file-instead-of-directory')
  writeFileSync(directory, 'x')
  chmodSync(directory, 0o400)
  const gateway = await startGatewayProcess({ spec: quick, flags: ['--data-dir', directory] })
  t.after(() => gateway.stop())
  await gateway.said(/warning: the temporary allowlist cannot be kept in \S+: .*; the temporary allowlist is kept in memory instead/)
  const client = await startClient(gateway.port, '127.80.0.9')
  assert.match(await client.line(), /^220-/)
  client.end()
})
