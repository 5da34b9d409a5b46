// Undocumented in SonicBoom, on which pino writes: `fd`, the file descriptor that it has opened.
//
// At the end of the process, lines that still wait can only be written synchronously, which needs the descriptor.
// Without it: those lines are lost, at most 20 ms of them; a normal stop flushes the log before.
import { writeSync } from 'node:fs'

/**
 * Writes to the file behind a pino destination, synchronously. Does nothing when it is not open or cannot take the
 * bytes.
 */
export function writeAtExit(destination: object, bytes: Uint8Array): void {
  const { fd } = destination as { readonly fd?: unknown }
  // Not open yet: -1.
  if (typeof fd !== 'number' || fd < 0) return
  try {
    writeSync(fd, bytes)
  } catch {
    // The reader has gone.
  }
}
