// Keeps the code that Node compiles, without its types, for the next start: from a checkout, a command then takes half
// the time. The image has its own cache (Dockerfile).
import { mkdirSync, statSync } from 'node:fs'
import { enableCompileCache } from 'node:module'
import { homedir } from 'node:os'
import { join } from 'node:path'

/**
 * Uses `postscreen` in the user's folder for caches. Node runs what it finds there, so a folder that belongs to another
 * user, or that others may write to, is not used; nor is Node's default, which is in the folder for temporary files.
 * Without a folder, the command only starts more slowly.
 */
export function keepCompiledCode(env: NodeJS.ProcessEnv = process.env): void {
  // The user has chosen a folder, or does not want one: Node has read this already.
  if (env['NODE_COMPILE_CACHE'] !== undefined || env['NODE_DISABLE_COMPILE_CACHE'] !== undefined) return
  try {
    const folder = join(env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'), 'postscreen')
    mkdirSync(folder, { recursive: true, mode: 0o700 })
    const { uid, mode } = statSync(folder)
    if (uid === process.getuid?.() && (mode & 0o022) === 0) enableCompileCache(folder)
  } catch {
    // The user has no home folder, or it is read-only.
  }
}
