// Asks every gateway of a policy in a cluster: directly from a pod, and through the API server from elsewhere.
import { adminPort } from '../../operator/desired/ports.ts'
import { selectorLabels } from '../../operator/desired/names.ts'
import { addressOf, isEnding } from '../../operator/gateways/pods.ts'
import type { KubeClient, PodPages } from '../../operator/kube/kube-client.ts'
import { describeError, KubeError } from '../../operator/kube/kube-error.ts'
import { resources } from '../../operator/kube/resource.ts'
import { formatEndpoint } from '../../crds/values/endpoint.ts'
import { type AskAll, type GatewayAnswer, otherForm, patienceMs, readPage } from './answer.ts'
import { askGateway } from './ask-gateway.ts'

export interface ClusterPlace {
  readonly client: Pick<KubeClient, 'list'> & Pick<PodPages, 'podPage'>
  readonly namespace: string
  readonly policy: string
  /** Whether this process runs in a pod of the cluster, which can reach other pods. */
  readonly isInside: boolean
}

interface Pod {
  readonly name: string
  readonly address: string
}

/** Rejects if the policy does not exist, has no running gateway, or the API server does not answer. */
export async function clusterAsk(place: ClusterPlace): Promise<AskAll> {
  const { client, namespace, policy } = place
  // By a list, because the operator's account may not get a policy.
  const policies = await client.list(resources.PostscreenPolicy, { namespace, fieldSelector: `metadata.name=${policy}` })
  if (policies.items.length === 0) throw new Error(`there is no PostscreenPolicy ${policy} in the namespace ${namespace}`)
  const labelSelector = Object.entries(selectorLabels(policy))
    .map(([name, value]) => `${name}=${value}`)
    .join(',')
  const { items } = await client.list(resources.Pod, { namespace, labelSelector })
  const pods = items.flatMap((pod): readonly Pod[] => {
    const address = isEnding(pod) ? undefined : addressOf(pod)
    return address === undefined ? [] : [{ name: pod.metadata.name, address }]
  })
  if (pods.length === 0) throw new Error(`no gateway of the policy ${policy} is running in the namespace ${namespace}`)
  const inOrder = pods.toSorted((a, b) => (a.name < b.name ? -1 : 1))
  return async (subject, server) => (await Promise.all(inOrder.map((pod) => askPod(place, pod, subject, server)))).flat()
}

async function askPod(
  place: ClusterPlace,
  { name, address }: Pod,
  subject: string,
  server: string | undefined,
): Promise<readonly GatewayAnswer[]> {
  if (place.isInside) return askGateway(`http://${formatEndpoint({ address, port: adminPort })}`, name)(subject, server)
  try {
    const query = { address: subject, server }
    const page = readPage(await place.client.podPage(place.namespace, name, adminPort, 'explain', query, { timeoutMs: patienceMs }))
    return [page === undefined ? { gateway: name, error: otherForm } : { gateway: name, page }]
  } catch (error) {
    return [{ gateway: name, error: adviceOn(error) }]
  }
}

const inside = 'run the command in the pod of the operator: kubectl exec -n NAMESPACE deploy/postscreen-operator -- postscreen explain …'

function adviceOn(error: unknown): string {
  const status = error instanceof KubeError ? error.status : 0
  if (status === 429) return 'was asked too often: ask again in some seconds'
  if (status === 403) return `cannot be asked through the API server, which needs the verb get on pods/proxy; or ${inside}`
  if (status === 404) return 'has no /explain: it is an older version'
  return `cannot be asked through the API server (${describeError(error)}). If a NetworkPolicy is the reason, ${inside}`
}
