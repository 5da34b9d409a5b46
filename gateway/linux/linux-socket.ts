// TcpSocket on a descriptor of Linux, without a stream: received bytes go from one buffer of the process directly to
// the reader, and written bytes go directly to the kernel. Only bytes that the kernel does not accept yet are copied
// and wait.
//
// The socket owns its descriptor from the constructor until `#release`, after which it is closed or given to Node
// (startTls). From then on, `#fd` is -1 and no call uses the number. The socket registers for events with the reactor
// when reading begins, and changes this only after an unwanted event. Bytes that are not read stay in the kernel.
import { Socket } from 'node:net'
import type { SecureContext } from 'node:tls'
import type { Endpoint } from '../../crds/values/endpoint.ts'
import { NodeSocket } from '../sockets/node-socket.ts'
import type { Endpoints, SocketReader, TcpSocket, TlsEvents } from '../sockets/tcp-socket.ts'
import { keepAlive } from './keep-alive.ts'
import { EAGAIN, EINTR, EPOLLERR, EPOLLHUP, EPOLLIN, EPOLLOUT, IPPROTO_TCP, SHUT_WR, systemError, TCP_USER_TIMEOUT } from './libc.ts'
import type { Reactor, Watcher } from './reactor.ts'
import { bufferBytes, type SocketCalls } from './socket-calls.ts'

/** A socket reads so many full buffers at one event. Then it is the turn of the others. */
const readsAtOnce = 4

/** What is left to do once everything that was written is sent. */
type AfterSending = 'nothing' | 'end' | 'close'

/** What all sockets of a process share. */
export interface SocketShare {
  readonly reactor: Reactor
  readonly calls: SocketCalls
}

export class LinuxSocket implements TcpSocket, Watcher {
  reader: SocketReader | undefined = undefined
  readonly #share: SocketShare
  #fd: number
  readonly #peer: Endpoint
  #local: Endpoint | undefined
  /** While a connection is being opened: what to do when it stands. */
  #onConnect: (() => void) | undefined
  /** Registered with the reactor, for these events. -1: not registered. */
  #interest = -1
  #isPaused = true
  #inputEnded = false
  #sharesReads = false
  #afterSending: AfterSending = 'nothing'
  #endSent = false
  #isClosed = false
  #error: Error | undefined
  #bytesRead = 0
  /** Bytes that wait for the kernel. They belong to the socket, as in net.Socket.write. */
  #unsent: Uint8Array[] | undefined
  #putBack: Buffer | undefined
  #idle: { readonly timer: NodeJS.Timeout } | undefined
  /** After startTls: the same connection as Node's. */
  #adopted: NodeSocket | undefined

  /**
   * @param fd of a connected socket that does not block, and that nothing else uses
   * @param local asked of the kernel where left out
   */
  constructor(share: SocketShare, fd: number, peer: Endpoint, local?: Endpoint) {
    this.#share = share
    this.#fd = fd
    this.#peer = peer
    this.#local = local
  }

  /** For a socket whose connection is being opened: calls back once it stands. A failure closes it with the error. */
  whenConnected(callback: () => void): void {
    this.#onConnect = callback
    this.#watch(EPOLLOUT)
  }

  /** Closes with an error that was found before there was a reader. */
  fail(error: Error): void {
    if (this.#fd >= 0) this.#destroy(error)
    else this.#tellClosed(error)
  }

  endpoints(): Endpoints | undefined {
    this.#local ??= this.#share.calls.localEndpoint(this.#fd)
    return this.#local === undefined ? undefined : { client: this.#peer, server: this.#local }
  }

  get inputEnded(): boolean {
    return this.#inputEnded && this.#putBack === undefined
  }

  get isWritable(): boolean {
    return this.#fd >= 0 && this.#afterSending === 'nothing' && this.#onConnect === undefined
  }

  get isDestroyed(): boolean {
    return this.#adopted?.isDestroyed ?? this.#fd < 0
  }

  get isClosed(): boolean {
    return this.#adopted?.isClosed ?? this.#isClosed
  }

  get endedInOrder(): boolean {
    return this.#error === undefined && this.#inputEnded && this.#endSent
  }

  get unsentBytes(): number {
    return this.#unsent?.reduce((sum, { length }) => sum + length, 0) ?? 0
  }

  get bytesRead(): number {
    return this.#bytesRead + (this.#adopted?.bytesRead ?? 0)
  }

  resume(): void {
    this.#isPaused = false
    if (this.#putBack !== undefined) process.nextTick(() => this.#readPutBack())
    else this.#wantInput()
  }

  pause(): void {
    this.#isPaused = true
  }

  unread(bytes: Uint8Array): void {
    if (bytes.length === 0) return
    this.#putBack = Buffer.concat(this.#putBack === undefined ? [bytes] : [bytes, this.#putBack])
  }

  #readPutBack(): void {
    const bytes = this.#putBack
    if (bytes === undefined || this.#isPaused || this.#fd < 0) return
    this.#putBack = undefined
    this.reader?.onData(bytes)
    if (this.#isPaused || this.#fd < 0) return
    if (!this.#inputEnded) return this.#wantInput()
    this.reader?.onEnd()
    this.#closeWhenBothEnded()
  }

  write(bytes: Uint8Array | string): boolean {
    if (!this.isWritable) return false
    return this.#send(bytes)
  }

  end(text = ''): void {
    if (!this.isWritable) return
    if (text !== '') this.#send(text)
    // The write may have failed, and closed it.
    if (this.#fd < 0) return
    this.#afterSending = 'end'
    if (this.#unsent === undefined) this.#allSent()
  }

  endAndClose(): void {
    if (this.#fd < 0) return
    this.#afterSending = 'close'
    if (this.#unsent === undefined) this.#allSent()
  }

  destroy(): void {
    if (this.#adopted !== undefined) this.#adopted.destroy()
    else this.#destroy(undefined)
  }

  reset(): void {
    if (this.#fd < 0) return
    this.#share.calls.resetOnClose(this.#fd)
    this.#destroy(undefined)
  }

  startTls(context: SecureContext, events: TlsEvents): TcpSocket {
    const [unsent, putBack] = [this.#unsent ?? [], this.#putBack]
    const fd = this.#release()
    // libuv's own epoll descriptor watches it from here on.
    this.#share.reactor.remove(fd)
    const options = { allowHalfOpen: true, readable: true, writable: true }
    // The last write may have failed, which has closed it.
    const adopted = new NodeSocket((fd < 0 ? new Socket(options).destroy() : new Socket({ fd, ...options })).pause())
    this.#adopted = adopted
    for (const bytes of unsent) adopted.write(bytes)
    if (putBack !== undefined) adopted.unread(putBack)
    const plaintext = adopted.startTls(context, events)
    if (fd < 0) plaintext.destroy()
    return plaintext
  }

  shareReads(): void {
    this.#sharesReads = true
  }

  checkAlive(): void {
    const isRead = !this.#isPaused && !this.#inputEnded
    if (isRead || !this.isWritable || this.#unsent !== undefined) return
    const sent = this.#share.calls.probe(this.#fd)
    if (sent < 0 && sent !== -EAGAIN) this.#destroy(systemError('write', sent))
  }

  noticeWhenGone(unacknowledgedMs: number): void {
    if (this.#fd < 0) return
    for (const [level, name, value] of [...keepAlive, [IPPROTO_TCP, TCP_USER_TIMEOUT, unacknowledgedMs] as const])
      this.#share.calls.setOption(this.#fd, level, name, value)
  }

  whenIdle(ms: number, callback: () => void): void {
    clearTimeout(this.#idle?.timer)
    // It may have closed when it sent its last bytes: nothing would clear the timer.
    if (this.#fd >= 0) this.#idle = { timer: setTimeout(callback, ms) }
  }

  /** For the reactor. */
  ready(events: number): void {
    if (this.#onConnect !== undefined) return this.#connected(events)
    if ((events & EPOLLOUT) !== 0) this.#flush()
    if ((events & (EPOLLIN | EPOLLERR | EPOLLHUP)) === 0 || this.#fd < 0) return
    if (!this.#isReading) return this.#unwanted(events)
    for (let reads = 1; this.#read() && reads < readsAtOnce; reads++);
  }

  get #isReading(): boolean {
    return !this.#isPaused && !this.#inputEnded
  }

  #connected(events: number): void {
    const error = (events & (EPOLLERR | EPOLLHUP)) === 0 ? 0 : this.#share.calls.pendingError(this.#fd)
    if (error < 0) return this.#destroy(systemError('connect', error))
    const callback = this.#onConnect
    this.#onConnect = undefined
    callback?.()
    if (this.#isReading) this.#wantInput()
    else if (this.#unsent === undefined) this.#wantNo(EPOLLOUT)
  }

  /** @returns whether more is there, and may be read */
  #read(): boolean {
    const { calls } = this.#share
    const count = calls.receive(this.#fd)
    if (count > 0) {
      this.#bytesRead += count
      this.#idle?.timer.refresh()
      if (!this.#sharesReads) this.reader?.onData(calls.copyOfInput(count))
      else if (this.reader?.onData(calls.input(count)) === true) calls.giveInputAway()
      return count === bufferBytes && this.#isReading && this.#fd >= 0
    }
    if (count === 0) {
      this.#inputEnded = true
      this.reader?.onEnd()
      this.#closeWhenBothEnded()
      this.#wantNo(EPOLLIN)
    } else if (count !== -EAGAIN && count !== -EINTR) this.#destroy(systemError('read', count))
    return false
  }

  /**
   * Input, or an end of input, that is not read now. A hang-up or an error would be reported again and again, so
   * nothing is watched until reading begins.
   */
  #unwanted(events: number): void {
    if ((events & (EPOLLERR | EPOLLHUP)) === 0) return this.#wantNo(EPOLLIN)
    if (this.#inputEnded || (this.#interest & EPOLLOUT) !== 0) {
      const error = this.#share.calls.pendingError(this.#fd)
      // A hang-up without an error: both directions have ended, and waiting bytes can no longer be sent.
      return this.#destroy(error < 0 ? systemError('read', error) : undefined)
    }
    this.#watch(-1)
  }

  #wantInput(): void {
    if (this.#fd < 0 || this.#inputEnded || this.#onConnect !== undefined) return
    this.#watch((this.#unsent === undefined ? 0 : EPOLLOUT) | EPOLLIN)
  }

  #wantNo(events: number): void {
    if (this.#interest >= 0) this.#watch(this.#interest & ~events)
  }

  #watch(interest: number): void {
    if (interest === this.#interest) return
    const { reactor } = this.#share
    if (interest < 0) reactor.remove(this.#fd)
    else if (this.#interest >= 0) reactor.change(this.#fd, interest)
    else {
      const added = reactor.add(this.#fd, interest, this)
      if (added < 0) return this.#destroy(systemError('epoll_ctl', added))
    }
    this.#interest = interest
  }

  /** @returns whether the kernel has taken all of it */
  #send(bytes: Uint8Array | string): boolean {
    this.#idle?.timer.refresh()
    const { length } = bytes
    let done = 0
    while (this.#unsent === undefined && done < length) {
      const sent = this.#share.calls.send(this.#fd, bytes, done)
      if (sent >= 0) done += sent
      else if (sent === -EAGAIN) this.#unsent = []
      else if (sent !== -EINTR) {
        this.#destroy(systemError('write', sent))
        return false
      }
    }
    if (this.#unsent === undefined) return true
    this.#unsent.push(typeof bytes === 'string' ? Buffer.from(bytes.slice(done), 'latin1') : bytes.subarray(done))
    this.#watch((this.#interest < 0 ? 0 : this.#interest) | EPOLLOUT)
    return false
  }

  #flush(): void {
    const waiting = this.#unsent
    if (waiting === undefined) return
    this.#idle?.timer.refresh()
    for (let first = waiting[0]; first !== undefined; first = waiting[0]) {
      const sent = this.#share.calls.send(this.#fd, first, 0)
      if (sent < 0) {
        if (sent !== -EAGAIN && sent !== -EINTR) this.#destroy(systemError('write', sent))
        return
      }
      if (sent === first.length) waiting.shift()
      else waiting[0] = first.subarray(sent)
    }
    this.#unsent = undefined
    this.#wantNo(EPOLLOUT)
    if (this.#afterSending === 'nothing') this.reader?.onDrain?.()
    else this.#allSent()
  }

  #allSent(): void {
    if (this.#afterSending === 'close') return this.#destroy(undefined)
    const isLast = this.#inputEnded && this.#putBack === undefined
    // A close ends our direction too.
    if (!this.#endSent && !isLast) this.#share.calls.shutdown(this.#fd, SHUT_WR)
    this.#endSent = true
    if (isLast) this.#destroy(undefined)
  }

  #closeWhenBothEnded(): void {
    if (this.#inputEnded && this.#endSent && this.#putBack === undefined) this.#destroy(undefined)
  }

  #destroy(error: Error | undefined): void {
    if (this.#fd < 0) return
    this.#share.reactor.closeDescriptor(this.#release())
    this.#tellClosed(error)
  }

  /** As with Node's sockets, the caller has finished when the reader is told. */
  #tellClosed(error: Error | undefined): void {
    this.#error = error
    process.nextTick(() => {
      this.#isClosed = true
      this.reader?.onClose(this, error)
    })
  }

  /** From here on the descriptor belongs to the caller. */
  #release(): number {
    const fd = this.#fd
    clearTimeout(this.#idle?.timer)
    this.#fd = -1
    this.#interest = -1
    this.#unsent = undefined
    return fd
  }
}
