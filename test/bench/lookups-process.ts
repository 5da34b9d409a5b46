// Lookups in the allowlist's file and in an access list, timed in a fresh process that runs as the gateway does.
import { fileURLToPath } from 'node:url'
import { parseAccessTable } from '../../crds/values/access-table.ts'
import { formatIPv4 } from '../../crds/values/address.ts'
import { compileAccessList, compileTable } from '../../gateway/core/access-list.ts'
import { openLmdbAllowlist } from '../../gateway/allowlist/allowlist-lmdb.ts'
import { quantile } from '../laboratory/figures.ts'
import { gatewayFlags } from '../laboratory/gateway-flags.ts'
import type { Round } from './bench-case.ts'
import { forkRound } from './forked.ts'
import { allowlistKey } from './allowlist-data.ts'
import { tableText } from './access-data.ts'

const program = fileURLToPath(import.meta.url)
const lookups = 200_000
const warmUp = 20_000

/** Random keys among the first `entries`, each lookup timed by itself. Microseconds. */
export const timeAllowlist = (directory: string, entries: number): Promise<Round> =>
  forkRound(program, ['allowlist', directory, String(entries)], gatewayFlags)

/** Random addresses, half of them in a network of the list; nanoseconds for each, and the time to parse and compile in milliseconds. */
export const timeAccessList = (networks: number): Promise<Round> => forkRound(program, ['access', '', String(networks)], gatewayFlags)

async function allowlist(directory: string, entries: number): Promise<Round> {
  const store = await openLmdbAllowlist({ directory, warn: (text) => console.error(text) })
  const times: number[] = []
  let found = 0
  for (let i = 0; i < warmUp + lookups; i++) {
    const key = allowlistKey(Math.floor(Math.random() * entries))
    const began = process.hrtime.bigint()
    const record = store.get(key)
    const took = Number(process.hrtime.bigint() - began) / 1000
    if (i >= warmUp) times.push(took)
    if (record !== undefined) found++
  }
  await store.close()
  return { p50: quantile(times, 0.5), p99: quantile(times, 0.99), missing: warmUp + lookups - found }
}

function access(networks: number): Round {
  const text = tableText(networks)
  const began = performance.now()
  const list = compileAccessList([{ is: 'table', table: compileTable(parseAccessTable(text).rules) }])
  const built = performance.now() - began
  const addresses = Array.from({ length: 4096 }, () => formatIPv4(Math.floor(Math.random() * 2 ** 32)))
  let permitted = 0
  const play = (count: number): void => {
    for (let i = 0; i < count; i++) if (list.decide(addresses[i & 4095] ?? '') === 'Permit') permitted++
  }
  play(warmUp)
  const from = process.hrtime.bigint()
  play(lookups)
  const took = Number(process.hrtime.bigint() - from)
  return { lookup: took / lookups, build: built, permitted }
}

if (process.argv[1] === program) {
  const [, , role, directory = '', count] = process.argv
  process.send?.(role === 'allowlist' ? await allowlist(directory, Number(count)) : access(Number(count)))
  process.disconnect?.()
}
