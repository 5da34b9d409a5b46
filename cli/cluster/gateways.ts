// The gateways of policies: their pods, and how to ask them.
import { request } from 'undici'
import { formatEndpoint } from '../../crds/values/endpoint.ts'
import { adminPort } from '../../operator/desired/ports.ts'
import { selectorLabels } from '../../operator/desired/names.ts'
import { type GatewayPod, isEnding, podOf } from '../../operator/gateways/pods.ts'
import { resources } from '../../operator/kube/resource.ts'
import { messageOf } from '../../runtime/caught.ts'
import type { Cluster } from './cluster.ts'
import { ClusterError, needing } from './needs.ts'
import { listAll } from './policies.ts'

/** A pod of a gateway. */
export interface Gateway {
  readonly namespace: string
  readonly policy: string
  readonly name: string
  /** Undefined while it does not run. */
  readonly address: string | undefined
  readonly ready: boolean
  /** It terminates, or has ended. */
  readonly isEnding: boolean
  /** Why it does not run, such as ImagePullBackOff. */
  readonly trouble: string | undefined
  readonly startedAt: string | undefined
}

const instanceLabel = 'app.kubernetes.io/instance'

/** The pods of the gateways, of one policy or of all, in the order of their names. Rejects with a ClusterError. */
export async function gatewaysOf(cluster: Pick<Cluster, 'client' | 'namespace'>, policy?: string): Promise<readonly Gateway[]> {
  const labels = Object.entries(selectorLabels(policy ?? '')).filter(([name]) => policy !== undefined || name !== instanceLabel)
  const labelSelector = labels.map(([name, value]) => `${name}=${value}`).join(',')
  const pods = await listAll(cluster, resources.Pod, { resource: 'pods' }, { labelSelector })
  return pods
    .map((pod): Gateway => {
      const { name, ready, address, trouble }: GatewayPod = podOf(pod, undefined)
      const started = pod.metadata.creationTimestamp
      const ending = isEnding(pod)
      return {
        ...{ namespace: pod.metadata.namespace ?? '', policy: pod.metadata.labels?.[instanceLabel] ?? '', name, ready, trouble },
        ...{ isEnding: ending, address: ending ? undefined : address, startedAt: started },
      }
    })
    .toSorted((a, b) => (`${a.namespace}/${a.name}` < `${b.namespace}/${b.name}` ? -1 : 1))
}

/** Those that can be asked. */
export const runningOf = (gateways: readonly Gateway[]): readonly Gateway[] => gateways.filter(({ address }) => address !== undefined)

/** A metrics page of a gateway with many lists has about 1 MB. */
const largestPage = 16 * 2 ** 20
const patienceMs = 10_000

/**
 * The text of a page of a gateway's admin server, such as `status`: directly from a pod, and through the API server
 * from elsewhere. Rejects with a ClusterError.
 */
export async function gatewayText(
  { client, isInside }: Pick<Cluster, 'client' | 'isInside'>,
  { namespace, name, address }: Gateway,
  page: string,
  timeoutMs = patienceMs,
): Promise<string> {
  if (isInside && address !== undefined) return directText(`http://${formatEndpoint({ address, port: adminPort })}/${page}`, timeoutMs)
  return needing({ verb: 'get', resource: 'pods/proxy', namespace }, client.podText(namespace, name, adminPort, page, { timeoutMs }))
}

/** The JSON of such a page. */
export async function gatewayJson(cluster: Pick<Cluster, 'client' | 'isInside'>, gateway: Gateway, page: string): Promise<unknown> {
  const text = await gatewayText(cluster, gateway, page)
  try {
    return JSON.parse(text)
  } catch {
    throw new ClusterError('does not answer like a gateway of this version', 200)
  }
}

async function directText(url: string, timeoutMs: number): Promise<string> {
  try {
    const { statusCode, body } = await request(url, { signal: AbortSignal.timeout(timeoutMs) })
    const pieces: Uint8Array[] = []
    let size = 0
    for await (const piece of body as AsyncIterable<Uint8Array>) {
      size += piece.length
      if (size > largestPage) throw new Error('the answer is too long')
      pieces.push(piece)
    }
    const text = Buffer.concat(pieces).toString()
    if (statusCode !== 200) throw new ClusterError(`answers ${statusCode}: ${text.trim().slice(0, 200)}`, statusCode)
    return text
  } catch (error) {
    if (error instanceof ClusterError) throw error
    throw new ClusterError(`cannot be asked: ${messageOf(error)}`, 0)
  }
}
