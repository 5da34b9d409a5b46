// A model of random conduct, played on the sockets of Linux and on net.Socket: both must tell the reader, and let the
// client see, what the model says.
import assert from 'node:assert/strict'
import { once } from 'node:events'
import net from 'node:net'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import type { SocketReader, TcpSocket } from '../../../gateway/sockets/tcp-socket.ts'
import { listenOn, shells } from './shells.ts'

/** What may happen on a connection, one after the other; each act is over before the next begins. */
type Act =
  | { readonly is: 'client writes' | 'we write'; readonly bytes: number }
  | { readonly is: 'we put back'; readonly bytes: number }
  | { readonly is: 'pause' | 'resume' | 'client ends' | 'we end' | 'check alive' }

const size = fc.oneof(fc.integer({ min: 1, max: 40 }), fc.integer({ min: 1, max: 70_000 }))
const act: fc.Arbitrary<Act> = fc.oneof(
  { weight: 4, arbitrary: fc.record({ is: fc.constantFrom('client writes' as const, 'we write' as const), bytes: size }) },
  { weight: 1, arbitrary: fc.record({ is: fc.constant('we put back' as const), bytes: fc.integer({ min: 1, max: 5000 }) }) },
  { weight: 4, arbitrary: fc.record({ is: fc.constantFrom('pause' as const, 'resume' as const, 'check alive' as const) }) },
  { weight: 1, arbitrary: fc.record({ is: fc.constantFrom('client ends' as const, 'we end' as const) }) },
)

/** What is expected: both directions as streams, and how far each has come. */
class Model {
  isPaused = true
  clientEnded = false
  /** Whether the reader has been told of the end. */
  endTold = false
  weEnded = false
  /** What our reader must have by now, and the client. */
  toUs = Buffer.alloc(0)
  toClient = Buffer.alloc(0)
  #held = Buffer.alloc(0)
  #next = 0

  bytes(count: number): Buffer {
    return Buffer.from(Array.from({ length: count }, () => this.#next++ & 255))
  }

  arrives(bytes: Buffer): void {
    this.#held = Buffer.concat([this.#held, bytes])
    this.#move()
  }

  putBack(bytes: Buffer): void {
    this.#held = Buffer.concat([bytes, this.#held])
    this.#move()
  }

  resume(): void {
    this.isPaused = false
    this.#move()
  }

  end(): void {
    this.clientEnded = true
    this.#move()
  }

  get closed(): boolean {
    return this.endTold && this.weEnded
  }

  #move(): void {
    if (this.isPaused) return
    this.toUs = Buffer.concat([this.toUs, this.#held])
    this.#held = Buffer.alloc(0)
    this.endTold = this.clientEnded
  }
}

async function until(holds: () => boolean, what: () => string): Promise<void> {
  const deadline = performance.now() + 20_000
  while (!holds()) {
    if (performance.now() > deadline) assert.fail(what())
    await new Promise((resolve) => setImmediate(resolve))
  }
}

class Connection implements SocketReader {
  received: Buffer[] = []
  count = 0
  ended = false
  closed = false
  error: Error | undefined

  onData(bytes: Buffer): boolean {
    assert.equal(this.ended, false, 'bytes after the end')
    this.received.push(Buffer.from(bytes))
    this.count += bytes.length
    return false
  }

  onEnd(): void {
    assert.equal(this.ended, false, 'a second end')
    this.ended = true
  }

  onClose(_: TcpSocket, error: Error | undefined): void {
    assert.equal(this.closed, false, 'a second close')
    this.closed = true
    this.error = error
  }
}

/** Bytes in both directions, acts, and what the reader was told. */
let played = 0

async function play(accepted: AsyncIterator<TcpSocket>, port: number, acts: readonly Act[], shares: boolean): Promise<void> {
  const client = net.connect({ port, host: '127.0.0.1', allowHalfOpen: true, noDelay: true })
  const fromUs: Buffer[] = []
  let fromUsCount = 0
  let endFromUs = false
  client.on('data', (bytes: Buffer) => {
    fromUs.push(bytes)
    fromUsCount += bytes.length
  })
  client.on('end', () => (endFromUs = true))
  await once(client, 'connect')
  const { value: socket } = (await accepted.next()) as { value: TcpSocket }
  const reader = new Connection()
  socket.reader = reader
  if (shares) socket.shareReads()
  const model = new Model()
  try {
    for (const one of acts) {
      switch (one.is) {
        case 'client writes': {
          if (model.clientEnded) break
          const bytes = model.bytes(one.bytes)
          model.arrives(bytes)
          await new Promise((resolve) => client.write(bytes, resolve))
          break
        }
        case 'we write': {
          if (model.weEnded) {
            assert.equal(socket.isWritable, false)
            break
          }
          const bytes = model.bytes(one.bytes)
          model.toClient = Buffer.concat([model.toClient, bytes])
          socket.write(one.bytes % 2 === 0 ? bytes : bytes.toString('latin1'))
          break
        }
        case 'we put back': {
          // Only while paused, never behind an end that was told, and before the relay shares reads.
          if (!model.isPaused || reader.ended || shares) break
          const bytes = model.bytes(one.bytes)
          model.putBack(bytes)
          socket.unread(bytes)
          break
        }
        case 'pause':
          model.isPaused = true
          socket.pause()
          break
        case 'resume':
          model.resume()
          socket.resume()
          break
        case 'client ends':
          model.end()
          client.end()
          break
        case 'we end':
          model.weEnded = true
          socket.end()
          break
        case 'check alive':
          socket.checkAlive()
          break
      }
      const toUs = model.toUs.length
      await until(
        () =>
          reader.count >= toUs &&
          fromUsCount >= model.toClient.length &&
          (!model.endTold || reader.ended) &&
          (!model.closed || reader.closed),
        () =>
          `behind ${JSON.stringify(one)}: ${reader.count} of ${toUs} bytes, ${fromUsCount} of ${model.toClient.length} back, end ${reader.ended}, closed ${reader.closed}`,
      )
      assert.equal(reader.count, toUs)
      assert.equal(endFromUs && !model.weEnded, false, 'an end that was not ours')
      if (model.closed) break
    }
    assert.ok(Buffer.concat(reader.received).equals(model.toUs))
    assert.ok(Buffer.concat(fromUs).equals(model.toClient))
    assert.equal(reader.error, undefined)
    assert.equal(reader.ended, model.endTold)
    assert.equal(socket.bytesRead >= 0, true)
    played += reader.count + fromUsCount + acts.length + reader.received.length
  } finally {
    client.destroy()
    socket.destroy()
  }
}

/** The sockets that a listener has accepted, in order. */
function queue() {
  const waiting: TcpSocket[] = []
  let wake: (() => void) | undefined
  return {
    accept: (socket: TcpSocket): void => {
      waiting.push(socket)
      wake?.()
    },
    next: async (): Promise<{ value: TcpSocket; done: false }> => {
      while (waiting.length === 0) await new Promise<void>((resolve) => (wake = resolve))
      return { value: waiting.shift() as TcpSocket, done: false }
    },
  }
}

// SOCKET_RUNS=2000 for a long run; it prints how many bytes and events there were.
const runs = Number(process.env['SOCKET_RUNS'] ?? 60)

for (const shell of shells) {
  describe(`random conduct on ${shell.name}`, { skip: shell.skip }, () => {
    for (const shares of [false, true]) {
      test(shares ? 'with shared reads' : 'with reads of its own', async (t) => {
        const before = played
        const accepted = queue()
        const listener = await listenOn(shell, accepted.accept)
        try {
          await fc.assert(
            fc.asyncProperty(fc.array(act, { maxLength: 40 }), (acts) => play(accepted, listener.endpoint.port, acts, shares)),
            { numRuns: runs, endOnFailure: false },
          )
        } finally {
          listener.close()
        }
        t.diagnostic(`${played - before} bytes and events`)
      })
    }
  })
}
