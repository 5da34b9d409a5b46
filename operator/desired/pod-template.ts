// The form of the gateway's pods, and its name, by which the operator recognizes the pods that have it.
import { createHash } from 'node:crypto'
import type { V1PodTemplateSpec } from '@kubernetes/client-node'
import { fieldsOf } from '../../crds/is-object.ts'
import type { Compiled } from '../compile/compile.ts'
import type { KubeObject } from '../kube/object.ts'
import { annotation, labels } from './names.ts'
import { type GatewaySpec, type OwnImage, podSpec } from './pod.ts'

export function podTemplate(policy: string, gateway: GatewaySpec, compiled: Compiled, own: OwnImage) {
  const metadata = { labels: { ...gateway.podLabels, ...labels(policy) }, annotations: { ...gateway.podAnnotations } }
  return { metadata, spec: podSpec(policy, gateway, compiled, own) } satisfies V1PodTemplateSpec
}

/** A short name for the form of a pod. Pods of the same form have the same name. */
const templateName = (form: object): string => createHash('sha256').update(JSON.stringify(form)).digest('hex').slice(0, 12)

/** Adds the name of the form to the pods of an object that has pods. */
export function withTemplateName(object: KubeObject): KubeObject {
  const spec = fieldsOf(object['spec'])
  if (spec['template'] === undefined) return object
  const template = fieldsOf(spec['template'])
  const metadata = fieldsOf(template['metadata'])
  const name = templateName({ ...metadata, spec: template['spec'] })
  const annotations = { ...fieldsOf(metadata['annotations']), [annotation.template]: name }
  return { ...object, spec: { ...spec, template: { ...template, metadata: { ...metadata, annotations } } } }
}
