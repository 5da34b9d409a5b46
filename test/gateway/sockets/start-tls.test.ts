// TLS on a connection that was read in plaintext before: what has arrived or waits at that moment is not lost. On
// Linux, the descriptor is given to Node's own socket.
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import tls from 'node:tls'
import type { TcpSocket } from '../../../gateway/sockets/tcp-socket.ts'
import { unless } from '../../peers/require.ts'
import { until } from '../../support/until.ts'
import { connection, Recorder } from './recorded-connection.ts'
import { shells } from './shells.ts'

/** A context with a certificate of its own. */
function serverContext(): tls.SecureContext {
  const folder = mkdtempSync(join(tmpdir(), 'start-tls-'))
  const [key, cert] = [join(folder, 'key.pem'), join(folder, 'cert.pem')]
  const args = ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '30', '-subj', '/CN=mx.example']
  execFileSync('openssl', [...args, '-keyout', key, '-out', cert], { stdio: 'ignore' })
  const context = tls.createSecureContext({ key: readFileSync(key), cert: readFileSync(cert) })
  rmSync(folder, { recursive: true })
  return context
}

/** Starts TLS on our side, with a reader that writes down what it is told. */
function secure(plain: TcpSocket, context: tls.SecureContext) {
  const told: string[] = []
  const recorder = new Recorder()
  plain.pause()
  plain.reader = undefined
  const socket = plain.startTls(context, {
    onSecure: (protocol) => told.push(protocol),
    onError: () => told.push('error'),
    onClose: () => told.push('close'),
  })
  socket.reader = recorder
  socket.resume()
  return { socket, recorder, told }
}

for (const shell of shells) {
  describe(`TLS on a connection of ${shell.name}`, { skip: shell.skip || unless('openssl'), timeout: 60_000 }, () => {
    for (const [what, isPutBack] of [
      ['in the kernel', false],
      ['read and put back', true],
    ] as const) {
      test(`starts with bytes of the handshake that are ${what}, and takes commands that follow at once`, async (t) => {
        const { socket: plain, recorder: before, client } = await connection(t, shell)
        const hello = Promise.withResolvers<void>()
        plain.resume()
        client.removeAllListeners('data')
        client.write('STARTTLS\r\n')
        await before.has('STARTTLS\r\n')
        if (!isPutBack) plain.pause()
        // The client does not wait for the reply.
        const secured = tls.connect({ socket: client, rejectUnauthorized: false })
        secured.on('error', hello.reject)
        let heard = ''
        secured.on('data', (bytes: Buffer) => (heard += bytes.toString()))
        secured.write('EHLO one\r\nNOOP\r\n')
        if (isPutBack) {
          await until(() => before.received.length > 100)
          plain.pause()
          plain.unread(before.received.subarray('STARTTLS\r\n'.length))
        } else await sleep(50)
        const { socket, recorder, told } = secure(plain, serverContext())
        await recorder.has('EHLO one\r\nNOOP\r\n')
        assert.match(told.join(), /^TLSv1\.[23]$/)
        socket.write('250 Ok\r\n')
        await until(() => heard === '250 Ok\r\n')
        secured.end()
        await recorder.ended.promise
        socket.end()
        await recorder.closed.promise
        assert.ok(plain.bytesRead > 100)
        assert.deepEqual([plain.isDestroyed, plain.isClosed], [true, true])
      })
    }

    test('sends what waits for the kernel first', async (t) => {
      const { socket: plain, client } = await connection(t, shell)
      client.removeAllListeners('data').pause()
      const waiting = Buffer.alloc(16 << 20, 'x')
      plain.write(waiting)
      assert.ok(plain.unsentBytes > 0)
      plain.write('220 ready\r\n')
      const { socket, recorder } = secure(plain, serverContext())
      let text = ''
      let count = 0
      client.on('data', (bytes: Buffer) => {
        count += bytes.length
        text = (text + bytes.toString('latin1')).slice(-11)
      })
      client.resume()
      await until(() => count === waiting.length + 11)
      assert.equal(text, '220 ready\r\n')
      socket.destroy()
      await recorder.closed.promise
    })

    test('can be started and ended when the connection was reset before', async (t) => {
      const { socket: plain, client } = await connection(t, shell)
      plain.resume()
      plain.pause()
      client.resetAndDestroy()
      await sleep(30)
      plain.write('220 ready\r\n')
      await sleep(1)
      const { socket, recorder, told } = secure(plain, serverContext())
      socket.destroy()
      await recorder.closed.promise
      await until(() => told.includes('close'))
    })
  })
}
