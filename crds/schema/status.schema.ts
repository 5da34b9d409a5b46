// The status of a policy, which the operator writes: a part of the CRD.
import type { StructuralNode } from '../generate/structural.ts'

const text = (description: string, maxLength = 1024): StructuralNode => ({ type: 'string', maxLength, description })
const whole = (description: string): StructuralNode => ({ type: 'integer', format: 'int64', minimum: 0, description })
const object = (description: string, properties: Readonly<Record<string, StructuralNode>>): StructuralNode => ({
  type: 'object',
  description,
  properties,
})
const set = (description: string, of: string): StructuralNode => ({
  type: 'array',
  description,
  maxItems: 100,
  'x-kubernetes-list-type': 'atomic',
  items: text(of),
})

/** A condition, as in every Kubernetes API (metav1.Condition). */
const condition: StructuralNode = {
  type: 'object',
  required: ['type', 'status', 'lastTransitionTime', 'reason', 'message'],
  properties: {
    type: text('The type of the condition.', 316),
    status: { type: 'string', enum: ['True', 'False', 'Unknown'], description: 'The status of the condition.' },
    observedGeneration: whole('The generation of the policy for which the condition was set.'),
    lastTransitionTime: { type: 'string', format: 'date-time', description: 'The time when the status of the condition last changed.' },
    reason: { type: 'string', minLength: 1, maxLength: 1024, description: 'The reason for the status as one word, for programs.' },
    message: text('A message with details about the status.', 32_768),
  },
}

/**
 * The time in conditions that no operator has written. The schema must have a fixed time, and a default cannot be the
 * time of the creation.
 */
export const noTransition = '1970-01-01T00:00:00Z'

/**
 * The status of a policy that no operator has seen: not ready. Without it, tools that follow kstatus take an object
 * without conditions for a finished one. The kinds of Gateway API do the same.
 */
const notSeenYet = ['Ready', 'Reconciling'].map((type) => ({
  type,
  status: type === 'Ready' ? 'Unknown' : 'True',
  reason: 'Pending',
  message: 'No operator has processed the policy yet',
  lastTransitionTime: noTransition,
}))

export const statusSchema: StructuralNode = {
  type: 'object',
  description: 'The observed state of the policy. The operator writes it.',
  default: { conditions: notSeenYet },
  properties: {
    observedGeneration: whole('The generation of the policy that the status describes.'),
    conditions: {
      type: 'array',
      description:
        'The conditions of the policy. Ready summarizes Accepted, Programmed and BackendReachable. DNSBLHealthy: whether the gateways can trust their DNS lists. ClientAddressPreserved: whether they see the addresses of clients. SPFCurrent: whether they can read the SPF records of senders that the policy permits. Reconciling: the operator is applying changes. Stalled: a user must fix the policy or the cluster.',
      items: condition,
      'x-kubernetes-list-type': 'map',
      'x-kubernetes-list-map-keys': ['type'],
    },
    operator: object('The operator that manages the policy. While checkedAt is recent, other operators do not change the policy.', {
      name: text('The installation of the operator: the namespace and name of its Lease.', 512),
      checkedAt: {
        type: 'string',
        format: 'date-time',
        description: 'The time when the operator last confirmed the status. Updated every minute; less often with more than 60 policies.',
      },
      validSeconds: whole(
        'If checkedAt is older than this number of seconds, no operator manages the policy, and another operator takes it over.',
      ),
    }),
    notices: set('Settings of the policy that have no effect, with advice on what to change.', 'One notice.'),
    addresses: set(
      'The addresses where clients reach the gateways.',
      'An address or name of the load balancer; NODE:PORT when type is NodePort; or the address of the Service in the cluster.',
    ),
    gateways: object('The gateways that the operator runs for the policy.', {
      total: whole('The desired number of gateways.'),
      ready: whole('The number of gateways that accept clients.'),
      updated: whole('The number of gateways that use this generation of the policy.'),
      selector: text('The labels of the pods of the gateways, for autoscalers that use /scale.'),
      programmed: text('updated and total in one text, such as 2/3.', 40),
      serving: text('ready and total in one text, such as 3/3. During a rollout, ready includes gateways of the previous generation.', 40),
    }),
    configMap: object('The ConfigMap from which gateways read the policy.', {
      name: text('The name of the ConfigMap.', 253),
      hash: text('The SHA-256 hash of the policy in the ConfigMap. The `/status` page of a gateway shows the same hash.', 64),
      tables: set('Further ConfigMaps, which contain access tables.', 'The name of a ConfigMap.'),
    }),
    effective: object('The values in use for settings that the policy does not set directly.', {
      image: text('The image of the gateways.'),
      backends: set('The mail servers that receive clean clients.', 'HOST:PORT.'),
      greetStressWait: text('spec.greet.stressWait.', 8),
      stressCommandTimeLimit: text('spec.smtp.stressCommandTimeLimit.', 8),
      dnsblSites: set('The DNS lists in use, with their weights.', 'DOMAIN*WEIGHT.'),
      tableRules: whole('The number of rules in the access tables.'),
    }),
  },
}
