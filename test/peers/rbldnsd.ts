// A private rbldnsd with the test zones, on an address of its own.

import { copyFileSync, chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { startChild, untilReady } from './child.ts'
import { freeNameServerAddress } from './loopback.ts'

const files = join(import.meta.dirname, 'files', 'rbl')

export interface Rbldnsd {
  /** Its address; the port is 53. */
  readonly address: string
  stop(): Promise<void>
}

/** The same zones with the test entry of RFC 5782, section 5, for gateways that test their lists. */
export const zonesWithTestEntry = (): Readonly<Record<string, string>> =>
  Object.fromEntries(readdirSync(files).map((name) => [name, `${readFileSync(join(files, name), 'utf8')}127.0.0.2\n`]))

/**
 * Starts rbldnsd with files/rbl: 127.40.0.0/16 is listed in bl1.test (127.0.0.2) and bl2.test (127.0.0.4), 127.41.0.0/16 in bl3.test
 * (127.0.0.10), 127.42.0.0/16 in wl.test (127.0.0.3), and 127.45.0.0/16 answers 127.255.255.254 in bl1.test. Every SOA has TTL 300.
 * `zones` adds or replaces zones: name without `.test` -> text of an ip4set file.
 */
export async function startRbldnsd(zones: Readonly<Record<string, string>> = {}): Promise<Rbldnsd> {
  const folder = mkdtempSync(join(tmpdir(), 'rbldnsd-'))
  chmodSync(folder, 0o755)
  for (const name of readdirSync(files)) copyFileSync(join(files, name), join(folder, name))
  for (const [name, text] of Object.entries(zones)) writeFileSync(join(folder, name), text)
  const sources = readdirSync(folder)
  for (const name of sources) chmodSync(join(folder, name), 0o644)
  const address = await freeNameServerAddress()
  // rbldnsd changes its user, which undoes setpriv's promise: so a shell as process 1 of a namespace holds it.
  const command = `rbldnsd -n -b ${address}/53 -w ${folder} ${sources.map((name) => `${name}.test:ip4set:${name}`).join(' ')} & wait`
  const child = startChild('unshare', ['--pid', '--fork', '--kill-child', 'sh', '-c', command])
  await untilReady(child, 'rbldnsd', () => /rbldnsd version .* started/.test(child.output()))
  return {
    address,
    stop: async () => {
      await child.stop()
      rmSync(folder, { recursive: true, force: true })
    },
  }
}
