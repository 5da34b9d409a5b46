// The gateway's ServiceAccount: without permissions and without a token.
import type { V1ServiceAccount } from '@kubernetes/client-node'
import type { KubeObject } from '../kube/object.ts'
import { gatewayName, metadataOf, type Owner } from './names.ts'

export function serviceAccount(owner: Owner): KubeObject {
  return {
    apiVersion: 'v1',
    kind: 'ServiceAccount',
    metadata: metadataOf(owner, gatewayName(owner.name)),
    automountServiceAccountToken: false,
  } satisfies V1ServiceAccount
}
