// Looks at policies and their gateways: two lists, and the status page of each gateway.
import type { Cluster } from '../cluster/cluster.ts'
import { gatewayJson, type Gateway, gatewaysOf, runningOf } from '../cluster/gateways.ts'
import { ClusterError } from '../cluster/needs.ts'
import { policiesOf } from '../cluster/policies.ts'
import { readStatusPage } from '../../operator/overview/status-page.ts'
import { type GatewayView, policyView, type PolicyView } from '../../operator/overview/policy-view.ts'

export interface Looked {
  readonly views: readonly PolicyView[]
  /** What could not be asked for want of a right, each once. */
  readonly notes: readonly string[]
}

/**
 * The present state. Without the right to see pods or to ask them, it is what the operator has written, and a note.
 * Rejects with a ClusterError if the policies cannot be listed, or the named one does not exist.
 */
export async function look(cluster: Cluster, name: string | undefined): Promise<Looked> {
  const policies = await policiesOf(cluster, name)
  const notes = new Set<string>()
  const gateways = await gatewaysOf(cluster, name).catch((error: unknown) => noteOf(error, notes, 'The gateways are not shown'))
  const views = await Promise.all((gateways ?? []).map((one) => ask(cluster, one, notes)))
  const asked = (gateways ?? []).map((gateway, at) => ({ gateway, view: views[at] }))
  return {
    views: policies.map((policy) => {
      const { name: own, namespace } = policy.metadata
      const mine = asked.filter(({ gateway }) => gateway.policy === own && gateway.namespace === namespace)
      return policyView(
        policy,
        mine.flatMap(({ view }) => (view === undefined ? [] : [view])),
      )
    }),
    notes: [...notes],
  }
}

function noteOf(error: unknown, notes: Set<string>, what: string): undefined {
  if (!(error instanceof ClusterError) || error.missing === undefined) throw error
  notes.add(`${what}: ${error.message}.`)
}

async function ask(cluster: Cluster, gateway: Gateway, notes: Set<string>): Promise<GatewayView> {
  const { name, address, ready, isEnding, trouble, startedAt } = gateway
  const shown = { name, address, ready, isEnding, trouble, startedAt }
  if (runningOf([gateway]).length === 0) return shown
  try {
    const page = readStatusPage(await gatewayJson(cluster, gateway, 'status'))
    return page === undefined ? { ...shown, error: 'it does not answer like a gateway of this version' } : { ...shown, page }
  } catch (error) {
    if (error instanceof ClusterError && error.missing === undefined) return { ...shown, error: error.message }
    noteOf(error, notes, 'What the gateways say is not shown')
    return shown
  }
}
