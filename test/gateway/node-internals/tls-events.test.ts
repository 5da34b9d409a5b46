// The two undocumented events of a TLSSocket without a tls.Server. What ends a connection when they do not come is tested here as well.
import assert from 'node:assert/strict'
import { EventEmitter, once } from 'node:events'
import type net from 'node:net'
import { test, type TestContext } from 'node:test'
import tls from 'node:tls'
import { listenToTls } from '../../../gateway/node-internals/tls-events.ts'
import type { TcpSocket, TlsEvents } from '../../../gateway/sockets/tcp-socket.ts'
import { startTls, type TlsResult } from '../../../gateway/smtp/tls-session.ts'
import { pausedClient } from '../smtp/paused-client.ts'

/** Without a certificate: an anonymous key exchange. */
const anonymous = { ciphers: 'AECDH-AES256-SHA:@SECLEVEL=0', maxVersion: 'TLSv1.2', minVersion: 'TLSv1.2' } as const

interface Events {
  readonly events: EventEmitter
  readonly client: net.Socket
  readonly secure: tls.TLSSocket
}

async function handshake(t: TestContext): Promise<Events> {
  const { client, accepted } = await pausedClient(t)
  client.socket.removeAllListeners('data')
  const events = new EventEmitter()
  const plaintext = new tls.TLSSocket(accepted.inner, { isServer: true, secureContext: tls.createSecureContext(anonymous) })
  listenToTls(plaintext, {
    onSecure: (protocol, cipher) => events.emit('secure', protocol, cipher),
    onError: (error) => events.emit('failure', error),
    onClose: () => events.emit('close'),
  })
  plaintext.resume()
  const secure = tls.connect({ socket: client.socket, rejectUnauthorized: false, checkServerIdentity: () => undefined, ...anonymous })
  secure.on('error', () => undefined)
  return { events, client: client.socket, secure }
}

test('Node still reports the end of a handshake by the event `secure`', async (t) => {
  const { events } = await handshake(t)
  assert.deepEqual(await once(events, 'secure'), ['TLSv1.2', 'AECDH-AES256-SHA'])
})

test('Node still reports an invalid record after the handshake by the event `_tlsError`', async (t) => {
  const { events, client, secure } = await handshake(t)
  await Promise.all([once(events, 'secure'), once(secure, 'secureConnect')])
  client.write(Buffer.concat([Buffer.from([0x17, 3, 3, 0, 64]), Buffer.alloc(64, 0xa5)]))
  const [error] = (await once(events, 'failure')) as [Error]
  assert.match(error.message, /bad record mac|decryption failed/)
})

test('without these events the time limit of the handshake ends the connection', async () => {
  let destroyed = 0
  const silent = { bytesRead: 0, destroy: () => destroyed++ } as unknown as TcpSocket
  const plain = { bytesRead: 0, startTls: (_context: unknown, _events: TlsEvents) => silent } as unknown as TcpSocket
  const result = await new Promise<TlsResult>((resolve) => startTls(plain, tls.createSecureContext(), { handshakeMs: 20 }, resolve))
  assert.deepEqual(result, { is: 'failed', trouble: { kind: 'handshake timeout' } })
  assert.equal(destroyed, 1)
})
