// Undocumented in Node: that its warning about an experimental module goes through `process.emitWarning` while the
// module is loaded.
//
// The warning is for those who write a program. On the standard error of a gateway it would be read as a fault of the
// gateway. Without it: the warning is printed.

import type * as ffi from 'node:ffi'

export type FFI = typeof ffi

/** node:ffi, or undefined where this Node does not have it. May throw what Node throws. */
export function loadFFI(): FFI | undefined {
  const emit = process.emitWarning
  process.emitWarning = () => undefined
  try {
    return process.getBuiltinModule('node:ffi') as FFI | undefined
  } finally {
    process.emitWarning = emit
  }
}
