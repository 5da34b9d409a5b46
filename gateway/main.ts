// The gateway: opens what it needs, starts, and tells how it is to be stopped.
import { memoryAllowlist } from './allowlist/allowlist-memory.ts'
import { openLmdbAllowlist } from './allowlist/allowlist-lmdb.ts'
import type { ProbeMessage } from './backend/probe-sharing.ts'
import type { LocalAllowlist } from './allowlist/allowlist-store.ts'
import { DataDirectoryError } from './allowlist/data-directory.ts'
import type { MetricValues } from './observability/metrics.ts'
import type { GatewayOptions } from './process/options.ts'
import { RunningGateway } from './process/running-gateway.ts'
import type { StatusPage } from './observability/status.ts'

/** A gateway that runs. */
export interface Gateway {
  /** ADDR:PORT of each listening socket, also where port 0 was asked for. */
  readonly listening: readonly string[]
  readonly admin: string | undefined
  /** Rejects when a gateway that was started without a policy gets one and cannot open its ports. Never resolves. */
  readonly failed: Promise<never>
  /** Reads the policy and certificates again, as SIGHUP asks. */
  reload(): void
  /**
   * Is no longer ready, but takes clients for `delayMs` more (none when left out). Then stops accepting, lets sessions and relays end for at most
   * `timeoutMs`, tells the rest to come again, and closes everything.
   */
  drain(timeoutMs: number, delayMs?: number): Promise<void>
}

/** A gateway in this very process, which can be asked without its admin server. */
export interface LocalGateway extends Gateway {
  /** Resolves with its addresses when it listens, which with `awaitPolicy` may be much later. */
  readonly listens: Promise<readonly string[]>
  status(): StatusPage
  metricValues(): Promise<MetricValues>
  /** Another worker has said something about backends. */
  hearOfBackends(message: ProbeMessage): void
}

/**
 * Starts a gateway. Rejects with what is wrong: a policy with problems (PolicyRefused), a port in use (ListenError).
 * With `awaitPolicy` it is there as soon as its admin server is, and listens once it has a policy.
 */
export async function startGateway(options: GatewayOptions): Promise<LocalGateway> {
  const gateway = new RunningGateway(options, await openStore(options))
  try {
    await gateway.open()
    return gateway
  } catch (error) {
    await gateway.drain(0)
    throw error
  }
}

/** The gateway's own allowlist, in the data directory. One that cannot be used costs clients a second test, not their mail: the gateway goes on in memory and says so. */
async function openStore({ dataDir, log }: GatewayOptions): Promise<LocalAllowlist> {
  if (dataDir === undefined) return memoryAllowlist()
  try {
    return await openLmdbAllowlist({ directory: dataDir, warn: (text) => log.warning(text) })
  } catch (error) {
    if (!(error instanceof DataDirectoryError)) throw error
    log.warning(`${error.message}; the temporary allowlist is kept in memory instead`)
    return memoryAllowlist()
  }
}
