// Objects for the tests of the Kubernetes machinery.

import type { KubeObject } from '../../../operator/kube/object.ts'

export function policy(name: string, resourceVersion: string, more: object = {}): KubeObject {
  return {
    apiVersion: 'postscreen.dev/v1alpha1',
    kind: 'PostscreenPolicy',
    metadata: { namespace: 'mail', name, uid: `uid-${name}`, resourceVersion },
    ...more,
  }
}
