// The gateway's pods as the operator sees them.
import { isIP } from 'node:net'
import { annotation } from '../desired/names.ts'
import { fieldsOf, isObject } from '../../crds/is-object.ts'
import type { KubeObject } from '../kube/object.ts'
import { oneLine } from './one-line.ts'
import type { GatewayReport } from './report.ts'

/** A pod that is not terminating, and what it reported. */
export interface GatewayPod {
  readonly name: string
  readonly uid: string
  readonly address: string | undefined
  /** The address of its node. */
  readonly host: string | undefined
  readonly ready: boolean
  /** The form of the pod (annotation). */
  readonly template: string | undefined
  readonly refresh: string | undefined
  /** Why it does not run, such as ImagePullBackOff; undefined if Kubernetes reports no problem. */
  readonly trouble: string | undefined
  readonly report: GatewayReport | undefined
}

const list = (value: unknown): readonly Readonly<Record<string, unknown>>[] => (Array.isArray(value) ? value.filter(isObject) : [])
const text = (value: unknown): string | undefined => (typeof value === 'string' && value !== '' ? value : undefined)

/** Waiting reasons that are part of every start. */
const usual = new Set(['ContainerCreating', 'PodInitializing'])

function troubleOf(status: Readonly<Record<string, unknown>>): string | undefined {
  for (const { state } of list(status['containerStatuses'])) {
    const { reason, message } = fieldsOf(fieldsOf(state)['waiting'])
    const word = text(reason)
    if (word !== undefined && !usual.has(word)) return inWords(word, message)
  }
  const unscheduled = list(status['conditions']).find((one) => one['type'] === 'PodScheduled' && one['status'] === 'False')
  return unscheduled === undefined ? undefined : inWords(text(unscheduled['reason']) ?? 'Unscheduled', unscheduled['message'])
}

const inWords = (word: string, message: unknown): string =>
  [word, text(message)]
    .filter((one) => one !== undefined)
    .map(oneLine)
    .join(': ')

export function podOf(object: KubeObject, report: GatewayReport | undefined): GatewayPod {
  const { name, uid = '', annotations = {} } = object.metadata
  const status = fieldsOf(object['status'])
  return {
    name,
    uid,
    address: addressOf(object),
    host: hostOf(status),
    ready: list(status['conditions']).some((one) => one['type'] === 'Ready' && one['status'] === 'True'),
    template: annotations[annotation.template],
    refresh: annotations[annotation.refresh],
    trouble: troubleOf(status),
    report,
  }
}

function hostOf({ hostIP }: Readonly<Record<string, unknown>>): string | undefined {
  const host = text(hostIP)
  return host !== undefined && isIP(host) !== 0 ? host : undefined
}

/** The pod's IP address; undefined while it has none or does not run. */
export function addressOf(object: KubeObject): string | undefined {
  const status = fieldsOf(object['status'])
  const address = status['phase'] === 'Running' ? text(status['podIP']) : undefined
  return address !== undefined && isIP(address) !== 0 ? address : undefined
}

/** Whether it is terminating or has ended: it may serve its last sessions, but accepts no new policy. */
export function isEnding({ metadata, status }: KubeObject): boolean {
  const phase = fieldsOf(status)['phase']
  return metadata.deletionTimestamp !== undefined || phase === 'Succeeded' || phase === 'Failed'
}

/** The parts of a pod that are kept in memory. */
export function slimPod(object: KubeObject): KubeObject {
  const { name, namespace, uid, resourceVersion, creationTimestamp, labels, annotations, ownerReferences, deletionTimestamp } =
    object.metadata
  const { phase, podIP, hostIP, conditions, containerStatuses } = fieldsOf(object['status'])
  const states = list(containerStatuses).map(({ state }) => ({ state }))
  const metadata = {
    name,
    ...Object.fromEntries(
      Object.entries({
        ...{ namespace, uid, resourceVersion, creationTimestamp, labels, annotations, ownerReferences, deletionTimestamp },
      }).filter(([, value]) => value !== undefined),
    ),
  }
  return {
    apiVersion: object.apiVersion,
    kind: object.kind,
    metadata,
    status: { phase, podIP, hostIP, conditions, containerStatuses: states },
  }
}
