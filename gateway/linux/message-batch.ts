// Several datagrams in one system call: the arrays of struct mmsghdr for sendmmsg(2) and recvmmsg(2). All sockets of a
// process share them.
import { type Libc, type Memory, MSG_DONTWAIT, MSG_NOSIGNAL } from './libc.ts'
import { sockaddrLength } from './socket-address.ts'

/** Datagrams in one call. */
const messagesAtOnce = 64

/**
 * struct iovec { void *base; size_t length; } and struct mmsghdr { struct msghdr { name, namelen, iov, iovlen, control,
 * controllen, flags }; unsigned length; } on 64-bit Linux, in bytes.
 */
export const messageLayout = {
  iovecBytes: 16,
  iovecLengthAt: 8,
  headerBytes: 64,
  nameAt: 0,
  nameLengthAt: 8,
  iovecAt: 16,
  iovecCountAt: 24,
  lengthAt: 56,
} as const
const { iovecBytes, iovecLengthAt, headerBytes, nameAt, nameLengthAt, iovecAt, iovecCountAt, lengthAt } = messageLayout

/** Slots for datagrams of at most `slotBytes`. A longer one is cut, which makes a DNS message that is not valid. */
export class MessageBatch {
  readonly #libc: Libc
  readonly #slotBytes: number
  readonly #data: Memory
  readonly #names: Memory
  readonly #iovecs: Memory
  readonly #headers: Memory

  /** @param direction senders are asked for only of what is received */
  constructor(libc: Libc, slotBytes: number, direction: 'incoming' | 'outgoing') {
    this.#libc = libc
    this.#slotBytes = slotBytes
    this.#data = libc.allocate(slotBytes * messagesAtOnce)
    this.#names = libc.allocate(sockaddrLength * messagesAtOnce)
    this.#iovecs = libc.allocate(iovecBytes * messagesAtOnce)
    this.#headers = libc.allocate(headerBytes * messagesAtOnce)
    for (let i = 0; i < messagesAtOnce; i++) {
      this.#iovecs.bytes.writeBigUInt64LE(this.#data.pointer + BigInt(i * slotBytes), i * iovecBytes)
      this.#iovecs.bytes.writeUInt32LE(slotBytes, i * iovecBytes + iovecLengthAt)
      this.#headers.bytes.writeBigUInt64LE(this.#iovecs.pointer + BigInt(i * iovecBytes), i * headerBytes + iovecAt)
      this.#headers.bytes.writeBigUInt64LE(1n, i * headerBytes + iovecCountAt)
      if (direction === 'outgoing') continue
      this.#headers.bytes.writeBigUInt64LE(this.#names.pointer + BigInt(i * sockaddrLength), i * headerBytes + nameAt)
      this.#headers.bytes.writeUInt32LE(sockaddrLength, i * headerBytes + nameLengthAt)
    }
  }

  /** Sends at most `messagesAtOnce` datagrams on a connected socket. @returns how many were sent, or -errno */
  send(fd: number, datagrams: readonly Buffer[]): number {
    const count = Math.min(datagrams.length, messagesAtOnce)
    for (let i = 0; i < count; i++) {
      const bytes = datagrams[i] as Buffer
      const length = Math.min(bytes.length, this.#slotBytes)
      bytes.copy(this.#data.bytes, i * this.#slotBytes, 0, length)
      this.#iovecs.bytes.writeUInt32LE(length, i * iovecBytes + iovecLengthAt)
    }
    return this.#libc.result(this.#libc.c.sendmmsg(fd, this.#headers.pointer, count, MSG_DONTWAIT | MSG_NOSIGNAL))
  }

  /** Receives what has come, at most `messagesAtOnce` datagrams. @returns how many, or -errno */
  receive(fd: number): number {
    const count = this.#libc.result(this.#libc.c.recvmmsg(fd, this.#headers.pointer, messagesAtOnce, MSG_DONTWAIT, 0n))
    // The kernel has written the lengths of the names.
    for (let i = 0; i < count; i++) this.#headers.bytes.writeUInt32LE(sockaddrLength, i * headerBytes + nameLengthAt)
    return count
  }

  /** A datagram that was received, valid until the next call. */
  message(index: number): Buffer {
    const start = index * this.#slotBytes
    const length = this.#headers.bytes.readUInt32LE(index * headerBytes + lengthAt)
    return this.#data.bytes.subarray(start, start + Math.min(length, this.#slotBytes))
  }

  /** Where it came from: a struct sockaddr. */
  sender(index: number): Buffer {
    const start = index * sockaddrLength
    return this.#names.bytes.subarray(start, start + sockaddrLength)
  }
}
