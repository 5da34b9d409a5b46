// The C library for tests: calls that are watched or fail as they are told, and memory between known bytes.
import assert from 'node:assert/strict'
import { type Functions, Libc, type Memory } from '../../../gateway/linux/libc.ts'
import { linuxNetwork } from '../../../gateway/linux/linux-network.ts'
import { loadFFI } from '../../../gateway/node-internals/ffi-module.ts'
import type { Network } from '../../../gateway/sockets/network.ts'

export type Arguments = readonly (number | bigint)[]
/**
 * Stands in front of every call. It makes the call, or does not.
 * @returns what C returns, or -errno for a call that is to fail
 */
export type Interceptor = (name: keyof Functions, args: Arguments, call: (args: Arguments) => number) => number

function ffi() {
  const found = loadFFI()
  assert.ok(found !== undefined)
  return found
}

/** The real C library behind an interceptor. */
export class InterceptedLibc extends Libc {
  #failure: number | undefined

  constructor(intercept: Interceptor) {
    super(ffi())
    const real = this.c as unknown as Readonly<Record<string, (...args: Arguments) => number>>
    const intercepted = Object.keys(real).map((name) => {
      const stand = (...args: Arguments): number => {
        this.#failure = undefined
        let errno = 0
        const result = intercept(name as keyof Functions, args, (all) => {
          const returned = real[name]?.(...all) ?? 0
          if (returned === -1) errno = super.errno
          return returned
        })
        if (result >= -1) {
          // What the interceptor did since may have changed it.
          this.#failure = result === -1 ? errno : undefined
          return result
        }
        this.#failure = -result
        return -1
      }
      return [name, stand] as const
    })
    Object.assign(this, { c: Object.fromEntries(intercepted) })
  }

  override get errno(): number {
    return this.#failure ?? super.errno
  }
}

const guardBytes = 64
const guard = 0xa5

/** Memory with known bytes before and behind it. */
export class GuardedLibc extends Libc {
  readonly #all: { readonly whole: Memory; readonly length: number }[] = []

  constructor() {
    super(ffi())
  }

  override allocate(length: number): Memory {
    const whole = super.allocate(length + 2 * guardBytes)
    whole.bytes.fill(guard, 0, guardBytes).fill(guard, guardBytes + length)
    this.#all.push({ whole, length })
    return { bytes: whole.bytes.subarray(guardBytes, guardBytes + length), pointer: whole.pointer + BigInt(guardBytes) }
  }

  /** Fails if one of the known bytes has changed. @returns the number of places of memory */
  check(): number {
    const expected = Buffer.alloc(guardBytes, guard)
    for (const { whole, length } of this.#all) {
      assert.ok(whole.bytes.subarray(0, guardBytes).equals(expected), `bytes before ${length} bytes of memory have changed`)
      assert.ok(whole.bytes.subarray(guardBytes + length, length + 2 * guardBytes).equals(expected), `bytes behind ${length} have changed`)
    }
    return this.#all.length
  }
}

/** The network of Linux on such a C library. */
export function networkOn(libc: Libc): Network {
  const network = linuxNetwork(libc)
  if (typeof network === 'string') throw new Error(network)
  return network
}
