// Starts a gateway of one process: opens its allowlist, then the gateway itself.
import { memoryAllowlist } from './allowlist/allowlist-memory.ts'
import type { LocalAllowlist } from './allowlist/allowlist-store.ts'
import { DataDirectoryError } from './allowlist/data-directory.ts'
import type { LocalGateway } from './process/gateway.ts'
import { GatewayProcess } from './process/gateway-process.ts'
import type { GatewayOptions } from './process/options.ts'
import { chooseNetwork } from './sockets/choose-network.ts'

/**
 * Starts a gateway. Rejects with what is wrong: a policy with problems (PolicyRefused), a port in use (ListenError).
 * With `awaitPolicy` it is there as soon as its admin server is, and listens once it has a policy.
 */
export async function startGateway(options: GatewayOptions): Promise<LocalGateway> {
  const gateway = new GatewayProcess(options, await openStore(options), chooseNetwork(options.io ?? 'auto'))
  try {
    await gateway.open()
    return gateway
  } catch (error) {
    await gateway.drain(0)
    throw error
  }
}

/**
 * The gateway's own allowlist, in the data directory. One that cannot be used costs clients a second test, not their
 * mail: the gateway continues in memory and logs a warning.
 */
async function openStore({ dataDir, log }: GatewayOptions): Promise<LocalAllowlist> {
  if (dataDir === undefined) return memoryAllowlist()
  // Loaded only here: without a data directory, LMDB would use memory for nothing.
  const { openLmdbAllowlist } = await import('./allowlist/allowlist-lmdb.ts')
  try {
    return await openLmdbAllowlist({ directory: dataDir, warn: (text) => log.warning(text) })
  } catch (error) {
    if (!(error instanceof DataDirectoryError)) throw error
    log.warning(`${error.message}; the temporary allowlist is kept in memory instead`)
    return memoryAllowlist()
  }
}
