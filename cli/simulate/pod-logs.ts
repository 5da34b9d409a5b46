// The logs of all gateways of a policy, read through the API server: piece by piece, as the simulation takes them.
import { gatewaysOf } from '../cluster/gateways.ts'
import { ClusterError, clusterError } from '../cluster/needs.ts'
import type { PolicyPlace } from '../cluster/policy-place.ts'
import { type LogSource, logSource } from './log-source.ts'

/**
 * One source for each pod, also for those that end: they still write. Rejects with a ClusterError if there is none.
 * Reading rejects with one if the right is missing.
 * @param signal ends all requests
 */
export async function podLogs(
  { cluster, namespace, policy }: PolicyPlace,
  sinceSeconds: number,
  signal: AbortSignal,
): Promise<readonly LogSource[]> {
  const pods = (await gatewaysOf({ client: cluster.client, namespace }, policy)).filter(
    ({ address, isEnding }) => address !== undefined || isEnding,
  )
  if (pods.length === 0) throw new ClusterError(`no gateway of the policy ${policy} is running in the namespace ${namespace}`, 404)
  return pods.map(({ name }) => {
    const log = cluster.client.podLog(namespace, name, { container: 'gateway', sinceSeconds }, signal)
    return logSource({ name, size: undefined, pieces: namingRight(log, namespace) }, Date.now())
  })
}

async function* namingRight(log: AsyncIterable<Uint8Array>, namespace: string): AsyncGenerator<Uint8Array, void> {
  try {
    yield* log
  } catch (error) {
    throw clusterError({ verb: 'get', resource: 'pods/log', namespace }, error)
  }
}
