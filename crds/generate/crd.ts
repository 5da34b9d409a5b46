// The CustomResourceDefinition of PostscreenPolicy.
import { specSchema } from '../schema/fields.ts'
import { apiVersion, kind } from '../schema/policy.schema.ts'
import { statusSchema } from '../schema/status.schema.ts'
import { policyNameRule } from '../values/policy-name.ts'
import { type StructuralNode, structural } from './structural.ts'

const [group = '', version = ''] = apiVersion.split('/')

/** The schema of the whole object. */
export const policySchema = (): StructuralNode => ({
  type: 'object',
  description: 'A policy for a gateway that screens SMTP clients, as Postfix postscreen does, before they reach a mail server.',
  required: ['spec'],
  'x-kubernetes-validations': [policyNameRule],
  properties: {
    apiVersion: { type: 'string', description: 'The version of the schema of this object.' },
    kind: { type: 'string', description: 'The kind of this object.' },
    metadata: { type: 'object' },
    spec: structural(specSchema(), 'spec'),
    status: statusSchema,
  },
})

const ofCondition = (type: string, field: string): string => `.status.conditions[?(@.type=="${type}")].${field}`

const columns = [
  { name: 'Mode', type: 'string', jsonPath: '.spec.mode' },
  { name: 'Ready', type: 'string', jsonPath: ofCondition('Ready', 'status') },
  { name: 'Status', type: 'string', jsonPath: ofCondition('Ready', 'reason') },
  {
    name: 'Gateways',
    type: 'string',
    jsonPath: '.status.gateways.programmed',
    description: 'The number of gateways that use this policy, and the desired number',
  },
  {
    name: 'Serving',
    type: 'string',
    jsonPath: '.status.gateways.serving',
    description: 'The number of gateways that accept clients, and the desired number',
  },
  { name: 'Backend', type: 'string', jsonPath: ofCondition('BackendReachable', 'status'), description: 'Whether a mail server answers' },
  { name: 'Address', type: 'string', jsonPath: '.status.addresses[0]', description: 'Where clients connect' },
  {
    name: 'Generation',
    type: 'integer',
    jsonPath: '.metadata.generation',
    description: 'The newest generation of the policy. If it is greater than Observed, the other columns describe an earlier generation',
  },
  {
    name: 'Observed',
    type: 'integer',
    jsonPath: '.status.observedGeneration',
    description: 'The generation that the other columns describe',
  },
  {
    name: 'Checked',
    type: 'date',
    jsonPath: '.status.operator.checkedAt',
    description: 'The time since the operator last confirmed the other columns. After more than some minutes, no operator is running',
  },
  { name: 'Age', type: 'date', jsonPath: '.metadata.creationTimestamp' },
  { name: 'Greet', type: 'string', jsonPath: '.spec.greet.action', priority: 1 },
  { name: 'DNSBL', type: 'string', jsonPath: '.spec.dnsbl.action', priority: 1 },
  { name: 'Operator', type: 'string', jsonPath: '.status.operator.name', priority: 1, description: 'The operator that manages the policy' },
  { name: 'Message', type: 'string', jsonPath: ofCondition('Ready', 'message'), priority: 1 },
] as const

/** The manifest as an object, to be written as YAML. */
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
      categories: ['mail'],
    },
    scope: 'Namespaced',
    versions: [
      {
        name: version,
        served: true,
        storage: true,
        additionalPrinterColumns: columns,
        subresources: {
          status: {},
          // For `kubectl scale`, and for autoscalers such as KEDA that set the number of pods in the policy.
          scale: {
            specReplicasPath: '.spec.gateway.replicas',
            statusReplicasPath: '.status.gateways.total',
            labelSelectorPath: '.status.gateways.selector',
          },
        },
        schema: { openAPIV3Schema: policySchema() },
      },
    ],
  },
})
