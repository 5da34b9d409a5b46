// Hand-off to a real Postfix: whom it takes the client for, what becomes of mail, and that it reads PROXY headers as we do.
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { escapeC } from '../../../gateway/core/printable.ts'
import { finishProxyHeader, writeLocalProxyHeader, writeProxyHeader } from '../../../gateway/core/proxy-header.ts'
import type { Endpoint } from '../../../crds/values/endpoint.ts'
import { Backends } from '../../../gateway/backend/backends.ts'
import type { RelayStats } from '../../../gateway/backend/relay-request.ts'
import { NodeSocket } from '../../../gateway/sockets/node-socket.ts'
import { startRelay } from '../../../gateway/backend/relay.ts'
import { type Postfix, startPostfix } from '../../peers/postfix.ts'
import { unless } from '../../peers/require.ts'
import { dial, type End, listen } from '../../support/tcp-ends.ts'

const server = { address: '198.51.100.25', port: 25 }

describe('with a real Postfix behind it, the relay', { skip: unless('postfix') }, () => {
  let postfix: Postfix
  let port = 0

  before(async () => {
    postfix = await startPostfix({
      mainCf: { inet_protocols: 'all', smtpd_client_port_logging: 'yes' },
    })
    port = postfix.ports.get('smtpd-proxy') ?? 0
  })
  after(async () => {
    await postfix.stop()
  })

  const said = (): string[] => postfix.log.lines().map(({ text }) => text)

  /** Waits for a line that Postfix logs from the `from`th on. */
  async function logged(what: RegExp, from = 0): Promise<string> {
    for (let wait = 0; wait < 12_000; wait++) {
      const line = said()
        .slice(from)
        .find((text) => what.test(text))
      if (line !== undefined) return line
      await new Promise((done) => setTimeout(done, 5))
    }
    throw new Error(`Postfix did not log ${what}:\n${said().slice(from).join('\n')}`)
  }

  interface Session {
    readonly client: End
    readonly ended: Promise<RelayStats>
  }

  async function begin(clientEndpoint: Endpoint, proxyProtocol: 'V1' | 'V2', serverEndpoint: Endpoint = server): Promise<Session> {
    const arrived = Promise.withResolvers<NodeSocket>()
    const listener = await listen((socket) => arrived.resolve(new NodeSocket(socket.pause())))
    const client = await dial(listener.port)
    listener.server.close()
    const addresses = [{ address: '127.0.0.1', port }]
    const limits = { connectTimeoutMs: 20_000, greetingTimeoutMs: 60_000, refreshMs: 0, probeAfterMs: 0 }
    const backends = new Backends({ addresses, proxyProtocol, ...limits })
    const ended = Promise.withResolvers<RelayStats>()
    const request = { client: await arrived.promise, clientEndpoint, serverEndpoint, unread: new Uint8Array(0), teaserSent: false }
    const onFailed = (_: string, reason: string): void => ended.reject(new Error(reason))
    startRelay(request, backends, { onStarted: () => undefined, onFailed, onEnd: ended.resolve })
    return { client, ended: ended.promise }
  }

  /** Sends a command and waits for the last line of its reply. */
  async function say({ client }: Session, command: string, code: string): Promise<void> {
    const from = client.text().length
    client.socket.write(command)
    const reply = await client.until((text) => new RegExp(`(^|\n)${code} [^\n]*\n$`).test(text.slice(from)))
    assert.match(reply.slice(from), new RegExp(`(^|\n)${code} `))
  }

  async function envelope(session: Session): Promise<void> {
    await session.client.until((text) => /^220 [^\n]*\n$/.test(text))
    await say(session, 'EHLO client.example\r\n', '250')
    await say(session, 'MAIL FROM:<>\r\n', '250')
    await say(session, 'RCPT TO:<user@example.test>\r\n', '250')
    await say(session, 'DATA\r\n', '354')
  }

  test('delivers a megabyte of mail of the client that it names', async () => {
    const session = await begin({ address: '192.0.2.7', port: 4711 }, 'V2')
    await envelope(session)
    const body = `${'x'.repeat(70)}\r\n`.repeat(15_000)
    await say(session, `Subject: big\r\n\r\n${body}.\r\n`, '250')
    await say(session, 'QUIT\r\n', '221')
    await session.client.ended()
    session.client.socket.end()
    const stats = await session.ended
    assert.deepEqual([stats.endedBy, stats.error], ['backend', undefined])
    assert.ok(stats.toBackend > body.length)
    await logged(/client=unknown\[192\.0\.2\.7\]:4711/)
    const size = /size=([0-9]+)/.exec(await logged(/from=<>, size=/))?.[1]
    assert.ok(Number(size) > body.length - 15_000)
  })

  test('does not deliver a message whose client resets the connection in the middle', async () => {
    const session = await begin({ address: '192.0.2.8', port: 1 }, 'V2')
    await envelope(session)
    session.client.socket.write('Subject: half\r\n\r\nhalf a message\r\n')
    const from = said().length
    session.client.socket.resetAndDestroy()
    assert.equal((await session.ended).error, 'ECONNRESET')
    await logged(/lost connection after DATA .*from unknown\[192\.0\.2\.8\]/, from)
    await logged(/^disconnect from unknown\[192\.0\.2\.8\]/, from)
    assert.deepEqual(
      said()
        .slice(from)
        .filter((text) => /from=<>, size/.test(text)),
      [],
    )
  })

  const ends: readonly { what: string; client: string; server: string }[] = [
    { what: 'IPv4', client: '203.0.113.1', server: '198.51.100.25' },
    { what: 'IPv6', client: '2001:db8:0:1::7', server: '2001:db8::25' },
    { what: 'IPv4 at an IPv6 address', client: '203.0.113.2', server: '2001:db8::25' },
    { what: 'IPv6 at an IPv4 address', client: '2001:db8:0:2::7', server: '198.51.100.25' },
  ]
  for (const { what, client, server: local } of ends) {
    for (const version of ['V1', 'V2'] as const) {
      test(`tells it of a client of ${what} in ${version}`, async () => {
        const from = said().length
        const session = await begin({ address: client, port: 54_321 }, version, { address: local, port: 25 })
        await session.client.until((text) => text.endsWith('\n'))
        await say(session, 'QUIT\r\n', '221')
        session.client.socket.end()
        const line = await logged(/^connect from/, from)
        assert.equal(line, `connect from unknown[${client}]:54321`)
        await session.ended
      })
    }
  }

  /** What Postfix makes of these bytes, in its own words: `connect from …` or `haproxy read: …`. */
  async function verdict(bytes: Uint8Array): Promise<string> {
    const from = said().length
    const { socket } = await dial(port)
    socket.write(bytes)
    const line = await logged(/^connect from |^warning: haproxy read: /, from)
    socket.end('QUIT\r\n')
    socket.destroy()
    // After a warning smtpd also logs a connect, from unknown or from here. The next header must not be matched to it.
    await logged(/^disconnect from /, from)
    return line
  }

  /** What we make of them. */
  function ours(bytes: Uint8Array): string {
    const result = finishProxyHeader(bytes)
    if (result.is === 'bad') return `warning: haproxy read: ${result.why}: ${escapeC(Buffer.from(bytes).toString('latin1'))}`
    return result.addresses === undefined
      ? 'connect from unknown[127.0.0.1]'
      : `connect from unknown[${result.addresses.client.address}]:${result.addresses.client.port}`
  }

  const binary = Buffer.from(writeProxyHeader('V2', { address: '1.2.3.4', port: 5 }, { address: '6.7.8.9', port: 10 })).toString('latin1')
  const binary6 = Buffer.from(writeProxyHeader('V2', { address: '2001:db8::', port: 5 }, { address: '::1', port: 10 })).toString('latin1')
  const change = (text: string, at: number, byte: number): string => `${text.slice(0, at)}${String.fromCharCode(byte)}${text.slice(at + 1)}`
  const headers: readonly string[] = [
    'PROXY TCP4 01.02.03.04 4.3.2.1 123 321\r\n',
    'PROXY TCP4 010.2.3.4 4.3.2.1 123 321\r\n',
    'PROXY TCP4 08.2.3.4 4.3.2.1 123 321\r\n',
    'PROXY TCP4 1.2.3.0377 4.3.2.1 123 321\r\n',
    'PROXY TCP4 0.1.2.3 4.3.2.1 123 321\r\n',
    'PROXY TCP4 0.0.0.0 4.3.2.1 0 321\r\n',
    'PROXY TCP4 1.2.3 4.3.2.1 123 321\r\n',
    'PROXY TCP4 1.2.3.4. 4.3.2.1 123 321\r\n',
    'PROXY TCP4 1..3.4 4.3.2.1 123 321\r\n',
    'PROXY TCP4 ::ffff:1.2.3.4 4.3.2.1 123 321\r\n',
    'PROXY tcp4   1.2.3.4 4.3.2.1 123 321 more of it\n',
    'PROXY  TCP4 1.2.3.4 4.3.2.1\r123 321\n',
    'PROXY\tTCP4 1.2.3.4 4.3.2.1 123 321\r\n',
    'PROXY TCP4\t1.2.3.4 4.3.2.1 123 321\r\n',
    'PROXY TCP4 1.2.3.4 4.3.2.1 123 65535\r\n',
    'PROXY TCP4 1.2.3.4 4.3.2.1 123 65536\r\n',
    'PROXY TCP4 1.2.3.4 4.3.2.1 0123 321\r\n',
    'PROXY TCP4 1.2.3.4 4.3.2.1 +123 321\r\n',
    'PROXY TCP4 1.2.3.4 4.3.2.1 123\r\n',
    'PROXY TCP4 1.2.3.4 4.3.2.1 123 321',
    'PROXY TCP4 1.2.3.4 4.3.2.1 123\0 321\r\n',
    'PROXY TCP6 ::FFFF:1.2.3.4 ::1 123 321\r\n',
    'PROXY TCP6 ::ffff:0102:304 ::1 123 321\r\n',
    'PROXY TCP6 ::ffff:01.2.3.4 ::1 123 321\r\n',
    'PROXY TCP6 2001:DB8::1 ::1 123 321\r\n',
    'PROXY TCP6 2001:db8:0:0:1:0:0:1 ::1 123 321\r\n',
    'PROXY TCP6 2001:0db8:00:0:0:0:0:1 ::1 123 321\r\n',
    'PROXY TCP6 1:2:3:4:5:6:7:: ::1 123 321\r\n',
    'PROXY TCP6 ::2:3:4:5:6:7:8 ::1 123 321\r\n',
    'PROXY TCP6 1:2:3:4:5:6:7:8:9 ::1 123 321\r\n',
    'PROXY TCP6 1:2:3::4::5 ::1 123 321\r\n',
    'PROXY TCP6 1:2:3:4:5:6:1.2.3.4 ::1 123 321\r\n',
    'PROXY TCP6 12345::1 ::1 123 321\r\n',
    'PROXY TCP6 ::1%lo ::1 123 321\r\n',
    'PROXY TCP6 : ::1 123 321\r\n',
    'PROXY TCP6 1.2.3.4 ::1 123 321\r\n',
    'PROXY UNKNOWNS\r\n',
    'PROXY \n',
    'PROXY\n',
    '\n',
    'EHLO client.example.com\r\n',
    Buffer.from(writeLocalProxyHeader()).toString('latin1'),
    binary,
    binary6,
    binary.slice(0, -1),
    binary.slice(0, 15),
    change(binary, 3, 0x20),
    change(binary, 12, 0x11),
    change(binary, 12, 0x22),
    change(binary, 13, 0x12),
    change(binary, 13, 0x21),
    change(binary, 13, 0x31),
    change(binary6, 13, 0x11),
    change(binary, 15, 11),
    change(binary, 14, 2),
  ]
  for (const header of headers) {
    test(`reads ${escapeC(header)} as Postfix does`, async () => {
      const bytes = Buffer.from(header, 'latin1')
      const theirs = await verdict(bytes)
      const want = ours(bytes)
      assert.equal(want.endsWith(']') ? theirs.replace(/:[0-9]+$/, '') : theirs, want)
    })
  }
})
