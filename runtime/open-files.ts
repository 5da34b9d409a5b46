// File descriptors of this process: those that are open, and the limit.
import { readdirSync, readFileSync } from 'node:fs'

/**
 * The limit (RLIMIT_NOFILE). Node raises the soft limit to the hard one when it starts. Undefined on systems without
 * /proc.
 */
export function openFilesLimit(): number | undefined {
  try {
    const soft = /^Max open files +(\d+)/m.exec(readFileSync('/proc/self/limits', 'utf8'))?.[1]
    return soft === undefined ? undefined : Number(soft)
  } catch {
    return undefined
  }
}

/** Descriptors that are open now. Undefined on systems without /proc. */
export function openFiles(): number | undefined {
  try {
    // One of them belongs to this reading of the folder.
    return readdirSync('/proc/self/fd').length - 1
  } catch {
    return undefined
  }
}
