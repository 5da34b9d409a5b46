// The table of backends of a gateway process: with what other workers learn, its own addresses, and its log lines.
import { tellOfBackend } from './backend-log.ts'
import { type BackendOptions, Backends } from './backends.ts'
import { sharedProofs } from './prober.ts'
import { isOwnAddress } from './own-addresses.ts'
import type { Metrics } from '../observability/metrics.ts'
import type { GatewayOptions } from '../process/options.ts'

/**
 * @param ofPolicy what the policy in force says
 * @param listening where this process listens, when asked
 * @param metrics counts the probes
 * @param previous the table whose place it takes; it is closed
 */
export function backendTable(
  ofPolicy: BackendOptions,
  { log, proofs }: Pick<GatewayOptions, 'log' | 'proofs'>,
  listening: () => readonly string[],
  metrics: Pick<Metrics, 'backendProbed'>,
  previous: Backends | undefined,
): Backends {
  const options: BackendOptions = {
    ...ofPolicy,
    ...(proofs !== undefined && { shared: sharedProofs(proofs) }),
    isOwn: (to) => isOwnAddress(to, listening()),
    onProbed: (result) => metrics.backendProbed(result),
    onChange: (label, from, to, why) => {
      // Of several workers, the one that makes the probes.
      if (proofs?.isProber() !== false) tellOfBackend(log, { label, from, to, why })
    },
  }
  const backends = new Backends(options, previous)
  previous?.close()
  return backends
}
