// Readiness of many descriptors in Node's event loop, with our own epoll descriptor, which libuv watches. Each wake-up
// of libuv handles a batch.
//
// Ownership of a descriptor: its owner is the object that has opened or accepted it (client socket, relay end, DNS
// socket, listener), from then until it calls `closeDescriptor`, or `remove` to give it to Node (startTls). The owner
// does this once, and first forgets the number, so that no later call can use it. A descriptor that cannot be
// registered still belongs to its owner.
//
// The kernel gives a closed number to the next socket at once, so an event that is already in the batch could reach the
// new owner of the number. Therefore each registration has a generation, which the kernel stores in epoll_event.data,
// and an event of another generation is dropped. close(2) ends the registration (epoll(7), question 6). If a child
// process is being started at that moment, it holds the descriptor until its exec(2): until then such events can still
// arrive, and are dropped too.
import {
  EPOLL_CLOEXEC,
  EPOLL_CTL_ADD,
  EPOLL_CTL_DEL,
  EPOLL_CTL_MOD,
  epollLayout,
  type Libc,
  type Memory,
  systemError,
  UV_POLL,
  UV_READABLE,
  wordsOf,
} from './libc.ts'

const { words: epollEventWords, data: epollDataWord } = epollLayout(process.arch)

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
  /** Descriptors that do not keep the process alive. */
  readonly #background = new Set<number>()
  #isKept = false
  #staleEvents = 0
  #isScheduled = false
  #isClosed = false

  /** Throws the error of the system if there is no free descriptor or epoll is forbidden. */
  constructor(libc: Libc) {
    this.libc = libc
    const { c } = libc
    this.#one = libc.allocate(epollEventWords * 4)
    this.#oneWords = wordsOf(this.#one)
    this.#batch = libc.allocate(epollEventWords * 4 * batchSize)
    this.#batchWords = wordsOf(this.#batch)
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
    if (!keepsAlive) this.#background.add(fd)
    this.#count(1)
    return 0
  }

  /** Changes what is waited for. */
  change(fd: number, events: number): void {
    this.#control(EPOLL_CTL_MOD, fd, events, this.#generations[fd] ?? 0)
  }

  /** Stops watching, because the descriptor is given away. Does nothing if it is not watched. */
  remove(fd: number): void {
    if (this.#forget(fd)) this.#control(EPOLL_CTL_DEL, fd, 0, 0)
  }

  /** Closes a descriptor for its owner, whether it is watched or not. */
  closeDescriptor(fd: number): void {
    this.#forget(fd)
    this.libc.c.close(fd)
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

  /** @returns whether it was watched */
  #forget(fd: number): boolean {
    if (this.#watchers[fd] === undefined) return false
    this.#watchers[fd] = undefined
    this.#background.delete(fd)
    this.#count(-1)
    return true
  }

  /** The process stays alive while anything is watched that keeps it alive. */
  #count(change: 1 | -1): void {
    this.#size += change
    const isKept = this.#size > this.#background.size
    if (isKept === this.#isKept) return
    this.#isKept = isKept
    if (isKept) this.libc.c.uv_ref(this.#handle.pointer)
    else this.libc.c.uv_unref(this.#handle.pointer)
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
      if (watcher === undefined || !this.isCurrent(fd, words[at + epollDataWord + 1] ?? 0)) this.#staleEvents++
      else watcher.ready(events)
    }
  }

  /** Whether an event of this generation is for the present owner of the number. */
  protected isCurrent(fd: number, generation: number): boolean {
    return this.#generations[fd] === generation
  }
}
