// Readiness of many descriptors in Node's event loop, with our own epoll descriptor, which libuv watches. Each wake-up
// of libuv handles a batch.
//
// Ownership of a descriptor: its owner is the object that has opened or accepted it (client socket, relay end, DNS
// socket, listener). Only the owner closes it, once, and calls `forget` before that. The kernel gives a closed number
// to the next socket at once, so an event that is already in the batch could reach the new owner of the number.
// Therefore each registration has a generation, which the kernel stores in epoll_event.data, and an event of another
// generation is dropped.
import {
  EPOLL_CLOEXEC,
  EPOLL_CTL_ADD,
  EPOLL_CTL_DEL,
  EPOLL_CTL_MOD,
  epollDataWord,
  epollEventWords,
  type Libc,
  type Memory,
  systemError,
  UV_POLL,
  UV_READABLE,
} from './libc.ts'

/** The number of descriptors in one wake-up. Then libuv handles its other events (timers, TLS, Valkey, DNS). */
const batchSize = 512

/** What is told about a descriptor. `events` are EPOLLIN, EPOLLOUT, EPOLLERR, EPOLLHUP; the last two come unasked. */
export interface Watcher {
  ready(events: number): void
}

export class Reactor {
  readonly libc: Libc
  readonly #epoll: number
  readonly #one: Memory
  readonly #oneWords: Uint32Array
  readonly #batch: Memory
  readonly #batchWords: Uint32Array
  readonly #handle: Memory
  readonly #callback: bigint
  readonly #watchers: (Watcher | undefined)[] = []
  readonly #generations: number[] = []
  #size = 0
  /** Descriptors that keep the process alive. */
  readonly #keepAlive = new Set<number>()
  #staleEvents = 0
  #isScheduled = false
  #isClosed = false

  /** Throws the error of the system if there is no free descriptor or epoll is forbidden. */
  constructor(libc: Libc) {
    this.libc = libc
    const { c } = libc
    this.#one = libc.allocate(epollEventWords * 4)
    this.#oneWords = new Uint32Array(this.#one.bytes.buffer)
    this.#batch = libc.allocate(epollEventWords * 4 * batchSize)
    this.#batchWords = new Uint32Array(this.#batch.bytes.buffer)
    this.#handle = libc.allocate(c.uv_handle_size(UV_POLL))
    this.#epoll = libc.result(c.epoll_create1(EPOLL_CLOEXEC))
    if (this.#epoll < 0) throw systemError('epoll_create1', this.#epoll)
    // The work is done in an immediate: after an immediate, Node runs ticks and microtasks, and it reports exceptions.
    // After a callback of node:ffi, it does not. Immediates follow the poll phase in the same turn of the event loop.
    this.#callback = libc.callback({ arguments: ['pointer', 'i32', 'i32'] }, () => this.#schedule())
    const started =
      c.uv_poll_init(libc.loop, this.#handle.pointer, this.#epoll) || c.uv_poll_start(this.#handle.pointer, UV_READABLE, this.#callback)
    if (started < 0) throw systemError('uv_poll_start', started)
    c.uv_unref(this.#handle.pointer)
  }

  /** Descriptors that are watched. */
  get size(): number {
    return this.#size
  }

  /** Events that arrived for a descriptor after it was closed, and were dropped. */
  get staleEvents(): number {
    return this.#staleEvents
  }

  /**
   * Starts to watch.
   * @param keepsAlive whether the process stays alive while this is watched, as with Node's own sockets
   * @returns 0, or -errno (ENOSPC, ENOMEM)
   */
  add(fd: number, events: number, watcher: Watcher, keepsAlive = true): number {
    const generation = ((this.#generations[fd] ?? 0) + 1) >>> 0
    const result = this.#control(EPOLL_CTL_ADD, fd, events, generation)
    if (result < 0) return result
    this.#generations[fd] = generation
    this.#watchers[fd] = watcher
    this.#size++
    if (keepsAlive && this.#keepAlive.size === 0) this.libc.c.uv_ref(this.#handle.pointer)
    if (keepsAlive) this.#keepAlive.add(fd)
    return 0
  }

  /** Changes what is waited for. */
  change(fd: number, events: number): void {
    this.#control(EPOLL_CTL_MOD, fd, events, this.#generations[fd] ?? 0)
  }

  /** Stops watching a descriptor that stays open. Does nothing if it is not watched. */
  remove(fd: number): void {
    if (this.#watchers[fd] === undefined) return
    this.forget(fd)
    this.#control(EPOLL_CTL_DEL, fd, 0, 0)
  }

  /**
   * The descriptor is closed now, which ends the watch of the kernel: no epoll_ctl (epoll(7), question 6; nothing else
   * refers to our open files, for they are closed on exec). Does nothing if it is not watched.
   */
  forget(fd: number): void {
    if (this.#watchers[fd] === undefined) return
    this.#watchers[fd] = undefined
    this.#size--
    if (this.#keepAlive.delete(fd) && this.#keepAlive.size === 0) this.libc.c.uv_unref(this.#handle.pointer)
  }

  /** Ends all watches. The descriptors stay open. */
  close(): void {
    if (this.#isClosed) return
    this.#isClosed = true
    const { c } = this.libc
    c.uv_poll_stop(this.#handle.pointer)
    const closed = this.libc.callback({ arguments: ['pointer'] }, () => {
      c.close(this.#epoll)
      setImmediate(() => {
        this.libc.forget(this.#callback)
        this.libc.forget(closed)
      })
    })
    // libuv uses the handle until the callback, so the closure keeps it.
    c.uv_close(this.#handle.pointer, closed)
  }

  #control(operation: number, fd: number, events: number, generation: number): number {
    this.#oneWords[0] = events
    this.#oneWords[epollDataWord] = fd
    this.#oneWords[epollDataWord + 1] = generation
    return this.libc.result(this.libc.c.epoll_ctl(this.#epoll, operation, fd, this.#one.pointer))
  }

  #schedule(): void {
    if (this.#isScheduled || this.#isClosed) return
    this.#isScheduled = true
    setImmediate(this.#drain)
  }

  /**
   * Handles one batch. Further events keep the epoll descriptor readable, so libuv calls again after its other events.
   */
  readonly #drain = (): void => {
    this.#isScheduled = false
    if (this.#isClosed) return
    const count = this.libc.c.epoll_wait(this.#epoll, this.#batch.pointer, batchSize, 0)
    const words = this.#batchWords
    for (let i = 0, at = 0; i < count; i++, at += epollEventWords) {
      const events = words[at] ?? 0
      const fd = words[at + epollDataWord] ?? 0
      const watcher = this.#watchers[fd]
      if (watcher === undefined || this.#generations[fd] !== words[at + epollDataWord + 1]) this.#staleEvents++
      else watcher.ready(events)
    }
  }
}
