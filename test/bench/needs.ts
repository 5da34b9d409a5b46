// What a measurement needs of the machine, and how to get what is missing.
import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { openFilesLimit } from '../laboratory/open-files-limit.ts'
import { type Peer, unless } from '../peers/require.ts'

/**
 * A program to compare with, a number of open files for one process, or a flag that the gateway must know.
 */
export type Need =
  | Extract<Peer, 'haproxy' | 'loopback' | 'postfix' | 'rbldnsd' | 'valkey'>
  | { readonly files: number }
  | { readonly flag: string }

const packages: Readonly<Partial<Record<Peer, string>>> = {
  haproxy: 'haproxy',
  postfix: 'postfix postfix-lmdb',
  rbldnsd: 'rbldnsd',
  valkey: 'redis-server redis-tools',
}

/** What is missing and how to get it, or undefined. */
export function missing(need: Need): string | undefined {
  if (typeof need === 'string') return missingPeer(need)
  if ('flag' in need) return missingFlag(need.flag)
  const limit = openFilesLimit()
  return limit >= need.files
    ? undefined
    : `needs ${need.files} open files, and the hard limit is ${limit}: ulimit -Hn ${need.files} as root`
}

function missingPeer(peer: Extract<Need, string>): string | undefined {
  const why = unless(peer)
  if (why === false) return undefined
  const names = packages[peer]
  return names === undefined || why.includes('root') ? why : `${why}: apt-get install --no-install-recommends ${names}`
}

/** Not the user's to get: the case is left out. */
function missingFlag(flag: string): string | undefined {
  const command = fileURLToPath(new URL('../../cli/main.ts', import.meta.url))
  const { stdout } = spawnSync(process.execPath, [command, 'gateway', '--help'], { encoding: 'utf8' })
  return stdout.includes(flag) ? undefined : `the gateway has no ${flag}`
}
