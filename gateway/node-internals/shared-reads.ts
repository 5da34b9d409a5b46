// Undocumented in Node: `_handle` of a net.Socket, and the options `handle` and `pauseOnCreate` of its constructor,
// with which net.Server makes sockets.
//
// They let a connection move into a new socket that reads into one buffer for all (`onread`, which is documented, works
// only for a new socket). As Node reads by itself, each read makes a buffer of 64 KiB and cuts it to size. Measured for
// a relayed message of 1 MiB: 900 µs of CPU that way, 640 with this; HAProxy takes 600 to 690. Without it: the
// connection stays in its socket and is read as Node reads by itself.
import { Socket } from 'node:net'

/** What libuv itself would ask for. */
const bufferBytes = 65_536
/**
 * Up to this size, bytes are copied: those that have to wait must not keep a buffer of many times their size from the
 * others.
 */
const fewBytes = 16_384

/** What is being read. It is never given away: libuv holds its address for all sockets. */
const shared = Buffer.allocUnsafeSlow(bufferBytes)
/** What is being written, unless the kernel has no room for it. */
let spare = Buffer.allocUnsafeSlow(bufferBytes)

/** What net.Socket has inside. */
interface Inside {
  readonly _handle: object | null
}

/**
 * Moves a connection into a new socket, paused, which reads into the shared buffer. The old socket is then of no use.
 * @param socket an open connection
 * @param take is given the bytes, and returns whether they are still needed afterwards, by a write that has to wait
 * @returns undefined where bytes are still in the old socket, in either direction, or Node does not allow it: the old
 *   socket stays as it is
 */
export function sharedReads(socket: Socket, take: (bytes: Buffer) => boolean): Socket | undefined {
  const { _handle: handle } = socket as unknown as Partial<Inside>
  if (typeof handle !== 'object' || handle === null) return undefined
  if (socket.destroyed || socket.readableEnded || socket.readableLength > 0 || socket.writableLength > 0) return undefined
  const callback = (count: number): boolean => {
    if (count <= fewBytes) take(Buffer.from(shared.subarray(0, count)))
    else {
      shared.copy(spare, 0, 0, count)
      if (take(spare.subarray(0, count))) spare = Buffer.allocUnsafeSlow(bufferBytes)
    }
    return true
  }
  Object.assign(socket, { _handle: null } satisfies Inside)
  socket
    .removeAllListeners()
    .on('error', () => undefined)
    .destroy()
  const options = { handle, allowHalfOpen: true, pauseOnCreate: true, onread: { buffer: shared, callback } }
  return new Socket(options as object)
}
