// STARTTLS of the gateway beside that of a real Postfix: the same clients complete a handshake, with the same ciphers, and the log says the same.
import assert from 'node:assert/strict'
import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import net from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test, type TestContext } from 'node:test'
import tls from 'node:tls'
import { parseProtocols } from '../../../cli/import/tls-handshake.ts'
import { tlsVersions } from '../../../crds/schema/tls.ts'
import { loadTls, type TlsSettings } from '../../../gateway/policy-files/tls-context.ts'
import { NodeSocket } from '../../../gateway/sockets/node-socket.ts'
import { startTls } from '../../../gateway/smtp/tls-session.ts'
import { type GatewayProcess, startGatewayProcess } from '../../peers/gateway.ts'
import { makeCertificate, type Postfix, startPostfix } from '../../peers/postfix.ts'
import { unless } from '../../peers/require.ts'
import { untilHolds } from '../../support/until-holds.ts'

const protocolLists = [
  '',
  '!SSLv2, !SSLv3',
  '!SSLv2:!SSLv3:!TLSv1,!TLSv1.1',
  'TLSv1.2 TLSv1.3',
  'tlsv1.2',
  'TLSv1 TLSv1.2 !TLSv1.2',
  '>=TLSv1.2',
  '>=TLSv1.1, <=TLSv1.2',
  '<=TLSv1.1',
  '>=303',
  '>=0x0302 <=0303',
  '!TLSv1.1',
]

const cipherSettings: readonly {
  readonly what: string
  readonly mainCf: Readonly<Record<string, string>>
  readonly ours: Partial<TlsSettings>
}[] = [
  { what: 'the default', mainCf: {}, ours: {} },
  { what: 'the grade high', mainCf: { smtpd_tls_ciphers: 'high' }, ours: { ciphers: 'High' } },
  {
    what: 'exclusions',
    mainCf: { smtpd_tls_exclude_ciphers: 'aNULL, kRSA:CAMELLIA DHE-RSA-AES256-SHA, SHA1+AES128' },
    ours: { excludeCiphers: ['aNULL', 'kRSA', 'CAMELLIA', 'DHE-RSA-AES256-SHA', 'SHA1+AES128'] },
  },
]

/** A line without what differs from one OpenSSL and one connection to the next. */
const withoutParts = (line: string): string =>
  line
    .replace(/error:[0-9A-F]+:SSL routines:\w*:/, 'error:CODE:SSL routines:')
    .replace(/:[^: ]*\.c:\d+:/, ':PLACE:')
    .replace(/\]:\d+$/, ']:PORT')

const proxyHeader = 'PROXY TCP4 127.0.0.1 127.0.0.1 4242 25\r\n'

/** Talks until a reply with this code, after what was said. */
async function reply(socket: net.Socket, said: string, code: string): Promise<void> {
  socket.write(said)
  let heard = ''
  for await (const [bytes] of streamOf(socket)) {
    heard += bytes.toString('latin1')
    if (new RegExp(`^${code} .*\r\n$`, 'm').test(heard)) return
  }
  throw new Error(`no ${code}: ${heard}`)
}

/** The data of a socket, which stays open behind it. */
async function* streamOf(socket: net.Socket): AsyncGenerator<[Buffer]> {
  for (;;)
    yield await Promise.race([
      once(socket, 'data') as Promise<[Buffer]>,
      once(socket, 'close').then(() => Promise.reject(new Error('closed'))),
    ])
}

interface Handshake {
  readonly protocol: string
  readonly cipher: string
}

/** A STARTTLS, or right away a handshake where there is nothing in front of it; undefined when it fails. */
async function handshake(
  port: number,
  opening: readonly (readonly [string, string])[],
  options: tls.ConnectionOptions,
): Promise<Handshake | undefined> {
  const socket = net.connect(port, '127.0.0.1')
  try {
    for (const [said, code] of opening) await reply(socket, said, code)
    const secure = tls.connect({ socket, rejectUnauthorized: false, ...options })
    const result = Promise.withResolvers<Handshake | undefined>()
    secure.once('secureConnect', () => result.resolve({ protocol: secure.getProtocol() ?? '', cipher: secure.getCipher().name }))
    secure.on('error', () => result.resolve(undefined)).on('close', () => result.resolve(undefined))
    return await result.promise
  } finally {
    socket.destroy()
  }
}

const toSmtpd = [
  [proxyHeader, '220'],
  ['EHLO client.example.net\r\n', '250'],
  ['STARTTLS\r\n', '220'],
] as const
const toScreen = toSmtpd.slice(1).map((step, at) => (at === 0 ? (['', '220'] as const) : step))

/** Every cipher of TLS 1.2 that a server takes from a client that has all: the chosen one is taken out of the offer, again and again. */
async function ciphersOf(
  attempt: (options: tls.ConnectionOptions) => Promise<Handshake | undefined>,
  offered: readonly string[],
): Promise<string[]> {
  const found: string[] = []
  for (;;) {
    const rest = offered.filter((name) => !found.includes(name))
    const chosen = await attempt({ minVersion: 'TLSv1', maxVersion: 'TLSv1.2', ciphers: `${rest.join(':')}:@SECLEVEL=0` })
    if (chosen === undefined) return found.toSorted()
    found.push(chosen.cipher)
  }
}

function opensslClient(port: number, args: readonly string[]): Promise<string> {
  const child = spawn('openssl', ['s_client', '-connect', `127.0.0.1:${port}`, '-starttls', 'smtp', ...args], {
    stdio: ['pipe', 'pipe', 'ignore'],
  })
  let output = ''
  child.stdout.on('data', (bytes: Buffer) => (output += bytes.toString()))
  child.stdin.on('error', () => undefined).end('QUIT\r\n')
  return once(child, 'close').then(() => /^New, .*Cipher is .*$|^(SSL|TLS)v.*Cipher is .*$/m.exec(output)?.[0] ?? output)
}

describe('STARTTLS is as in Postfix', { skip: unless('postfix') || unless('openssl') }, () => {
  const folder = mkdtempSync(join(tmpdir(), 'tls-live-'))
  const rsa = { certFile: join(folder, 'rsa.pem'), keyFile: join(folder, 'rsa.key') }
  let postfix: Postfix
  let gateway: GatewayProcess
  let jsonGateway: GatewayProcess

  before(async () => {
    const args = ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '30', '-subj', '/CN=mx.example.test']
    execFileSync('openssl', [...args, '-keyout', rsa.keyFile, '-out', rsa.certFile], { stdio: 'ignore' })
    makeCertificate(mkdirs(join(folder, 'tls')))
    const may = { smtpd_tls_security_level: 'may' }
    const withRsa = { smtpd_tls_cert_file: '@FOLDER@/tls/rsa.pem', smtpd_tls_key_file: '@FOLDER@/tls/rsa.key' }
    postfix = await startPostfix({
      screens: [
        {
          name: 'screen',
          mainCf: {
            postscreen_tls_security_level: 'may',
            postscreen_access_list: '',
            postscreen_greet_wait: '1s',
            postscreen_bare_newline_enable: 'yes',
          },
        },
        ...protocolLists.map((text, at) => ({ name: `protocols${at}`, mainCf: { ...may, smtpd_tls_protocols: text } })),
        ...cipherSettings.map(({ mainCf }, at) => ({ name: `ciphers${at}`, mainCf: { ...may, ...withRsa, ...mainCf } })),
      ],
    })
    for (const [from, to] of [
      [rsa.certFile, 'rsa.pem'],
      [rsa.keyFile, 'rsa.key'],
    ] as const)
      execFileSync('cp', [from, join(postfix.folder, 'tls', to)])
    const spec = {
      hostname: 'mx.example.test',
      greet: { wait: '1s' },
      // With SameSession, TLS would be the mail server's.
      deepTests: { handoff: 'Reconnect', bareNewline: { enabled: true } },
      tls: {
        level: 'May',
        certFile: join(folder, 'tls/cert.pem'),
        keyFile: join(folder, 'tls/key.pem'),
        handshakeTimeout: '1s',
        stressHandshakeTimeout: '1s',
      },
    }
    gateway = await startGatewayProcess({ spec })
    jsonGateway = await startGatewayProcess({ spec, logFormat: 'json' })
  })
  after(async () => {
    await Promise.all([postfix?.stop(), gateway?.stop(), jsonGateway?.stop()])
    rmSync(folder, { recursive: true })
  })

  const screenPort = (): number => postfix.ports.get('screen') ?? 0

  for (const version of ['tls1', 'tls1_1', 'tls1_2', 'tls1_3'])
    test(`a client that has only -${version} gets the same protocol and cipher`, async () => {
      const args = [`-${version}`, ...(version === 'tls1_3' ? [] : ['-cipher', 'ALL:@SECLEVEL=0'])]
      const theirs = await opensslClient(screenPort(), args)
      assert.match(theirs, /Cipher is (ECDHE|TLS)/)
      assert.equal(await opensslClient(gateway.port, args), theirs)
    })

  for (const [at, text] of protocolLists.entries())
    test(`the importer reads smtpd_tls_protocols = ${text} as smtpd does`, async () => {
      const port = postfix.ports.get(`protocols${at}-smtpd`) ?? 0
      const allowed: string[] = []
      for (const version of tlsVersions) {
        const options = { minVersion: version, maxVersion: version, ciphers: 'ALL:@SECLEVEL=0' }
        if ((await handshake(port, toSmtpd, options)) !== undefined) allowed.push(version)
      }
      assert.deepEqual(parseProtocols(text), { value: allowed })
    })

  for (const [at, { what, ours }] of cipherSettings.entries())
    test(`the ciphers are those of smtpd with ${what}`, async (t) => {
      const installed = execFileSync('openssl', ['ciphers', 'ALL:COMPLEMENTOFALL:@SECLEVEL=0'], { encoding: 'utf8' }).trim().split(':')
      const known = new Set(tls.getCiphers().map((name) => name.toUpperCase()))
      const offered = installed.filter((name) => known.has(name) && !/^TLS_|PSK|SRP/.test(name))
      const port = postfix.ports.get(`ciphers${at}-smtpd`) ?? 0
      const theirs = await ciphersOf((options) => handshake(port, toSmtpd, options), offered)
      assert.ok(theirs.length > 10, theirs.join(' '))
      const own = await serve(t, rsa, ours)
      assert.deepEqual(await ciphersOf((options) => handshake(own, [], options), offered), theirs)
    })

  test('a failed handshake is logged in the words of tlsproxy, with the address of the client', async () => {
    for (const port of [screenPort(), gateway.port]) {
      const socket = net.connect(port, '127.0.0.1')
      for (const [said, code] of toScreen) await reply(socket, said, code)
      socket.on('error', () => undefined).end('EHLO client.example.net\r\n')
    }
    const linesOf = (peer: Postfix | GatewayProcess): readonly string[] => {
      const lines = peer.log.linesOf('postfix/tlsproxy').map(withoutParts)
      const at = lines.findIndex((line) => line.startsWith('TLS handshake failed'))
      return at < 0 ? [] : lines.slice(at - 1, at + 1)
    }
    await untilHolds('both have logged the failed handshake', () => linesOf(postfix).length > 0 && linesOf(gateway).length > 0)
    assert.deepEqual(linesOf(gateway), linesOf(postfix))
    assert.deepEqual(linesOf(gateway), [
      'warning: TLS library problem: error:CODE:SSL routines:wrong version number:PLACE:',
      'TLS handshake failed for service=smtpd peer=[127.0.0.1]:PORT',
    ])
    assert.ok(!/\n\s*\n/.test(gateway.output()), gateway.output())
  })

  test('a client that does not trust the certificate is logged with its address, in one JSON record', async () => {
    await opensslClient(jsonGateway.port, ['-verify_return_error'])
    await jsonGateway.said(/"TLS HANDSHAKE FAILED"|"TLS SESSION FAILED"/)
    const records = jsonGateway
      .output()
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as { event?: string; client?: { address: string }; msg: string; warnings?: string[] })
    const failed = records.find(({ event = '' }) => /^TLS .* FAILED$/.test(event))
    assert.equal(failed?.client?.address, '127.0.0.1')
    assert.match(failed?.msg ?? '', /^TLS (handshake|session) failed for service=smtpd peer=\[127\.0\.0\.1\]:\d+$/)
    assert.match(failed?.warnings?.[0] ?? '', /^TLS library problem: error:\w+:SSL routines:.*alert.*$/)
  })

  test('a client that says nothing after STARTTLS is closed when the time for the handshake is over', async () => {
    const socket = net.connect(gateway.port, '127.0.0.1')
    for (const [said, code] of toScreen) await reply(socket, said, code)
    await once(socket.resume(), 'close')
    await gateway.said(
      /warning: ciphertext read\/write timeout for \[127\.0\.0\.1\]:\d+\n.*TLS handshake failed for service=smtpd peer=\[127\.0\.0\.1\]:\d+\n/,
    )
  })
})

function mkdirs(path: string): string {
  mkdirSync(path, { recursive: true })
  return path
}

/** The gateway's TLS alone, on a port of its own. */
async function serve(
  t: TestContext,
  files: { readonly certFile: string; readonly keyFile: string },
  ours: Partial<TlsSettings>,
): Promise<number> {
  const loaded = loadTls(files, { minVersion: 'TLSv1', maxVersion: 'TLSv1.3', ciphers: 'Medium', excludeCiphers: [], ...ours })
  assert.ok('context' in loaded)
  const server = net.createServer({ pauseOnConnect: true }, (plain) => {
    startTls(new NodeSocket(plain), loaded.context, { handshakeMs: 60_000 }, () => undefined).socket.resume()
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.after(() => void server.close())
  return (server.address() as net.AddressInfo).port
}
