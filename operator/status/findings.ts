// The findings about a policy, each a condition without its time: pure functions of what a pass has observed.
import type { Contested } from '../contest.ts'
import type { KubeObject } from '../kube/object.ts'
import type { Problem } from '../../crds/problems.ts'
import { awaiting, type Parts } from './awaiting.ts'
import { type Finding, finding } from './condition.ts'
import { clientAddressPreserved } from './client-addresses.ts'
import { dnsblHealthy } from './dns-lists.ts'
import type { Observation } from './observation.ts'
import { type Rollout, rolloutOf } from './rollout.ts'
import { spfCurrent } from './senders.ts'

export const conditionTypes = [
  'Accepted',
  'Programmed',
  'BackendReachable',
  'DNSBLHealthy',
  'ClientAddressPreserved',
  'SPFCurrent',
  'Ready',
  'Reconciling',
  'Stalled',
] as const
export type ConditionType = (typeof conditionTypes)[number]
/** A condition that does not concern the policy is left out. */
type Optional = 'SPFCurrent'
export type Findings = Readonly<Record<Exclude<ConditionType, Optional>, Finding>> & Readonly<Partial<Record<Optional, Finding>>>

const problemsShown = 20
function inWords(problems: readonly Problem[]): string {
  const shown = problems.slice(0, problemsShown).map(({ path, why }) => `${path}: ${why}`)
  const more = problems.length - shown.length
  return [...shown, ...(more > 0 ? [`and ${more} more`] : [])].join('; ')
}

/** The problems that gateways of the newest form report about the policy. Older ones may lack what it needs. */
export function refusals({ pods, compiled, template }: Pick<Observation, 'pods' | 'compiled' | 'template'>): readonly Problem[] {
  const refusing = pods.find(
    (pod) => pod.template === template && pod.report?.refused !== undefined && pod.report.refused.hash === compiled?.hash,
  )
  return refusing?.report?.refused?.problems ?? []
}

function accepted(seen: Observation): Finding {
  if (seen.problems.length > 0) {
    const words = inWords(seen.problems)
    return seen.refusedBy === 'tenancy'
      ? finding('False', 'RefusedByTenancy', `The operator restricts policies (tenancy: restricted). ${words}`)
      : finding('False', 'Invalid', words)
  }
  const refused = refusals(seen)
  if (refused.length > 0 && seen.refusalLasts) return finding('False', 'RefusedByGateway', inWords(refused))
  const skipped = seen.compiled?.skipped ?? []
  return skipped.length === 0
    ? finding('True', 'Accepted', 'The policy is valid')
    : finding(
        'True',
        'LinesSkipped',
        `The policy is valid, but lines of its access tables do not parse: correct them. ${skipped.join('. ')}`,
      )
}

/** What blocks a rollout, as far as Kubernetes or the pods report it. */
function hindrance({ pods }: Observation, { stuck }: Rollout): string {
  const trouble = pods.find((pod) => pod.trouble !== undefined)
  if (trouble !== undefined) return ` (pod ${trouble.name}: ${trouble.trouble})`
  return stuck === undefined ? '' : ` (${stuck})`
}

function notApplied({ applied }: Observation): Finding | undefined {
  const conflicts = applied.filter((one) => one.is === 'conflict')
  if (conflicts.length > 0) {
    const reason = conflicts.every(({ passes }) => passes) ? 'WaitingForDeletion' : 'NameConflict'
    return finding('False', reason, conflicts.map(({ why }) => why).join('; '))
  }
  const refused = applied.filter((one) => one.is === 'refused')
  if (refused.length === 0) return undefined
  return finding('False', 'ApplyFailed', refused.map(({ object, why }) => `${object.kind} ${object.metadata.name}: ${why}`).join('; '))
}

/** Names an object that does not keep its applied state, and the writer to stop. */
function inContest({ object, by, isDeleted }: Contested): string {
  const name = `${object.kind} ${object.metadata.name}`
  if (isDeleted)
    return `${name} is deleted again and again by another client; the operator creates it at growing intervals. Stop that client`
  const writer =
    by === undefined
      ? 'a writer that its managedFields do not name (one that removes fields, or an operator of an earlier version)'
      : `field manager ${by}`
  return `${name} is changed back again and again by ${writer}; the operator writes it at growing intervals, up to 5 minutes. Stop that writer, or put the setting into the policy`
}

function notKept({ contested }: Observation): Finding | undefined {
  return contested.length === 0 ? undefined : finding('False', 'Contested', contested.map(inContest).join('; '))
}

const namesOf = (objects: readonly KubeObject[]): string => objects.map(({ kind, metadata }) => `${kind} ${metadata.name}`).join(', ')

/**
 * What gateways of the policy lack while they accept clients. Each problem once, in a fixed order, so that the status
 * does not change without a reason.
 */
function without({ pods }: Observation): string {
  const parts = [...new Set(pods.flatMap(({ report }) => report?.without ?? []))].toSorted()
  return parts.length === 0 ? '' : `. They work without: ${parts.slice(0, problemsShown).join('; ')}`
}

/** Gateways that were started with a policy that they cannot use, and serve the one that they have kept. */
function servingKept({ pods }: Observation): string | undefined {
  const kept = pods.filter((pod) => pod.report?.keptAt !== undefined)
  const [first] = kept
  if (first?.report === undefined) return undefined
  const why = inWords(first.report.refused?.problems ?? [])
  return `${kept.length} could not use the newest policy since they started and serve the last valid one, which pod ${first.name} has kept since ${first.report.keptAt}: ${why}`
}

/** What gateways do that do not run the current policy. */
function othersOf({ pods, compiled }: Observation): string {
  const haveOne = pods.some(({ report }) => report?.hash !== undefined && report.hash !== compiled?.hash)
  return haveOne ? 'the others keep the last valid policy' : 'the others have no policy yet and accept no clients'
}

function programmed(seen: Observation, acceptedOf: Finding, rollout: Rollout): Finding {
  const generation = seen.policy.metadata.generation ?? 0
  if (seen.compiled === undefined) {
    const before = seen.configMap === undefined ? 'no gateway has had a valid policy' : 'gateways keep the last valid policy'
    return finding('False', 'NotAccepted', `The policy is not valid; ${before}`)
  }
  const failed = notApplied(seen) ?? notKept(seen)
  if (failed !== undefined) return failed
  const managed = seen.compiled.policy.spec.gateway !== undefined
  if (!managed) {
    return seen.paused
      ? finding('Unknown', 'Paused', 'Changes are paused')
      : finding('True', 'ConfigMapWritten', `The ConfigMap has generation ${generation}; the policy has no gateways`)
  }
  const count = `${rollout.updated} of ${rollout.total} gateways run generation ${generation}`
  if (seen.drifted.length > 0)
    return finding('False', 'Paused', `Changes are paused; these objects differ from the policy: ${namesOf(seen.drifted)}`)
  const kept = servingKept(seen)
  if (kept !== undefined) return finding('False', 'LastGoodPolicy', `${count}; ${kept}`)
  if (rollout.complete)
    return seen.paused
      ? finding('True', 'Paused', `${count}; changes are paused`)
      : finding('True', 'Programmed', `${count}${without(seen)}`)
  if (acceptedOf.status === 'False') return finding('False', 'NotAccepted', `${count}; ${othersOf(seen)}`)
  if (seen.paused) return finding('False', 'Paused', `${count}; changes are paused`)
  return finding('False', 'Progressing', `${count}${hindrance(seen, rollout)}`)
}

/** Describes a name without an address, in terms of the Service that it belongs to. */
function inCluster({ compiled, backendService, policy }: Observation, why: string): string {
  const service = compiled?.policy.spec.backend.service
  if (service === undefined || !isUnknownName(why)) return why
  const where = `Service ${service.name} in namespace ${service.namespace ?? policy.metadata.namespace ?? ''}`
  switch (backendService) {
    case 'missing':
      return `${where} does not exist. Create it, or correct spec.backend.service`
    case 'headless':
      return `${where} has no ready pod. Check the pods that it selects`
    case 'clusterIP':
      return `${where} exists, but its name has no address (${why}). Check the cluster's DNS`
    case undefined:
      return `${where} does not exist, or has no ready pod (${why})`
  }
}

/** The reason from getaddrinfo for a name without addresses. */
export const isUnknownName = (why: string): boolean => /\b(ENOTFOUND|ENODATA)\b/.test(why)

function backendReachable(seen: Observation, { total }: Rollout): Finding {
  const { pods, compiled } = seen
  if ((compiled?.policy.spec.gateway === undefined || total === 0) && pods.length === 0)
    return finding('Unknown', 'NoGateway', 'No gateway runs, so nothing is known about the mail servers')
  const reports = pods.flatMap(({ report }) => (report === undefined || report.backends.length === 0 ? [] : [report.backends]))
  if (reports.length === 0) return finding('Unknown', 'NoReport', 'No gateway has reported yet whether it reaches a mail server')
  const wrong = reports.flat().find(({ misconfigured }) => misconfigured !== undefined)
  const cutOff = reports.filter((backends) => !backends.some(({ reachable }) => reachable))
  const names = [...new Set(reports.flat().map(({ name }) => name))].join(', ')
  if (wrong !== undefined) {
    const rest = cutOff.length === 0 ? 'gets no client; the other mail servers do' : 'gets no client'
    return finding('False', 'Misconfigured', `A mail server of ${wrong.name} ${rest}: ${wrong.misconfigured}`)
  }
  if (cutOff.length === 0) return finding('True', 'Reachable', `All ${reports.length} gateways reach a mail server of ${names}`)
  const why = cutOff.flat().find((backend) => backend.why !== '')?.why
  // A gateway that has just started, or has just read the policy: nothing is wrong yet.
  if (why === undefined) {
    return finding('Unknown', 'NotChecked', `${cutOff.length} of ${reports.length} gateways have not yet checked a mail server of ${names}`)
  }
  return finding(
    'False',
    'Unreachable',
    `${cutOff.length} of ${reports.length} gateways reach no mail server of ${names}: ${inCluster(seen, why)}`,
  )
}

const noNode = finding(
  'False',
  'NoNode',
  'No node fits spec.gateway.nodeSelector and spec.gateway.tolerations: no gateway runs, and clients cannot connect',
)

/** Whether the wanted number of gateways accepts clients. */
function serving({ workload }: Observation, { ready: up, total, isCounted }: Rollout): Finding {
  if (workload?.kind === 'DaemonSet' && total === 0)
    return isCounted ? noNode : finding('False', 'GatewaysNotReady', 'The nodes are not counted yet')
  if (workload !== undefined && total === 0)
    return finding('False', 'ScaledToZero', 'spec.gateway.replicas is 0: no gateway runs, and clients cannot connect. Set it to 1 or more')
  if (workload === undefined || up >= total) return finding('True', 'Ready', '')
  return finding('False', 'GatewaysNotReady', `${up} of ${total} gateways accept clients`)
}

/**
 * Gateways that have reached their limit of connections. They serve their present clients, so the policy is ready
 * nevertheless.
 */
function crowded({ pods }: Observation): string {
  const full = pods.map(({ report }) => report?.full).filter((advice) => advice !== undefined)
  return full.length === 0 ? '' : `; on ${full.length} of ${pods.length} gateways ${full[0]}`
}

/** The first finding that is not good. Without gateways, nothing is known about mail servers, which is not a fault. */
function ready(parts: readonly Finding[], note: string): Finding {
  const wrong =
    parts.find(({ status }) => status === 'False') ?? parts.find(({ status, reason }) => status === 'Unknown' && reason !== 'NoGateway')
  if (wrong !== undefined) return finding(wrong.status, wrong.reason, wrong.message)
  const [, programmedOf] = parts
  return finding('True', programmedOf?.reason === 'Paused' ? 'Paused' : 'Ready', `${programmedOf?.message ?? ''}${note}`)
}

/** The state stays as it is until the policy or the cluster is changed. */
function stalled(seen: Observation, parts: Parts, { stuck }: Rollout): Finding {
  const { Accepted, Programmed } = parts
  const waits = awaiting(seen, parts)
  if (waits !== undefined && !seen.waitedTooLong) return finding('False', 'NotStalled', `This can resolve by itself: ${waits.message}`)
  if (waits !== undefined) return finding('True', waits.reason, waits.message)
  if (Accepted.status === 'False') return finding('True', Accepted.reason, Accepted.message)
  if (['NameConflict', 'Contested'].includes(Programmed.reason)) return finding('True', Programmed.reason, Programmed.message)
  if (Programmed.reason === 'Progressing' && stuck !== undefined) return finding('True', 'ProgressDeadlineExceeded', Programmed.message)
  return finding('False', 'NotStalled', 'Nothing blocks the policy')
}

/** Something is in progress, or may still appear. */
function reconciling(seen: Observation, parts: Parts, stalledOf: Finding): Finding {
  const { Programmed } = parts
  if (stalledOf.status === 'True') return finding('False', 'Stalled', 'Work has stopped: see Stalled')
  const waits = awaiting(seen, parts)
  if (waits !== undefined) return finding('True', waits.reason, waits.message)
  if (['Progressing', 'WaitingForDeletion'].includes(Programmed.reason)) return finding('True', Programmed.reason, Programmed.message)
  if (Programmed.reason === 'Paused') return finding('False', 'Paused', Programmed.message)
  return finding('False', 'UpToDate', 'Everything is up to date')
}

function partsOf(seen: Observation, rollout: Rollout): Parts {
  const Accepted = accepted(seen)
  return {
    Accepted,
    Programmed: programmed(seen, Accepted, rollout),
    BackendReachable: backendReachable(seen, rollout),
    Serving: serving(seen, rollout),
  }
}

/** Whether a finding is not good but may pass without an action. */
export const isAwaiting = (seen: Observation): boolean => awaiting(seen, partsOf(seen, rolloutOf(seen))) !== undefined

/** All conditions of a policy. */
export function findingsOf(seen: Observation): Findings {
  const rollout = rolloutOf(seen)
  const parts = partsOf(seen, rollout)
  const { Accepted, Programmed, BackendReachable, Serving } = parts
  const Stalled = stalled(seen, parts, rollout)
  const SPFCurrent = spfCurrent(seen)
  return {
    Accepted,
    Programmed,
    BackendReachable,
    DNSBLHealthy: dnsblHealthy(seen),
    ClientAddressPreserved: clientAddressPreserved(seen),
    ...(SPFCurrent !== undefined && { SPFCurrent }),
    Ready: ready([Accepted, Programmed, BackendReachable, Serving], crowded(seen)),
    Reconciling: reconciling(seen, parts, Stalled),
    Stalled,
  }
}
