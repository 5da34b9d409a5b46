// How many files a process may open: more clients than that cannot be held.
import { execFileSync } from 'node:child_process'

/** Where there is no limit, Linux still has about this one (fs.nr_open). */
const linuxLimit = 1_000_000

/** The hard limit. Node raises the soft limit to it by itself. */
export function openFilesLimit(): number {
  const limit = execFileSync('sh', ['-c', 'ulimit -Hn'], { encoding: 'utf8' }).trim()
  return limit === 'unlimited' ? linuxLimit : Number(limit)
}
