// The policies of a cluster.
import type { KubeObject } from '../../operator/kube/object.ts'
import { type Resource, resources } from '../../operator/kube/resource.ts'
import type { ListOptions } from '../../operator/kube/kube-client.ts'
import type { Cluster } from './cluster.ts'
import { ClusterError, needing, type Right } from './needs.ts'

const pageSize = 500

/** All pages of a list. Rejects with a ClusterError. */
export async function listAll(
  { client, namespace }: Pick<Cluster, 'client' | 'namespace'>,
  resource: Resource,
  right: Omit<Right, 'verb' | 'namespace'>,
  options: ListOptions = {},
): Promise<readonly KubeObject[]> {
  const found: KubeObject[] = []
  let next: string | undefined
  do {
    const page = {
      ...options,
      ...(namespace !== undefined && { namespace }),
      limit: pageSize,
      ...(next !== undefined && { continue: next }),
    }
    const { items, continue: more } = await needing({ ...right, verb: 'list', namespace }, client.list(resource, page))
    found.push(...items)
    next = more
  } while (next !== undefined)
  return found
}

/**
 * The policies of the namespace, or of all, in the order of their names. By a list even for one of them, because the
 * operator's account may not get a policy. Rejects with a ClusterError, also if the named policy does not exist.
 */
export async function policiesOf(cluster: Pick<Cluster, 'client' | 'namespace'>, name?: string): Promise<readonly KubeObject[]> {
  const options = name === undefined ? {} : { fieldSelector: `metadata.name=${name}` }
  const found = await listAll(cluster, resources.PostscreenPolicy, { resource: 'postscreenpolicies.postscreen.dev' }, options)
  if (name !== undefined && found.length === 0)
    throw new ClusterError(`there is no PostscreenPolicy ${name}${inNamespace(cluster.namespace)}`, 404)
  return found.toSorted(
    (a, b) => compare(a.metadata.namespace ?? '', b.metadata.namespace ?? '') || compare(a.metadata.name, b.metadata.name),
  )
}

/** The policy that is meant: the named one, or else the only one. Rejects with a ClusterError. */
export async function onePolicy(cluster: Pick<Cluster, 'client' | 'namespace'>, name: string | undefined): Promise<KubeObject> {
  const [first, ...others] = await policiesOf(cluster, name)
  if (first === undefined) throw new ClusterError(`there is no PostscreenPolicy${inNamespace(cluster.namespace)}`, 404)
  if (others.length === 0) return first
  const names = [first, ...others].map(({ metadata }) => metadata.name).join(', ')
  throw new ClusterError(`there are several policies${inNamespace(cluster.namespace)}: name one of ${names}`, 409)
}

export const inNamespace = (namespace: string | undefined): string => (namespace === undefined ? '' : ` in the namespace ${namespace}`)

const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0)
