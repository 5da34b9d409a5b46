// Policies and gateways of a cluster in which some things are wrong, as the operator and the gateways describe them.
import type { KubeObject } from '../../../operator/kube/object.ts'

/** The present time of the scene. */
export const now = Date.parse('2026-12-01T10:17:00Z')

interface Written {
  readonly spec?: object
  readonly generation: number
  readonly created: string
  /** By type: status, reason, message, since. */
  readonly conditions: Readonly<Record<string, readonly [status: string, reason: string, message: string, since?: string]>>
  readonly gateways?: { readonly total: number; readonly updated: number; readonly ready: number }
  readonly addresses?: readonly string[]
  readonly status?: object
}

const managed = { backend: { service: { name: 'postfix', port: 10_025 } }, gateway: { replicas: 2 } }
/** So that the status is not too old for commands, which have the clock of today. */
const decades = 1_000_000_000
const longAgo = '2026-10-01T08:00:00Z'

export function policyObject(namespace: string, name: string, written: Written): KubeObject {
  const { spec = managed, generation, created, conditions, gateways, addresses = [], status = {} } = written
  return {
    apiVersion: 'postscreen.dev/v1alpha1',
    kind: 'PostscreenPolicy',
    metadata: { namespace, name, generation, creationTimestamp: created, uid: `${namespace}-${name}` },
    spec,
    status: {
      observedGeneration: generation,
      conditions: Object.entries(conditions).map(([type, [truth, reason, message, since = longAgo]]) => ({
        ...{ type, status: truth, reason, message, observedGeneration: generation, lastTransitionTime: since },
      })),
      operator: { name: 'postscreen-system/postscreen-operator', checkedAt: '2026-12-01T10:16:30Z', validSeconds: decades },
      ...(gateways !== undefined && { gateways, addresses }),
      ...status,
    },
  }
}

const fine = {
  Accepted: ['True', 'Accepted', 'The policy is valid'],
  BackendReachable: ['True', 'Reachable', 'All 3 gateways reach a mail server of postfix.mail.svc:10025'],
  DNSBLHealthy: ['True', 'Healthy', 'All gateways can trust their DNS lists'],
  Reconciling: ['False', 'UpToDate', 'Everything is up to date'],
  Stalled: ['False', 'NotStalled', 'Nothing blocks the policy'],
} as const

const invalid = 'spec.access[1].table: ConfigMap senders-eu does not exist in namespace mail'
const refuses = '2 of 2 gateways reach no mail server of postfix.shop.svc:10025: postfix.shop.svc:10025: ECONNREFUSED'
const starts = '2 of 4 gateways run generation 27 (pod inbound-gateway-5d9f-x7k2p: ContainerCreating)'

export const policies: readonly KubeObject[] = [
  policyObject('mail', 'mx', {
    ...{ generation: 42, created: '2026-08-27T08:00:00Z', gateways: { total: 3, updated: 3, ready: 3 }, addresses: ['192.0.2.25'] },
    conditions: {
      Ready: ['True', 'Ready', '3 of 3 gateways run generation 42'],
      ...fine,
      Programmed: ['True', 'Programmed', '3 of 3 gateways run generation 42'],
    },
  }),
  policyObject('mail', 'mx-backup', {
    ...{ generation: 18, created: '2026-08-27T08:00:00Z', gateways: { total: 2, updated: 0, ready: 2 }, addresses: ['192.0.2.26'] },
    conditions: {
      Ready: ['False', 'Invalid', invalid, '2026-12-01T10:11:00Z'],
      ...fine,
      Accepted: ['False', 'Invalid', invalid, '2026-12-01T10:11:00Z'],
      Programmed: ['False', 'NotAccepted', 'The policy is not valid; gateways keep the last valid policy', '2026-12-01T10:11:00Z'],
      Stalled: ['True', 'Invalid', invalid, '2026-12-01T10:11:00Z'],
    },
  }),
  policyObject('shop', 'mx', {
    ...{ generation: 9, created: '2026-10-31T08:00:00Z', gateways: { total: 2, updated: 2, ready: 2 }, addresses: ['198.51.100.25'] },
    conditions: {
      Ready: ['False', 'Unreachable', refuses, '2026-12-01T10:11:00Z'],
      ...fine,
      Programmed: ['True', 'Programmed', '2 of 2 gateways run generation 9'],
      BackendReachable: ['False', 'Unreachable', refuses, '2026-12-01T10:11:00Z'],
    },
  }),
  policyObject('lists', 'inbound', {
    ...{ generation: 27, created: '2026-05-05T08:00:00Z', gateways: { total: 4, updated: 2, ready: 3 }, addresses: ['192.0.2.90'] },
    conditions: {
      Ready: ['False', 'Progressing', starts, '2026-12-01T10:16:10Z'],
      ...fine,
      Programmed: ['False', 'Progressing', starts, '2026-12-01T10:16:10Z'],
      DNSBLHealthy: [
        'False',
        'Unhealthy',
        'bl.example.org is suspended: ListsEverything (answer: 127.0.0.2): remove it from dnsbl.sites',
        '2026-12-01T06:17:00Z',
      ],
      Reconciling: ['True', 'Progressing', starts, '2026-12-01T10:16:10Z'],
    },
  }),
  policyObject('lab', 'trial', {
    ...{ generation: 5, created: '2026-11-29T08:00:00Z', gateways: { total: 1, updated: 1, ready: 1 }, addresses: ['10.0.7.40'] },
    spec: { ...managed, mode: 'Audit' },
    conditions: {
      Ready: ['True', 'Ready', '1 of 1 gateways run generation 5'],
      ...fine,
      Programmed: ['True', 'Programmed', '1 of 1 gateways run generation 5'],
    },
  }),
  policyObject('edge', 'mx-vm', {
    ...{ generation: 3, created: '2026-11-19T08:00:00Z', spec: { backend: { addresses: ['10.0.9.1:10025'] } } },
    conditions: {
      Ready: ['True', 'Ready', 'The ConfigMap has generation 3; the policy has no gateways'],
      ...fine,
      Programmed: ['True', 'ConfigMapWritten', 'The ConfigMap has generation 3; the policy has no gateways'],
      BackendReachable: ['Unknown', 'NoGateway', 'No gateway runs, so nothing is known about the mail servers'],
    },
  }),
]

export function podObject(
  namespace: string,
  policy: string,
  name: string,
  more: { readonly ready?: boolean; readonly status?: object } = {},
): KubeObject {
  const labels = {
    ...{ 'app.kubernetes.io/name': 'postscreen', 'app.kubernetes.io/instance': policy, 'app.kubernetes.io/component': 'gateway' },
  }
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { namespace, name, labels, uid: name, creationTimestamp: '2026-11-30T10:17:00Z' },
    status: {
      phase: 'Running',
      podIP: '10.0.0.7',
      conditions: [{ type: 'Ready', status: more.ready === false ? 'False' : 'True' }],
      ...more.status,
    },
  }
}

const waiting = { phase: 'Pending', podIP: undefined, containerStatuses: [{ state: { waiting: { reason: 'ContainerCreating' } } }] }

export const pods: readonly KubeObject[] = [
  podObject('mail', 'mx', 'mx-gateway-7c9d4b-mm8tz'),
  podObject('mail', 'mx', 'mx-gateway-7c9d4b-q5d2w'),
  podObject('mail', 'mx', 'mx-gateway-7c9d4b-x2k4p'),
  podObject('mail', 'mx-backup', 'mx-backup-gateway-66b-aaaaa'),
  podObject('mail', 'mx-backup', 'mx-backup-gateway-66b-bbbbb'),
  podObject('shop', 'mx', 'mx-gateway-59c-ccccc', { ready: false }),
  podObject('shop', 'mx', 'mx-gateway-59c-ddddd', { ready: false }),
  podObject('lists', 'inbound', 'inbound-gateway-5d9f-p4p4p'),
  podObject('lists', 'inbound', 'inbound-gateway-5d9f-x7k2p', { ready: false, status: waiting }),
  podObject('lists', 'inbound', 'inbound-gateway-77aa-eeeee'),
  podObject('lab', 'trial', 'trial-gateway-1a-fffff'),
]

interface Server {
  readonly label: string
  readonly state: string
  readonly sessions?: number
  readonly lastError?: string
}

/** A status page as a gateway sends it. */
export function statusPageOf(
  generation: number,
  servers: readonly Server[],
  more: { readonly version?: string; readonly suspended?: number } = {},
): object {
  const { version = '0.2.0', suspended = 0 } = more
  const notReady = servers.some(({ state }) => state === 'working') ? [] : ['no backend is reachable']
  return {
    version,
    ready: notReady.length === 0,
    notReady,
    draining: false,
    policy: { name: 'mx', namespace: 'mail', generation, hash: 'f704847e'.repeat(8), mode: 'Enforce', loadedAt: '2026-12-01T09:45:00Z' },
    sessions: { header: 0, recall: 1, early: 5, smtp: 3, replay: 0, handoff: 0, relay: 10, closing: 1 },
    queues: { check: 9, post: 0, stress: false },
    backends: [{ backend: 'postfix', addresses: servers.map((one) => ({ sessions: 5, lastError: null, restMs: 0, ...one })) }],
    dnsbl: {
      lists: ['zen.dq.example.net', 'bl.example.org', 'rep.example.net', 'wl.example.com'].map((list, at) => ({
        ...{ list, state: at < suspended ? 'faulty' : 'healthy', used: at >= suspended },
      })),
    },
  }
}

const works: readonly Server[] = [
  { label: 'postfix-0:10025', state: 'working' },
  { label: 'postfix-1:10025', state: 'working' },
]
const refusing: readonly Server[] = [{ label: 'postfix.shop.svc:10025', state: 'failing', sessions: 0, lastError: 'ECONNREFUSED' }]

/** By `namespace/pod`. */
export const statusPages: Readonly<Record<string, object>> = {
  'mail/mx-gateway-7c9d4b-mm8tz': statusPageOf(42, works),
  'mail/mx-gateway-7c9d4b-q5d2w': statusPageOf(42, works),
  'mail/mx-gateway-7c9d4b-x2k4p': statusPageOf(42, works),
  'mail/mx-backup-gateway-66b-aaaaa': statusPageOf(17, works),
  'mail/mx-backup-gateway-66b-bbbbb': statusPageOf(17, works),
  'shop/mx-gateway-59c-ccccc': statusPageOf(9, refusing),
  'shop/mx-gateway-59c-ddddd': statusPageOf(9, refusing),
  'lists/inbound-gateway-5d9f-p4p4p': statusPageOf(27, works, { suspended: 1 }),
  'lists/inbound-gateway-77aa-eeeee': statusPageOf(26, works, { version: '0.1.0', suspended: 1 }),
  'lab/trial-gateway-1a-fffff': statusPageOf(5, works),
}
