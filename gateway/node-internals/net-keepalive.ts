// The package net-keepalive, loaded when it is first used: it brings a library of 2 MB, which the sockets of Linux do
// not need. Node's own listeners use it before they accept a client.
import { createRequire } from 'node:module'
import type NetKeepAlive from 'net-keepalive'

const requirePackage = createRequire(import.meta.url)
let loaded: typeof NetKeepAlive | undefined

/** Throws the error of Node if the package cannot be loaded. */
export function netKeepAlive(): typeof NetKeepAlive {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- require does not know what it finds
  loaded ??= requirePackage('net-keepalive') as typeof NetKeepAlive
  return loaded
}
