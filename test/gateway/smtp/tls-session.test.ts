// TLS sessions against clients that do what they should not: each ends in its time, and the reason can be read.
import assert from 'node:assert/strict'
import { type ChildProcessWithoutNullStreams, execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import net from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test, type TestContext } from 'node:test'
import tls from 'node:tls'
import { loadTls, type TlsMaterial } from '../../../gateway/policy-files/tls-context.ts'
import { startTls, type TlsLimits, type TlsResult, type TlsTrouble, tlsWarnings } from '../../../gateway/smtp/tls-session.ts'
import { NodeSocket } from '../../../gateway/sockets/node-socket.ts'
import { unless } from '../../peers/require.ts'

const patienceMs = 60_000
const client = { address: '192.0.2.7', port: 4242 }
const oldCiphers = 'ALL:@SECLEVEL=0'

interface Server {
  readonly port: number
  readonly results: TlsResult[]
  readonly heard: () => string
  /** Resolves when the plaintext side has closed. */
  readonly closed: Promise<void>
}

describe('a TLS session', { skip: unless('openssl') }, () => {
  const folder = mkdtempSync(join(tmpdir(), 'tls-session-'))
  let material: TlsMaterial

  before(() => {
    const files = { certFile: join(folder, 'cert.pem'), keyFile: join(folder, 'key.pem') }
    const args = ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '30', '-subj', '/CN=mx.example.test']
    execFileSync('openssl', [...args, '-keyout', files.keyFile, '-out', files.certFile], { stdio: 'ignore' })
    const loaded = loadTls(files, { minVersion: 'TLSv1', maxVersion: 'TLSv1.3', ciphers: 'Medium', excludeCiphers: [] })
    assert.ok('context' in loaded)
    material = loaded
  })
  after(() => rmSync(folder, { recursive: true }))

  /** Takes one client, and answers each line. */
  async function serve(t: TestContext, limits: TlsLimits = { handshakeMs: patienceMs }): Promise<Server> {
    const results: TlsResult[] = []
    const closed = Promise.withResolvers<void>()
    let heard = ''
    const sockets: net.Socket[] = []
    const server = net.createServer({ pauseOnConnect: true }, (plain) => {
      sockets.push(plain)
      const { socket } = startTls(new NodeSocket(plain), material.context, limits, (result) => results.push(result))
      socket.reader = {
        onData: (bytes) => {
          heard += bytes.toString('latin1')
          socket.write('250 Ok\r\n')
          return false
        },
        onEnd: () => socket.end(),
        onClose: () => closed.resolve(),
      }
      socket.resume()
    })
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    t.after(() => {
      server.close()
      for (const socket of sockets) socket.destroy()
    })
    return { port: (server.address() as net.AddressInfo).port, results, heard: () => heard, closed: closed.promise }
  }

  /** A client with its raw socket, behind a handshake. */
  async function call(t: TestContext, port: number, version: tls.SecureVersion): Promise<{ raw: net.Socket; secure: tls.TLSSocket }> {
    const raw = net.connect(port, '127.0.0.1')
    raw.on('error', () => undefined)
    const secure = tls.connect({ socket: raw, rejectUnauthorized: false, minVersion: version, maxVersion: version, ciphers: oldCiphers })
    secure.on('error', () => undefined)
    t.after(() => raw.destroy())
    await once(secure, 'secureConnect')
    secure.write('NOOP\r\n')
    await once(secure, 'data')
    return { raw, secure }
  }

  /** openssl s_client, whose lines R and K mean: renegotiate, update the key. */
  function openssl(t: TestContext, port: number, version: string): ChildProcessWithoutNullStreams {
    const child = spawn('openssl', ['s_client', '-connect', `127.0.0.1:${port}`, version, '-cipher', oldCiphers])
    for (const stream of [child.stdin, child.stdout, child.stderr]) stream.on('error', () => undefined)
    child.stderr.resume()
    t.after(() => void child.kill('SIGKILL'))
    return child
  }

  const troubleIn = (results: readonly TlsResult[]): TlsTrouble | undefined => {
    const last = results.at(-1)
    return last === undefined || last.is === 'established' ? undefined : last.trouble
  }
  const names = (results: readonly TlsResult[]): readonly string[] => results.map(({ is }) => is)

  for (const [option, protocol] of [
    ['-tls1_2', 'TLSv1.2'],
    ['-tls1_1', 'TLSv1.1'],
    ['-tls1', 'TLSv1'],
  ] as const)
    test(`of ${protocol} ends when the client asks for a second handshake`, { timeout: patienceMs }, async (t) => {
      const server = await serve(t)
      const child = openssl(t, server.port, option)
      child.stdin.write('NOOP\n')
      await once(child.stdout, 'data')
      while (!server.heard().includes('NOOP')) await once(child.stdout, 'data')
      child.stdin.write('R\n')
      await server.closed
      assert.deepEqual(names(server.results), ['established', 'broken'])
      assert.equal(server.results[0]?.is === 'established' && server.results[0].protocol, protocol)
      assert.deepEqual(troubleIn(server.results), { kind: 'renegotiation' })
    })

  for (const version of ['TLSv1.3', 'TLSv1.2', 'TLSv1'] as const)
    test(`of ${version} ends at a record that is not valid`, { timeout: patienceMs }, async (t) => {
      const server = await serve(t)
      const { raw } = await call(t, server.port, version)
      raw.write(Buffer.concat([Buffer.from([0x17, 3, version === 'TLSv1' ? 1 : 3, 0, 64]), Buffer.alloc(64, 0xa5)]))
      await server.closed
      assert.deepEqual(names(server.results), ['established', 'broken'])
      assert.equal(troubleIn(server.results)?.kind, 'library')
    })

  test('ends at bytes that are not TLS', { timeout: patienceMs }, async (t) => {
    const server = await serve(t)
    const { raw } = await call(t, server.port, 'TLSv1.3')
    raw.write('QUIT\r\nQUIT\r\n')
    await server.closed
    assert.deepEqual(names(server.results), ['established', 'broken'])
  })

  test('ends at an alert that the client sends in plain text', { timeout: patienceMs }, async (t) => {
    const server = await serve(t)
    const { raw } = await call(t, server.port, 'TLSv1.2')
    raw.write(Buffer.from('15030300020250', 'hex'))
    await server.closed
    assert.deepEqual(names(server.results), ['established', 'broken'])
  })

  for (const [what, bytes] of [
    ['without a word', ''],
    ['in the middle of a record', '170303004001'],
  ] as const)
    test(`is over without an error when the client closes the connection ${what}`, { timeout: patienceMs }, async (t) => {
      const server = await serve(t)
      const { raw } = await call(t, server.port, 'TLSv1.2')
      raw.end(Buffer.from(bytes, 'hex'))
      await server.closed
      assert.deepEqual(names(server.results), ['established'])
    })

  test('ends when the client sends many records and no command', { timeout: patienceMs }, async (t) => {
    const server = await serve(t, { handshakeMs: patienceMs, recordAllowance: 1500, checkMs: 20 })
    const child = openssl(t, server.port, '-tls1_3')
    child.stdin.write('NOOP\n')
    await once(child.stdout, 'data')
    const updates = setInterval(() => child.stdin.write('K\n'), 3)
    t.after(() => clearInterval(updates))
    await server.closed
    assert.deepEqual(names(server.results), ['established', 'broken'])
    assert.deepEqual(troubleIn(server.results), { kind: 'no progress' })
  })

  test('takes commands that come byte by byte, each in a record of its own', { timeout: patienceMs }, async (t) => {
    const server = await serve(t, { handshakeMs: patienceMs, recordAllowance: 3000, checkMs: 5 })
    const { secure } = await call(t, server.port, 'TLSv1')
    for (let i = 0; i < 300; i++) secure.write('x')
    secure.end('QUIT\r\n')
    await server.closed
    assert.deepEqual(names(server.results), ['established'])
  })

  for (const [what, said] of [
    ['silent', ''],
    ['slow', '160301'],
  ] as const)
    test(`has its time for the handshake when the client is ${what}`, { timeout: patienceMs }, async (t) => {
      const server = await serve(t, { handshakeMs: 50 })
      const raw = net.connect(server.port, '127.0.0.1').on('error', () => undefined)
      t.after(() => raw.destroy())
      raw.write(Buffer.from(said, 'hex'))
      await server.closed
      assert.deepEqual(server.results, [{ is: 'failed', trouble: { kind: 'handshake timeout' } }])
      assert.deepEqual(tlsWarnings({ kind: 'handshake timeout' }, client), ['ciphertext read/write timeout for [192.0.2.7]:4242'])
    })

  test('has the reasons of OpenSSL in one line each', { timeout: patienceMs }, async (t) => {
    const server = await serve(t)
    const raw = net.connect(server.port, '127.0.0.1').on('error', () => undefined)
    t.after(() => raw.destroy())
    raw.write('EHLO client.example.net\r\n')
    await server.closed
    assert.deepEqual(names(server.results), ['failed'])
    const trouble = troubleIn(server.results)
    assert.ok(trouble !== undefined)
    const warnings = tlsWarnings(trouble, client)
    assert.equal(warnings.length, 1)
    assert.match(warnings[0] ?? '', /^TLS library problem: error:[0-9A-F]+:SSL routines:[\w]*:wrong version number:[ -~]*:\d+:$/)
  })

  test('that the client leaves during the handshake has failed, without a warning', { timeout: patienceMs }, async (t) => {
    const server = await serve(t)
    const raw = net.connect(server.port, '127.0.0.1').on('error', () => undefined)
    raw.end()
    await server.closed
    assert.deepEqual(server.results, [{ is: 'failed', trouble: { kind: 'gone' } }])
    assert.deepEqual(tlsWarnings({ kind: 'gone' }, client), [])
  })
})
