// The CustomResourceDefinition of PostscreenPolicy.
import { specSchema } from './fields.ts'
import { apiVersion, kind } from './policy.schema.ts'
import { type StructuralNode, structural } from './structural.ts'

const [group = '', version = ''] = apiVersion.split('/')

/** A condition as every Kubernetes API has it (metav1.Condition). */
const condition: StructuralNode = {
  type: 'object',
  required: ['type', 'status', 'lastTransitionTime', 'reason', 'message'],
  properties: {
    type: { type: 'string', maxLength: 316, description: 'What the condition is about.' },
    status: { type: 'string', enum: ['True', 'False', 'Unknown'], description: 'Whether it holds.' },
    observedGeneration: {
      type: 'integer',
      format: 'int64',
      minimum: 0,
      description: 'The generation of the policy that it was found for.',
    },
    lastTransitionTime: { type: 'string', format: 'date-time', description: 'When the status last changed.' },
    reason: { type: 'string', minLength: 1, maxLength: 1024, description: 'Why, in one word for programs.' },
    message: { type: 'string', maxLength: 32_768, description: 'Why, in words for people.' },
  },
}

const status: StructuralNode = {
  type: 'object',
  description: 'What has become of the policy; written by the operator.',
  properties: {
    observedGeneration: {
      type: 'integer',
      format: 'int64',
      minimum: 0,
      description: 'The generation of the policy that the status is about.',
    },
    conditions: {
      type: 'array',
      description: 'Conditions; Ready sums them up.',
      items: condition,
      'x-kubernetes-list-type': 'map',
      'x-kubernetes-list-map-keys': ['type'],
    },
  },
}

/** The schema of the whole object. */
export const policySchema = (): StructuralNode => ({
  type: 'object',
  description: 'A policy by which a gateway screens SMTP clients, as Postfix postscreen does, before they reach a mail server.',
  required: ['spec'],
  properties: {
    apiVersion: { type: 'string', description: 'The version of the schema of this object.' },
    kind: { type: 'string', description: 'The kind of this object.' },
    metadata: { type: 'object' },
    spec: structural(specSchema(), 'spec'),
    status,
  },
})

const columns = [
  { name: 'Mode', type: 'string', jsonPath: '.spec.mode' },
  { name: 'Greet', type: 'string', jsonPath: '.spec.greet.action', description: 'What a client gets that speaks before it is greeted' },
  { name: 'DNSBL', type: 'string', jsonPath: '.spec.dnsbl.action', description: 'What a client gets whose DNSBL score is too high' },
  { name: 'Ready', type: 'string', jsonPath: '.status.conditions[?(@.type=="Ready")].status' },
  { name: 'Reason', type: 'string', jsonPath: '.status.conditions[?(@.type=="Ready")].reason', priority: 1 },
  { name: 'Age', type: 'date', jsonPath: '.metadata.creationTimestamp' },
] as const

/** The manifest, ready to be written as YAML. */
export const crd = () => ({
  apiVersion: 'apiextensions.k8s.io/v1',
  kind: 'CustomResourceDefinition',
  metadata: { name: `postscreenpolicies.${group}` },
  spec: {
    group,
    names: {
      kind,
      listKind: `${kind}List`,
      plural: 'postscreenpolicies',
      singular: 'postscreenpolicy',
      shortNames: ['postscreen', 'psc'],
    },
    scope: 'Namespaced',
    versions: [
      {
        name: version,
        served: true,
        storage: true,
        additionalPrinterColumns: columns,
        subresources: { status: {} },
        schema: { openAPIV3Schema: policySchema() },
      },
    ],
  },
})
