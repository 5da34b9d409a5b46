// File descriptors of this process: how many it has open, and how many it may have.
import { readdirSync, readFileSync } from 'node:fs'

/** The limit that holds (RLIMIT_NOFILE). Node raises the soft limit to the hard one when it starts. Undefined where the system does not tell. */
export function openFilesLimit(): number | undefined {
  try {
    const soft = /^Max open files +(\d+)/m.exec(readFileSync('/proc/self/limits', 'utf8'))?.[1]
    return soft === undefined ? undefined : Number(soft)
  } catch {
    return undefined
  }
}

/** Descriptors that are open now. Undefined where the system does not tell. */
export function openFiles(): number | undefined {
  try {
    // One of them is the folder's own.
    return readdirSync('/proc/self/fd').length - 1
  } catch {
    return undefined
  }
}
