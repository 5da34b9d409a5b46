// The C library, through node:ffi. Only this file uses it. Each function has its prototype in a comment. A failed call
// returns -errno, like a system call of the kernel.
//
// Memory: the kernel writes only to memory from `allocate`, which V8 neither moves nor frees while its Memory object is
// reachable. Every length that is passed is at most the length of this memory. node:ffi is experimental, so
// package.json requires an exact version of Node.
//
// Speed: node:ffi calls a function of at most three arguments directly, and others through an array of arguments, which
// takes 0.5 µs more. Therefore sockets are read with read(2) and written with write(2), not with recv and send. They do
// not block (SOCK_NONBLOCK), and Node ignores SIGPIPE.
import { getSystemErrorName } from 'node:util'
import { type FFI, loadFFI } from '../node-internals/ffi-module.ts'

/** Constants of Linux; they are the same on x86-64 and arm64. */
export const AF_INET = 2
export const AF_INET6 = 10
export const SOCK_STREAM = 1
export const SOCK_DGRAM = 2
export const SOCK_NONBLOCK = 0o4000
export const SOCK_CLOEXEC = 0o2000000
export const SOL_SOCKET = 1
export const SO_REUSEADDR = 2
export const SO_ERROR = 4
export const SO_RCVBUF = 8
export const SO_KEEPALIVE = 9
export const SO_LINGER = 13
export const SO_REUSEPORT = 15
export const IPPROTO_TCP = 6
export const TCP_NODELAY = 1
export const TCP_KEEPIDLE = 4
export const TCP_KEEPINTVL = 5
export const TCP_KEEPCNT = 6
export const TCP_USER_TIMEOUT = 18
export const IPPROTO_IPV6 = 41
export const IPV6_V6ONLY = 26
export const SHUT_WR = 1
export const MSG_DONTWAIT = 0x40
export const MSG_NOSIGNAL = 0x4000
export const EPOLL_CLOEXEC = SOCK_CLOEXEC
export const EPOLL_CTL_ADD = 1
export const EPOLL_CTL_DEL = 2
export const EPOLL_CTL_MOD = 3
export const EPOLLIN = 0x1
export const EPOLLOUT = 0x4
export const EPOLLERR = 0x8
export const EPOLLHUP = 0x10
export const UV_POLL = 8
export const UV_READABLE = 1
export const EINTR = 4
export const EAGAIN = 11
export const ECONNABORTED = 103
export const EINPROGRESS = 115

/**
 * struct epoll_event { uint32_t events; epoll_data_t data; }: packed on x86-64 (sys/epoll.h, __EPOLL_PACKED), aligned
 * elsewhere. In 32-bit words.
 */
export const epollLayout = (arch: NodeJS.Architecture) => (arch === 'x64' ? { words: 3, data: 1 } : { words: 4, data: 2 })

/** Memory that C may be given: `pointer` is where `bytes` begins. */
export interface Memory {
  readonly bytes: Buffer<ArrayBuffer>
  readonly pointer: bigint
}

/** The same memory as 32-bit words. */
export const wordsOf = ({ bytes }: Memory): Uint32Array => new Uint32Array(bytes.buffer, bytes.byteOffset, bytes.length / 4)

const signatures = {
  // int socket(int domain, int type, int protocol)
  socket: { arguments: ['i32', 'i32', 'i32'], return: 'i32' },
  // int bind(int fd, const struct sockaddr *addr, socklen_t length)
  bind: { arguments: ['i32', 'pointer', 'u32'], return: 'i32' },
  // int listen(int fd, int backlog)
  listen: { arguments: ['i32', 'i32'], return: 'i32' },
  // int connect(int fd, const struct sockaddr *addr, socklen_t length)
  connect: { arguments: ['i32', 'pointer', 'u32'], return: 'i32' },
  // int accept4(int fd, struct sockaddr *addr, socklen_t *length, int flags)
  accept4: { arguments: ['i32', 'pointer', 'pointer', 'i32'], return: 'i32' },
  // int getsockname(int fd, struct sockaddr *addr, socklen_t *length)
  getsockname: { arguments: ['i32', 'pointer', 'pointer'], return: 'i32' },
  // int setsockopt(int fd, int level, int name, const void *value, socklen_t length)
  setsockopt: { arguments: ['i32', 'i32', 'i32', 'pointer', 'u32'], return: 'i32' },
  // int getsockopt(int fd, int level, int name, void *value, socklen_t *length)
  getsockopt: { arguments: ['i32', 'i32', 'i32', 'pointer', 'pointer'], return: 'i32' },
  // ssize_t read(int fd, void *buffer, size_t length): lengths are below 2^31, so that no BigInt is made for each call
  read: { arguments: ['i32', 'pointer', 'u32'], return: 'i32' },
  // ssize_t write(int fd, const void *buffer, size_t length)
  write: { arguments: ['i32', 'pointer', 'u32'], return: 'i32' },
  // int sendmmsg(int fd, struct mmsghdr *messages, unsigned int count, int flags)
  sendmmsg: { arguments: ['i32', 'pointer', 'u32', 'i32'], return: 'i32' },
  // int recvmmsg(int fd, struct mmsghdr *messages, unsigned int count, int flags, struct timespec *timeout)
  recvmmsg: { arguments: ['i32', 'pointer', 'u32', 'i32', 'pointer'], return: 'i32' },
  // int shutdown(int fd, int how)
  shutdown: { arguments: ['i32', 'i32'], return: 'i32' },
  // int close(int fd)
  close: { arguments: ['i32'], return: 'i32' },
  // int epoll_create1(int flags)
  epoll_create1: { arguments: ['i32'], return: 'i32' },
  // int epoll_ctl(int epfd, int op, int fd, struct epoll_event *event)
  epoll_ctl: { arguments: ['i32', 'i32', 'i32', 'pointer'], return: 'i32' },
  // int epoll_wait(int epfd, struct epoll_event *events, int count, int timeout)
  epoll_wait: { arguments: ['i32', 'pointer', 'i32', 'i32'], return: 'i32' },
  // int *__errno_location(void): of this thread, and the same for as long as it lives
  __errno_location: { arguments: [], return: 'pointer' },
  // int uv_poll_init(uv_loop_t *loop, uv_poll_t *handle, int fd)
  uv_poll_init: { arguments: ['pointer', 'pointer', 'i32'], return: 'i32' },
  // int uv_poll_start(uv_poll_t *handle, int events, uv_poll_cb callback)
  uv_poll_start: { arguments: ['pointer', 'i32', 'pointer'], return: 'i32' },
  // int uv_poll_stop(uv_poll_t *handle)
  uv_poll_stop: { arguments: ['pointer'], return: 'i32' },
  // void uv_close(uv_handle_t *handle, uv_close_cb callback)
  uv_close: { arguments: ['pointer', 'pointer'], return: 'void' },
  // void uv_ref(uv_handle_t *handle), void uv_unref(uv_handle_t *handle)
  uv_ref: { arguments: ['pointer'], return: 'void' },
  uv_unref: { arguments: ['pointer'], return: 'void' },
  // size_t uv_handle_size(uv_handle_type type): below 2^32
  uv_handle_size: { arguments: ['i32'], return: 'u32' },
} as const

const functionsOf = (ffi: FFI) => ffi.dlopen(null, signatures)
type Library = ReturnType<typeof functionsOf>

/** The functions of the C library and of libuv, in this process. */
export type Functions = Library['functions']

/** The C library of this process. `c` returns what C returns; after a -1 ask `errno` at once. */
export class Libc {
  readonly c: Functions
  readonly #ffi: FFI
  readonly #library: Library['lib']
  readonly #errno: Int32Array

  constructor(ffi: FFI) {
    const { lib, functions } = functionsOf(ffi)
    this.#ffi = ffi
    this.#library = lib
    this.c = functions
    const { __errno_location: errnoLocation } = functions
    this.#errno = new Int32Array(ffi.toArrayBuffer(errnoLocation(), 4, false))
  }

  /** Why the last call failed. Anything that runs between the call and this can change it. */
  get errno(): number {
    return this.#errno[0] ?? 0
  }

  /** What a call returned, or -errno when that was -1. */
  result(returned: number): number {
    return returned < 0 ? -this.errno : returned
  }

  /** Memory of its own, filled with zeros. Not less than 64 bytes: V8 keeps smaller arrays where it may move them. */
  allocate(length: number): Memory {
    const bytes = Buffer.from(new ArrayBuffer(Math.max(length, 64)))
    return { bytes, pointer: this.pointerTo(bytes) }
  }

  /** Where bytes begin that the kernel reads in the next call. They do not move, but only their owner keeps them. */
  pointerTo(bytes: Uint8Array): bigint {
    return this.#ffi.getRawPointer(bytes)
  }

  /** Node's own libuv loop. */
  get loop(): bigint {
    return this.#ffi.getCurrentEventLoop()
  }

  /** A C function that calls back. It must not throw, for that would end the process. */
  callback(signature: { readonly arguments: readonly ('pointer' | 'i32')[] }, call: () => void): bigint {
    return this.#library.registerCallback({ arguments: signature.arguments, return: 'void' }, call)
  }

  forget(callback: bigint): void {
    this.#library.unregisterCallback(callback)
  }
}

/** The error of a failed call, as Node's own sockets have it. `result` is -errno. */
export function systemError(call: string, result: number): NodeJS.ErrnoException {
  const code = getSystemErrorName(result)
  return Object.assign(new Error(`${call} ${code}`), { code, errno: result, syscall: call })
}

/** The C library, or the reason in words why it cannot be used here. */
export function loadLibc(): Libc | string {
  if (process.platform !== 'linux') return `this system is ${process.platform}, not Linux`
  if (process.arch !== 'x64' && process.arch !== 'arm64') return `the layout of structures on ${process.arch} is not known`
  try {
    const ffi = loadFFI()
    return ffi === undefined ? `this Node (${process.version}) has no node:ffi` : new Libc(ffi)
  } catch (error) {
    return `node:ffi cannot be used: ${error instanceof Error ? error.message : String(error)}`
  }
}
