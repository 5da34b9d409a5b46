// Gathers what a pass needs: the policy's objects in the cluster, and what its gateways report.
import { fieldsOf } from '../crds/is-object.ts'
import { type Applied, isOwned, type LiveObjects } from './apply.ts'
import type { Compiled } from './compile/compile.ts'
import { annotation, gatewayName, type Owner, ownerOf, policyConfigMap } from './desired/names.ts'
import { isWorkload, workloadKinds } from './desired/workload.ts'
import type { Ask } from './gateways/ask.ts'
import { addressOf, type GatewayPod, isEnding, podOf } from './gateways/pods.ts'
import type { KubeClient } from './kube/kube-client.ts'
import { keyOf, type KubeObject } from './kube/object.ts'
import { resources } from './kube/resource.ts'
import type { Aside } from './kube/work-queue.ts'
import { isUnknownName } from './status/findings.ts'
import type { Observation } from './status/observation.ts'

/** What the pass has decided and done so far. */
interface Done {
  readonly compiled: Compiled | undefined
  readonly want: readonly KubeObject[]
  readonly applied: readonly Applied[]
}

interface Sources {
  readonly live: LiveObjects
  readonly ask: Ask
}

export type Gathered = Pick<Observation, 'policy' | 'compiled' | 'applied' | 'configMap' | 'workload' | 'service' | 'template' | 'pods'>

/** `aside` waits for the gateways, which may be slow. */
export async function gather({ live, ask }: Sources, policy: KubeObject, done: Done, aside: Aside): Promise<Gathered> {
  const owner = ownerOf(policy)
  const all = live.ofPolicy(keyOf(policy))
  const find = (kind: string, name: string): KubeObject | undefined => newest(kind, name, { all, applied: done.applied, owner })
  return {
    policy,
    compiled: done.compiled,
    applied: done.applied,
    configMap: find('ConfigMap', policyConfigMap(owner.name)),
    workload: workloadOf(done.want, (kind) => find(kind, gatewayName(owner.name))),
    service: find('Service', gatewayName(owner.name)),
    template: templateOf(done.want.find(isWorkload)),
    pods: await reportsOf(all, ask, aside),
  }
}

/** An object that was just applied is newer than what the watch shows. */
function newest(
  kind: string,
  name: string,
  { all, applied, owner }: { readonly all: readonly KubeObject[]; readonly applied: readonly Applied[]; readonly owner: Owner },
): KubeObject | undefined {
  const isIt = (object: KubeObject): boolean => object.kind === kind && object.metadata.name === name
  const fresh = applied.find(({ object }) => isIt(object))
  if (fresh?.is === 'removed') return undefined
  if (fresh?.is === 'created' || fresh?.is === 'changed' || fresh?.is === 'unchanged') return fresh.object
  return all.find((object) => isIt(object) && isOwned(object, owner))
}

async function reportsOf(all: readonly KubeObject[], ask: Ask, aside: Aside): Promise<readonly GatewayPod[]> {
  const pods = all.filter((object) => object.kind === 'Pod' && !isEnding(object))
  const askOne = async (pod: KubeObject): Promise<GatewayPod> => {
    const address = addressOf(pod)
    return podOf(pod, address === undefined ? undefined : await ask(address))
  }
  const askAll = (): Promise<GatewayPod[]> => Promise.all(pods.map(askOne))
  return pods.some((pod) => addressOf(pod) !== undefined) ? aside(askAll) : askAll()
}

/** The workload of the policy. While the policy is not valid, the one that runs. */
function workloadOf(want: readonly KubeObject[], find: (kind: string) => KubeObject | undefined): KubeObject | undefined {
  const wanted = want.find(isWorkload)
  return wanted === undefined ? workloadKinds.map(find).find((one) => one !== undefined) : find(wanted.kind)
}

function templateOf(workload: KubeObject | undefined): string | undefined {
  const { metadata } = fieldsOf(fieldsOf(workload?.['spec'])['template'])
  const name = fieldsOf(fieldsOf(metadata)['annotations'])[annotation.template]
  return typeof name === 'string' ? name : undefined
}

/**
 * The Service of the mail servers, read only if a gateway does not find it. Undefined without permission to read it.
 */
export async function findBackendService(
  client: KubeClient,
  { compiled, pods, policy }: Pick<Observation, 'compiled' | 'pods' | 'policy'>,
): Promise<Observation['backendService']> {
  const service = compiled?.policy.spec.backend.service
  const isNotFound = pods.some(({ report }) => report?.backends.some(({ reachable, why }) => !reachable && isUnknownName(why)))
  if (service === undefined || !isNotFound) return undefined
  try {
    const { namespace = policy.metadata.namespace ?? '' } = service
    const found = await client.get(resources.Service, namespace, service.name)
    if (found === undefined) return 'missing'
    return fieldsOf(found['spec'])['clusterIP'] === 'None' ? 'headless' : 'clusterIP'
  } catch {
    return undefined
  }
}
