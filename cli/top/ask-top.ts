// Asks the gateways of a policy for their live pages.
import type { Cluster } from '../cluster/cluster.ts'
import { type Gateway, gatewayJson, gatewaysOf, runningOf } from '../cluster/gateways.ts'
import { readLivePage } from '../cluster/live-page.ts'
import { ClusterError } from '../cluster/needs.ts'
import { inNamespace, policiesOf } from '../cluster/policies.ts'
import { messageOf } from '../../runtime/caught.ts'
import { type AskedGateway, combined, type TopView } from './combined.ts'

export interface PolicyPlace {
  readonly namespace: string
  readonly policy: string
}

/** The policies that can be shown. Rejects with a ClusterError, also if there is none. */
export async function policyPlaces(cluster: Cluster, name: string | undefined): Promise<readonly PolicyPlace[]> {
  const policies = await policiesOf(cluster, name)
  if (policies.length === 0) throw new ClusterError(`there is no PostscreenPolicy${inNamespace(cluster.namespace)}`, 404)
  return policies.map(({ metadata }) => ({ namespace: metadata.namespace ?? '', policy: metadata.name }))
}

/**
 * The present state, added up. Rejects with a ClusterError if the pods cannot be listed, or a right is missing; a
 * gateway that gives no answer is part of the result.
 */
export async function askTop({ client, isInside }: Pick<Cluster, 'client' | 'isInside'>, place: PolicyPlace): Promise<TopView> {
  const gateways = runningOf(await gatewaysOf({ client, namespace: place.namespace }, place.policy))
  const asked = await Promise.all(gateways.map((gateway) => ask({ client, isInside }, gateway)))
  return combined(place, asked, Date.now())
}

async function ask(cluster: Pick<Cluster, 'client' | 'isInside'>, gateway: Gateway): Promise<AskedGateway> {
  const { name } = gateway
  try {
    const page = readLivePage(await gatewayJson(cluster, gateway, 'live'))
    return page === undefined ? { name, error: 'it does not answer like a gateway of this version' } : { name, page }
  } catch (error) {
    if (!(error instanceof ClusterError) || error.missing !== undefined) throw error
    return { name, error: messageOf(error) }
  }
}
