// The gateway under a shared policy, as a listener under test: a process with its policy file, its name server and its own allowlist.

import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openLmdbAllowlist } from '../../gateway/allowlist/allowlist-lmdb.ts'
import { startGatewayProcess } from '../peers/gateway.ts'
import { makeCertificate } from '../peers/postfix.ts'
import { ClientLog } from './client-log.ts'
import type { Listener } from './play-live.ts'
import type { SharedPolicy } from './policy-file.ts'

export interface GatewaySurroundings {
  /** 127.0.0.1:PORT of an smtpd that expects the PROXY protocol. */
  readonly backend: string
  /** ADDR:PORT of the name server. */
  readonly resolver: string
  /** What the allowlist holds at the start: address -> record. */
  readonly remembered?: Readonly<Record<string, string>>
}

export interface GatewayListener extends Listener {
  stop(): Promise<void>
}

/** Starts a gateway for the policy on a free port of every IPv4 address. */
export async function startGatewayListener(shared: SharedPolicy, around: GatewaySurroundings): Promise<GatewayListener> {
  const folder = mkdtempSync(join(tmpdir(), `gateway-${shared.name}-`))
  const dataDir = join(folder, 'data')
  mkdirSync(dataDir)
  if ('tls' in shared.policy) {
    mkdirSync(join(folder, 'tls'))
    makeCertificate(join(folder, 'tls'))
  }
  if (around.remembered !== undefined) await remember(dataDir, around.remembered)
  const flags = ['--listen', '0.0.0.0:0', '--resolver', around.resolver, '--data-dir', dataDir]
  if (!('backend' in shared.policy)) flags.push('--backend', around.backend)
  const spec = JSON.parse(JSON.stringify(specOf(shared)).replaceAll('@FOLDER@', folder)) as object
  const gateway = await startGatewayProcess({ spec, flags })
  return {
    port: gateway.port,
    log: new ClientLog(() => gateway.log.linesOf('postfix/postscreen')),
    remembered: async (address) => {
      const store = await openLmdbAllowlist({ directory: dataDir, warn: () => undefined })
      const record = await store.get(address)
      await store.close()
      return record
    },
    stop: async () => {
      await gateway.stop()
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

/** The whole spec. Presets of a scenario would be cleaned away where they say that a test was never passed. */
function specOf({ policy }: SharedPolicy): Readonly<Record<string, unknown>> {
  return { hostname: 'mx.example.test', ...policy, allowlist: { cleanupInterval: '0s', ...(policy['allowlist'] as object | undefined) } }
}

/** Straight into the store: `postscreen allowlist import` refuses records that no client should have. */
async function remember(dataDir: string, remembered: Readonly<Record<string, string>>): Promise<void> {
  const store = await openLmdbAllowlist({ directory: dataDir, warn: () => undefined })
  for (const [address, record] of Object.entries(remembered)) store.put(address, record)
  await store.close()
}
