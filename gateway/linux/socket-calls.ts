// System calls on sockets, with the memory that they use. All sockets of a process share this memory: it is used within
// one call, and never from one call to the next. A failed call returns -errno. Descriptors do not block
// (SOCK_NONBLOCK).
import type { Endpoint } from '../../crds/values/endpoint.ts'
import { type Libc, type Memory, SO_ERROR, SO_LINGER, SOL_SOCKET } from './libc.ts'
import { readSocketAddress, sockaddrLength, writeSocketAddress } from './socket-address.ts'

/** The most bytes that one read or write transfers. */
export const bufferBytes = 65_536
/** Copying so few bytes takes less time than asking for their address. */
const fewBytes = 4096

export class SocketCalls {
  readonly #libc: Libc
  #input: Memory
  readonly #output: Memory
  readonly #address: Memory
  /** An option's value (int, or struct linger), and the length of an option or address. */
  readonly #value: Memory
  readonly #length: Memory

  constructor(libc: Libc) {
    this.#libc = libc
    this.#input = libc.allocate(bufferBytes)
    this.#output = libc.allocate(bufferBytes)
    this.#address = libc.allocate(sockaddrLength)
    this.#value = libc.allocate(8)
    this.#length = libc.allocate(4)
  }

  open(family: number, typeAndFlags: number): number {
    return this.#libc.result(this.#libc.c.socket(family, typeAndFlags, 0))
  }

  bind(fd: number, to: Endpoint): number {
    const length = writeSocketAddress(this.#address.bytes, to)
    return this.#libc.result(this.#libc.c.bind(fd, this.#address.pointer, length))
  }

  listen(fd: number, backlog: number): number {
    return this.#libc.result(this.#libc.c.listen(fd, backlog))
  }

  /** @param scope of a link-local IPv6 address: the number of the interface */
  connect(fd: number, to: Endpoint, scope = 0): number {
    const length = writeSocketAddress(this.#address.bytes, to, scope)
    return this.#libc.result(this.#libc.c.connect(fd, this.#address.pointer, length))
  }

  /** Where the client of the last successful call comes from: `peer`. */
  accept(fd: number, flags: number): number {
    this.#length.bytes.writeUInt32LE(sockaddrLength, 0)
    return this.#libc.result(this.#libc.c.accept4(fd, this.#address.pointer, this.#length.pointer, flags))
  }

  get peer(): Endpoint | undefined {
    return readSocketAddress(this.#address.bytes)
  }

  /** The address and port on our side. */
  localEndpoint(fd: number): Endpoint | undefined {
    this.#length.bytes.writeUInt32LE(sockaddrLength, 0)
    const failed = this.#libc.result(this.#libc.c.getsockname(fd, this.#address.pointer, this.#length.pointer))
    return failed < 0 ? undefined : readSocketAddress(this.#address.bytes)
  }

  setOption(fd: number, level: number, name: number, value: number): number {
    this.#value.bytes.writeInt32LE(value, 0)
    return this.#libc.result(this.#libc.c.setsockopt(fd, level, name, this.#value.pointer, 4))
  }

  /** The value of an option that is an int. -errno of SO_ERROR and of a failed call look alike: use `pendingError`. */
  option(fd: number, level: number, name: number): number {
    this.#length.bytes.writeUInt32LE(4, 0)
    const failed = this.#libc.result(this.#libc.c.getsockopt(fd, level, name, this.#value.pointer, this.#length.pointer))
    return failed < 0 ? failed : this.#value.bytes.readInt32LE(0)
  }

  /** The error that the kernel keeps for a socket, which this takes away. @returns -errno, or 0 */
  pendingError(fd: number): number {
    const value = this.option(fd, SOL_SOCKET, SO_ERROR)
    return value > 0 ? -value : value
  }

  /** From now on, close(2) sends a reset: struct linger { 1, 0 }. */
  resetOnClose(fd: number): void {
    this.#value.bytes.writeInt32LE(1, 0)
    this.#value.bytes.writeInt32LE(0, 4)
    this.#libc.c.setsockopt(fd, SOL_SOCKET, SO_LINGER, this.#value.pointer, 8)
  }

  /** Fails only if the connection is already closed, which the next read reports. */
  shutdown(fd: number, how: number): void {
    this.#libc.c.shutdown(fd, how)
  }

  /** Reads into `input`. @returns the number of bytes, 0 at the end of the stream, or -errno */
  receive(fd: number): number {
    return this.#libc.result(this.#libc.c.read(fd, this.#input.pointer, bufferBytes))
  }

  /** The bytes that `receive` has read, valid until its next call. */
  input(count: number): Buffer {
    return this.#input.bytes.subarray(0, count)
  }

  /** The same bytes, for the reader to keep. It makes one object for each read, not a view and its copy. */
  copyOfInput(count: number): Buffer {
    const copy = Buffer.allocUnsafe(count)
    this.#input.bytes.copy(copy, 0, 0, count)
    return copy
  }

  /** The reader keeps the bytes that were read last; the next `receive` reads into new memory. */
  giveInputAway(): void {
    this.#input = this.#libc.allocate(bufferBytes)
  }

  /**
   * Sends the bytes after `from`, as many as one call accepts; text as one byte for each character.
   * @returns the number of bytes that were sent, or -errno
   */
  send(fd: number, bytes: Uint8Array | string, from: number): number {
    const length = Math.min(bytes.length - from, bufferBytes)
    let { pointer } = this.#output
    if (typeof bytes === 'string') this.#output.bytes.write(from === 0 ? bytes : bytes.slice(from, from + length), 0, length, 'latin1')
    else if (from === 0 && bytes.buffer === this.#input.bytes.buffer && bytes.byteOffset === this.#input.bytes.byteOffset)
      ({ pointer } = this.#input)
    else if (length > fewBytes) pointer = this.#libc.pointerTo(bytes) + BigInt(from)
    else this.#output.bytes.set(from === 0 ? bytes : bytes.subarray(from), 0)
    return this.#libc.result(this.#libc.c.write(fd, pointer, length))
  }

  /** Sends nothing, and fails when the kernel knows that the connection is gone. @returns 0, or -errno */
  probe(fd: number): number {
    return this.#libc.result(this.#libc.c.write(fd, this.#output.pointer, 0))
  }
}
