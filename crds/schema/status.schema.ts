// What the operator tells about a policy: the status part of the CRD.
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

/** A condition as every Kubernetes API has it (metav1.Condition). */
const condition: StructuralNode = {
  type: 'object',
  required: ['type', 'status', 'lastTransitionTime', 'reason', 'message'],
  properties: {
    type: text('What the condition is about.', 316),
    status: { type: 'string', enum: ['True', 'False', 'Unknown'], description: 'Whether it holds.' },
    observedGeneration: whole('The generation of the policy that it was found for.'),
    lastTransitionTime: { type: 'string', format: 'date-time', description: 'When the status last changed.' },
    reason: { type: 'string', minLength: 1, maxLength: 1024, description: 'Why, in one word for programs.' },
    message: text('Why, in words for people.', 32_768),
  },
}

/** The time in conditions that no operator has written. The schema must name one, and a default cannot be the time of the creation. */
export const noTransition = '1970-01-01T00:00:00Z'

/**
 * What a policy that no operator has seen says of itself: not ready yet. Without it tools that follow kstatus take an object without conditions for
 * one that is done. Gateway API's kinds do the same.
 */
const notSeenYet = ['Ready', 'Reconciling'].map((type) => ({
  type,
  status: type === 'Ready' ? 'Unknown' : 'True',
  reason: 'Pending',
  message: 'No operator has looked at the policy yet',
  lastTransitionTime: noTransition,
}))

export const statusSchema: StructuralNode = {
  type: 'object',
  description: 'What has become of the policy; written by the operator.',
  default: { conditions: notSeenYet },
  properties: {
    observedGeneration: whole('The generation of the policy that the status is about.'),
    conditions: {
      type: 'array',
      description:
        'Accepted, Programmed, BackendReachable; Ready sums them up. Reconciling: work goes on. Stalled: somebody must do something.',
      items: condition,
      'x-kubernetes-list-type': 'map',
      'x-kubernetes-list-map-keys': ['type'],
    },
    operator: object('The operator that manages the policy. Other operators leave the policy unchanged while this is fresh.', {
      name: text('Its installation: the namespace and name of its Lease.', 512),
      checkedAt: {
        type: 'string',
        format: 'date-time',
        description: 'When the operator last confirmed the status; renewed every minute, less often with more than 60 policies.',
      },
      validSeconds: whole('If checkedAt is older than this, no operator manages the policy, and another one takes it over.'),
    }),
    notices: set('Settings of the policy that have no effect, and what to change.', 'One of them.'),
    addresses: set(
      'Where clients reach the gateways.',
      'An address or name of the load balancer; NODE:PORT with type NodePort; or the address of the Service in the cluster.',
    ),
    gateways: object('The gateways that the operator runs for the policy.', {
      total: whole('How many there should be.'),
      ready: whole('How many of them take clients.'),
      updated: whole('How many of them run this generation of the policy.'),
      programmed: text('updated and total in one, such as 2/3.', 40),
      serving: text('ready and total in one, such as 3/3: during a rollout the gateways of before still take clients.', 40),
    }),
    configMap: object('The ConfigMap from which gateways read the policy.', {
      name: text('Its name.', 253),
      hash: text('SHA-256 of the policy in it, as `/status` of a gateway tells it.', 64),
      tables: set('Further ConfigMaps, with access tables.', 'The name of one.'),
    }),
    effective: object('What was worked out where the policy says nothing.', {
      image: text('The image of the gateways.'),
      backends: set('The mail servers that clean clients are handed on to.', 'HOST:PORT.'),
      greetStressWait: text('spec.greet.stressWait.', 8),
      stressCommandTimeLimit: text('spec.smtp.stressCommandTimeLimit.', 8),
      dnsblSites: set('The DNS lists that are asked, with their weights.', 'DOMAIN*WEIGHT.'),
      tableRules: whole('How many rules the access tables have.'),
    }),
  },
}
