// The backends of a gateway process: connected to the other workers, the log and the metrics.
import type { Endpoint } from '../../crds/values/endpoint.ts'
import { logBackendChange } from './backend-log.ts'
import type { BackendOptions } from './backend-options.ts'
import { Backends } from './backends.ts'
import { sharedKeywords, sharedProbes } from './probe-sharing.ts'
import { isOwnAddress } from './own-addresses.ts'
import type { Metrics } from '../observability/metrics.ts'
import type { GatewayOptions } from '../process/options.ts'

/**
 * @param ofPolicy the settings of the policy
 * @param listening where this process listens, when asked
 * @param metrics counts the probes
 * @param previous the backends that they replace, which are closed
 */
export function gatewayBackends(
  ofPolicy: BackendOptions,
  { log, backendProbes }: Pick<GatewayOptions, 'log' | 'backendProbes'>,
  listening: () => readonly Endpoint[],
  metrics: Pick<Metrics, 'backendProbed'>,
  previous: Backends | undefined,
): Backends {
  const options: BackendOptions = {
    ...ofPolicy,
    ...(backendProbes !== undefined && { shared: sharedProbes(backendProbes), sharedKeywords: sharedKeywords(backendProbes) }),
    isOwn: (to) => isOwnAddress(to, listening()),
    onProbed: (result) => metrics.backendProbed(result),
    onChange: (label, from, to, why) => {
      // Of several workers only the one that makes the probes logs changes.
      if (backendProbes?.isProber() !== false) logBackendChange(log, { label, from, to, why })
    },
  }
  const backends = new Backends(options, previous)
  previous?.close()
  return backends
}
