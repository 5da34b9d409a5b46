// Policies as the API server has them, made from what a user wrote.
import { load } from 'js-yaml'
import type { KubeObject } from '../../operator/kube/object.ts'

/** The first lines of a manifest say what it shows; the API server adds a uid and a generation. */
export function policyObject(yaml: string, more: { readonly generation?: number } = {}): KubeObject {
  const written = load(yaml) as KubeObject
  const metadata = { namespace: 'mail', uid: '11111111-2222-3333-4444-555555555555', generation: 1, ...written.metadata, ...more }
  return { ...written, metadata }
}

/** The smallest policy with some fields of its spec. */
export const policyWith = (spec: object, more: { readonly generation?: number } = {}): KubeObject =>
  policyObject(
    JSON.stringify({
      apiVersion: 'postscreen.dev/v1alpha1',
      kind: 'PostscreenPolicy',
      metadata: { name: 'mx' },
      spec: { backend: { service: { name: 'postfix', port: 10025 } }, ...spec },
    }),
    more,
  )
