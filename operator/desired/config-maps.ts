// The ConfigMaps from which gateways read their policy and its access tables.
import type { V1ConfigMap } from '@kubernetes/client-node'
import type { Compiled } from '../compile/compile.ts'
import type { KubeObject } from '../kube/object.ts'
import { annotation, metadataOf, type Owner, policyConfigMap, tablesConfigMap } from './names.ts'

export function policyMap(owner: Owner, { text, hash, policy }: Compiled): KubeObject {
  const annotations = { [annotation.hash]: hash, [annotation.generation]: String(policy.metadata.generation ?? 0) }
  return {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: metadataOf(owner, policyConfigMap(owner.name), { annotations }),
    data: { 'policy.yaml': text },
  } satisfies V1ConfigMap
}

export function tableMaps(owner: Owner, { shards }: Compiled): readonly KubeObject[] {
  return shards.map(
    (shard, index) =>
      ({
        apiVersion: 'v1',
        kind: 'ConfigMap',
        metadata: metadataOf(owner, tablesConfigMap(owner.name, index)),
        binaryData: Object.fromEntries([...shard].map(([name, bytes]) => [name, bytes.toString('base64')])),
      }) satisfies V1ConfigMap,
  )
}
