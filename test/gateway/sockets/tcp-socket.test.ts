// What the gateway relies on in a connection, for every implementation of TcpSocket: with real clients over loopback.
import assert from 'node:assert/strict'
import { once } from 'node:events'
import net from 'node:net'
import { describe, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import type { TcpSocket } from '../../../gateway/sockets/tcp-socket.ts'
import { connection } from './recorded-connection.ts'
import { listenOn, shells } from './shells.ts'

for (const shell of shells) {
  describe(`a connection on ${shell.name}`, { skip: shell.skip }, () => {
    test('both ends are known', async (t) => {
      const { socket, client, listener } = await connection(t, shell)
      assert.deepEqual(socket.endpoints(), {
        client: { address: '127.0.0.1', port: client.localPort },
        server: { address: '127.0.0.1', port: listener.endpoint.port },
      })
    })

    test('on a socket for all addresses, our end is the address that the client has reached', async (t) => {
      const accepted = Promise.withResolvers<TcpSocket>()
      const listener = await listenOn(shell, accepted.resolve, '0.0.0.0')
      const client = net.connect(listener.endpoint.port, '127.0.0.2')
      const socket = await accepted.promise
      t.after(() => {
        client.destroy()
        socket.destroy()
        listener.close()
      })
      assert.deepEqual(socket.endpoints()?.server, { address: '127.0.0.2', port: listener.endpoint.port })
    })

    test('a new connection is paused: bytes are not read before resume', async (t) => {
      const { socket, recorder, client } = await connection(t, shell)
      client.write('early')
      await sleep(30)
      assert.deepEqual(recorder.told, [])
      socket.resume()
      await recorder.has('early')
      assert.equal(socket.bytesRead, 5)
    })

    test('a paused connection reads nothing until it is resumed', async (t) => {
      const { socket, recorder, client } = await connection(t, shell)
      socket.resume()
      client.write('one')
      await recorder.has('one')
      socket.pause()
      client.write('two')
      await sleep(30)
      assert.equal(recorder.received.toString(), 'one')
      socket.resume()
      await recorder.has('onetwo')
    })

    test('a reader that pauses while it is told of bytes is told of no more', async (t) => {
      const { socket, recorder, client } = await connection(t, shell)
      recorder.onData = (bytes) => {
        recorder.told.push(`data ${bytes.length}`)
        socket.pause()
        return false
      }
      socket.resume()
      client.write(Buffer.alloc(300_000))
      await sleep(50)
      assert.equal(recorder.told.length, 1)
    })

    test('bytes that were put back come first, and not before the caller has finished', async (t) => {
      const { socket, recorder, client } = await connection(t, shell)
      client.write('def')
      await sleep(20)
      socket.unread(Buffer.from('abc'))
      socket.resume()
      assert.deepEqual(recorder.told, [])
      await recorder.has('abcdef')
    })

    test('bytes that were put back behind the end of the stream are read before the end is told', async (t) => {
      const { socket, recorder, client } = await connection(t, shell)
      socket.unread(Buffer.from('last'))
      client.end()
      await sleep(20)
      assert.equal(socket.inputEnded, false)
      socket.resume()
      await recorder.ended.promise
      assert.deepEqual(recorder.told, ['data 4', 'end'])
      assert.equal(socket.inputEnded, true)
    })

    test('text goes out as one byte for each character', async (t) => {
      const { socket, clientHas } = await connection(t, shell)
      assert.equal(socket.write('220 \xe4\xff\r\n'), true)
      await clientHas('220 \xe4\xff\r\n')
    })

    test('the other side may end its stream and still read', async (t) => {
      const { socket, recorder, client, clientHas } = await connection(t, shell)
      socket.resume()
      client.end('QUIT\r\n')
      await recorder.ended.promise
      assert.equal(recorder.received.toString(), 'QUIT\r\n')
      assert.equal(socket.isWritable, true)
      socket.write('221 ')
      socket.end('Bye\r\n')
      await clientHas('221 Bye\r\n')
      assert.equal(await recorder.closed.promise, undefined)
      assert.equal(socket.endedInOrder, true)
      assert.equal(socket.isClosed, true)
    })

    test('we may end our stream and still read', async (t) => {
      const { socket, recorder, client, clientHas } = await connection(t, shell)
      const ended = once(client, 'end')
      socket.resume()
      socket.end('521 no\r\n')
      await clientHas('521 no\r\n')
      await ended
      assert.equal(socket.isWritable, false)
      assert.equal(socket.write('more'), false)
      client.write('still here')
      await recorder.has('still here')
      client.end()
      assert.equal(await recorder.closed.promise, undefined)
      assert.deepEqual(recorder.told.slice(-2), ['end', 'close'])
    })

    test('what the other side does not take waits, and the reader is told when it is sent', async (t) => {
      const { socket, recorder, client } = await connection(t, shell)
      client.pause()
      const chunk = Buffer.alloc(1 << 20, 'x')
      let written = 0
      do written += chunk.length
      while (socket.write(chunk) && written < 1 << 28)
      assert.ok(written < 1 << 28, 'the kernel took 256 MiB')
      assert.ok(socket.unsentBytes > 0)
      socket.write('behind it')
      let read = 0
      let tail = ''
      client.removeAllListeners('data').on('data', (bytes: Buffer) => {
        read += bytes.length
        tail = (tail + bytes.toString('latin1')).slice(-9)
      })
      client.resume()
      await recorder.drained.promise
      assert.equal(socket.unsentBytes, 0)
      while (read < written + 9) await once(client, 'data')
      assert.equal(read, written + 9)
      assert.equal(tail, 'behind it')
    })

    test('an end behind bytes that wait comes after them', async (t) => {
      const { socket, client } = await connection(t, shell)
      client.pause()
      const sent = 1 << 24
      socket.write(Buffer.alloc(sent))
      socket.end('221 Bye\r\n')
      let read = 0
      client.removeAllListeners('data').on('data', (bytes: Buffer) => (read += bytes.length))
      client.resume()
      await once(client, 'end')
      assert.equal(read, sent + 9)
    })

    test('endAndClose sends what waits and does not wait for the other side', async (t) => {
      const { socket, recorder, client } = await connection(t, shell)
      client.pause()
      const sent = 1 << 24
      socket.write(Buffer.alloc(sent))
      socket.endAndClose()
      let read = 0
      client.removeAllListeners('data').on('data', (bytes: Buffer) => (read += bytes.length))
      client.resume()
      assert.equal(await recorder.closed.promise, undefined)
      await once(client, 'end')
      assert.equal(read, sent)
      assert.equal(socket.endedInOrder, false)
    })

    test('destroy closes, and the reader is told when the caller has finished', async (t) => {
      const { socket, recorder, client } = await connection(t, shell)
      const ended = once(client, 'end')
      socket.destroy()
      assert.deepEqual(recorder.told, [])
      assert.equal(socket.isDestroyed, true)
      assert.equal(await recorder.closed.promise, undefined)
      assert.equal(socket.isClosed, true)
      await ended
      socket.destroy()
      socket.write('x')
      socket.end()
      socket.resume()
      socket.pause()
      await sleep(20)
      assert.deepEqual(recorder.told, ['close'])
    })

    test('reset gives the other side ECONNRESET', async (t) => {
      const { socket, recorder, client } = await connection(t, shell)
      const failed = once(client, 'error')
      socket.reset()
      const [error] = (await failed) as [NodeJS.ErrnoException]
      assert.equal(error.code, 'ECONNRESET')
      await recorder.closed.promise
    })

    test('a reset by the other side closes with its error', async (t) => {
      const { socket, recorder, client } = await connection(t, shell)
      socket.resume()
      client.resetAndDestroy()
      const error = (await recorder.closed.promise) as NodeJS.ErrnoException
      assert.equal(error.code, 'ECONNRESET')
      assert.equal(socket.endedInOrder, false)
      assert.deepEqual(recorder.told, ['close'])
    })

    test('a reset of a connection that is not read is found by checkAlive', async (t) => {
      const { socket, recorder, client } = await connection(t, shell)
      socket.resume()
      socket.pause()
      client.write('so that there is something to read')
      await sleep(20)
      client.resetAndDestroy()
      await sleep(20)
      socket.checkAlive()
      const error = (await recorder.closed.promise) as NodeJS.ErrnoException
      assert.ok(['ECONNRESET', 'EPIPE'].includes(error.code ?? ''), error.code ?? '')
    })

    test('checkAlive sends nothing on a connection that lives', async (t) => {
      const { socket, recorder, client, clientText } = await connection(t, shell)
      socket.checkAlive()
      await sleep(20)
      assert.equal(clientText(), '')
      socket.resume()
      client.write('hello')
      await recorder.has('hello')
    })

    test('writing to a side that is gone closes with an error and does not end the process', async (t) => {
      const { socket, recorder, client } = await connection(t, shell)
      client.resetAndDestroy()
      await sleep(20)
      for (let i = 0; i < 5; i++) socket.write('anyone there?\r\n')
      const error = (await recorder.closed.promise) as NodeJS.ErrnoException
      assert.ok(['ECONNRESET', 'EPIPE'].includes(error.code ?? ''), error.code ?? '')
    })

    test('an idle connection is reported once, and bytes in either direction restart the time', async (t) => {
      const { socket, recorder, client } = await connection(t, shell)
      let lastByte = performance.now()
      const idleFor: number[] = []
      socket.whenIdle(150, () => idleFor.push(performance.now() - lastByte))
      socket.resume()
      for (let sent = 'x'; sent.length < 20; sent += 'x') {
        await sleep(20)
        // On a machine that stands still the time between two bytes may be longer than the limit: then a report is right.
        lastByte = performance.now()
        if (sent.length % 2 === 0) socket.write('y')
        else client.write('xx')
        await recorder.has('xx'.repeat(Math.ceil(sent.length / 2)))
      }
      const before = idleFor.length
      while (idleFor.length === before) await sleep(10)
      await sleep(400)
      assert.equal(idleFor.length, before + 1)
      // Node's timers count whole milliseconds.
      for (const ms of idleFor) assert.ok(ms >= 140, idleFor.join(' '))
    })

    test('a connection that is closed keeps no timer for its idle time', async (t) => {
      const timers = (): number => process.getActiveResourcesInfo().filter((kind) => kind === 'Timeout').length
      const { socket, recorder } = await connection(t, shell)
      socket.whenIdle(5000, () => undefined)
      socket.destroy()
      await recorder.closed.promise
      const before = timers()
      socket.whenIdle(5000, () => undefined)
      assert.equal(timers(), before)
    })

    test('with shared reads, bytes that the reader still needs stay as they are', async (t) => {
      const { socket, client } = await connection(t, shell)
      const kept: Buffer[] = []
      let total = 0
      const done = Promise.withResolvers<void>()
      socket.reader = {
        onData: (bytes) => {
          kept.push(bytes)
          total += bytes.length
          if (total === 400_000) done.resolve()
          return true
        },
        onEnd: () => undefined,
        onClose: () => undefined,
      }
      socket.shareReads()
      socket.resume()
      for (let i = 0; i < 100; i++) client.write(Buffer.alloc(4000, i))
      await done.promise
      const all = Buffer.concat(kept)
      for (let i = 0; i < 100; i++) assert.deepEqual(all.subarray(i * 4000, i * 4000 + 4000), Buffer.alloc(4000, i))
    })
  })
}
