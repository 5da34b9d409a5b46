// The findings about a policy, each a condition without its time: pure functions of what a pass has observed.
import type { Contested } from '../contest.ts'
import type { KubeObject } from '../kube/object.ts'
import type { Problem } from '../../crds/problems.ts'
import type { Observation } from './observation.ts'
import { type Rollout, rolloutOf } from './rollout.ts'

export type Truth = 'True' | 'False' | 'Unknown'

export interface Finding {
  readonly status: Truth
  /** One word for programs, CamelCase. */
  readonly reason: string
  /** For people. */
  readonly message: string
}

export const conditionTypes = ['Accepted', 'Programmed', 'BackendReachable', 'Ready', 'Reconciling', 'Stalled'] as const
export type ConditionType = (typeof conditionTypes)[number]
export type Findings = Readonly<Record<ConditionType, Finding>>

const longest = 8000
/** No half of a character is left at the end: the API server would write that in another way. */
const finding = (status: Truth, reason: string, message: string): Finding => ({
  status,
  reason,
  message: message.slice(0, longest).toWellFormed(),
})

const problemsShown = 20
function inWords(problems: readonly Problem[]): string {
  const shown = problems.slice(0, problemsShown).map(({ path, why }) => `${path}: ${why}`)
  const more = problems.length - shown.length
  return [...shown, ...(more > 0 ? [`and ${more} more`] : [])].join('; ')
}

/** What gateways of the newest form say against the policy; older ones may lack what it needs. */
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

/** What stands in the way of a rollout, as far as Kubernetes or the pods say. */
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

/** An object that does not stay as it was applied, and which writer to stop. */
function inContest({ object, by, isDeleted }: Contested): string {
  const name = `${object.kind} ${object.metadata.name}`
  if (isDeleted)
    return `${name} is deleted again and again by another client; the operator creates it at growing intervals. Stop that client`
  const writer = by === undefined ? 'another operator that also writes as postscreen-operator' : `field manager ${by}`
  return `${name} is changed back again and again by ${writer}; the operator writes it at growing intervals, up to 5 minutes. Stop that writer, or put the setting into the policy`
}

function notKept({ contested }: Observation): Finding | undefined {
  return contested.length === 0 ? undefined : finding('False', 'Contested', contested.map(inContest).join('; '))
}

const namesOf = (objects: readonly KubeObject[]): string => objects.map(({ kind, metadata }) => `${kind} ${metadata.name}`).join(', ')

/** What gateways of the policy go without while they take clients. Each thing once, in a fixed order, so that the status does not change without need. */
function without({ pods }: Observation): string {
  const parts = [...new Set(pods.flatMap(({ report }) => report?.without ?? []))].toSorted()
  return parts.length === 0 ? '' : `. They go on without: ${parts.slice(0, problemsShown).join('; ')}`
}

/** Gateways that were started into a policy that they cannot use, and serve the one that they have kept. */
function servingKept({ pods }: Observation): string | undefined {
  const kept = pods.filter((pod) => pod.report?.keptAt !== undefined)
  const [first] = kept
  if (first?.report === undefined) return undefined
  const why = inWords(first.report.refused?.problems ?? [])
  return `${kept.length} cannot use the newest policy since their start and serve the last good one, which pod ${first.name} has kept since ${first.report.keptAt}: ${why}`
}

function programmed(seen: Observation, acceptedOf: Finding, rollout: Rollout): Finding {
  const generation = seen.policy.metadata.generation ?? 0
  if (seen.compiled === undefined) return finding('False', 'NotAccepted', 'The policy is not valid; what ran before goes on')
  const failed = notApplied(seen) ?? notKept(seen)
  if (failed !== undefined) return failed
  const managed = seen.compiled.policy.spec.gateway !== undefined
  if (!managed) {
    return seen.paused
      ? finding('Unknown', 'Paused', 'Changes are paused')
      : finding('True', 'ConfigMapWritten', `The ConfigMap has generation ${generation}; no gateway is run for the policy`)
  }
  const count = `${rollout.updated} of ${rollout.total} gateways run generation ${generation}`
  if (seen.drifted.length > 0) return finding('False', 'Paused', `Changes are paused; not as the policy says: ${namesOf(seen.drifted)}`)
  const kept = servingKept(seen)
  if (kept !== undefined) return finding('False', 'LastGoodPolicy', `${count}; ${kept}`)
  if (rollout.complete)
    return seen.paused
      ? finding('True', 'Paused', `${count}; changes are paused`)
      : finding('True', 'Programmed', `${count}${without(seen)}`)
  if (acceptedOf.status === 'False') return finding('False', 'NotAccepted', `${count}; the others keep the last policy that was good`)
  if (seen.paused) return finding('False', 'Paused', `${count}; changes are paused`)
  return finding('False', 'Progressing', `${count}${hindrance(seen, rollout)}`)
}

function backendReachable({ pods, compiled }: Observation, { total }: Rollout): Finding {
  if ((compiled?.policy.spec.gateway === undefined || total === 0) && pods.length === 0)
    return finding('Unknown', 'NoGateway', 'No gateway is run that could tell')
  const reports = pods.flatMap(({ report }) => (report === undefined || report.backends.length === 0 ? [] : [report.backends]))
  if (reports.length === 0) return finding('Unknown', 'NoReport', 'No gateway has said yet whether it reaches a mail server')
  const wrong = reports.flat().find(({ misconfigured }) => misconfigured !== undefined)
  const cutOff = reports.filter((backends) => !backends.some(({ reachable }) => reachable))
  const names = [...new Set(reports.flat().map(({ name }) => name))].join(', ')
  if (wrong !== undefined) {
    const rest = cutOff.length === 0 ? 'gets no client; the other mail servers do' : 'gets no client'
    return finding('False', 'Misconfigured', `A mail server of ${wrong.name} ${rest}: ${wrong.misconfigured}`)
  }
  if (cutOff.length === 0) return finding('True', 'Reachable', `All ${reports.length} gateways reach a mail server of ${names}`)
  const why = cutOff.flat().find((backend) => backend.why !== '')?.why ?? 'no mail server has answered yet'
  return finding('False', 'Unreachable', `${cutOff.length} of ${reports.length} gateways reach no mail server of ${names}: ${why}`)
}

/** Whether the gateways that should be there take clients. */
function serving({ deployment }: Observation, { ready: up, total }: Rollout): Finding {
  if (deployment === undefined || up >= total) return finding('True', 'Ready', '')
  return finding('False', 'GatewaysNotReady', `${up} of ${total} gateways take clients`)
}

/** Gateways that have all the connections that they may have. They serve the clients that they have, so that the policy is ready all the same. */
function crowded({ pods }: Observation): string {
  const full = pods.map(({ report }) => report?.full).filter((advice) => advice !== undefined)
  return full.length === 0 ? '' : `; on ${full.length} of ${pods.length} gateways ${full[0]}`
}

/** The first part that is not as it should be. Without gateways nobody can know about mail servers, and that is fine. */
function ready(parts: readonly Finding[], note: string): Finding {
  const wrong =
    parts.find(({ status }) => status === 'False') ?? parts.find(({ status, reason }) => status === 'Unknown' && reason !== 'NoGateway')
  if (wrong !== undefined) return finding(wrong.status, wrong.reason, wrong.message)
  const [, programmedOf] = parts
  return finding('True', programmedOf?.reason === 'Paused' ? 'Paused' : 'Ready', `${programmedOf?.message ?? ''}${note}`)
}

/** Nothing will change until somebody does something. */
function stalled(acceptedOf: Finding, programmedOf: Finding, { stuck }: Rollout): Finding {
  if (acceptedOf.status === 'False') return finding('True', acceptedOf.reason, acceptedOf.message)
  if (['NameConflict', 'ApplyFailed', 'Contested'].includes(programmedOf.reason))
    return finding('True', programmedOf.reason, programmedOf.message)
  if (programmedOf.reason === 'Progressing' && stuck !== undefined) return finding('True', 'ProgressDeadlineExceeded', programmedOf.message)
  return finding('False', 'NotStalled', 'Nothing stands in the way')
}

/** Something is still on its way: the policy to the gateways, or gateways to their feet. What waits for a mail server does not. */
function reconciling(programmedOf: Finding, servingOf: Finding, reachable: Finding, stalledOf: Finding): Finding {
  if (stalledOf.status === 'False') {
    if (['Progressing', 'WaitingForDeletion'].includes(programmedOf.reason))
      return finding('True', programmedOf.reason, programmedOf.message)
    if (programmedOf.status === 'True' && servingOf.status === 'False' && reachable.status !== 'False') {
      return finding('True', servingOf.reason, servingOf.message)
    }
  }
  if (stalledOf.status === 'True') return finding('False', 'Stalled', 'Work has stopped: see Stalled')
  if (programmedOf.reason === 'Paused') return finding('False', 'Paused', programmedOf.message)
  return finding('False', 'UpToDate', 'Nothing is left to do')
}

/** Every condition of a policy. */
export function findingsOf(seen: Observation): Findings {
  const rollout = rolloutOf(seen)
  const Accepted = accepted(seen)
  const Programmed = programmed(seen, Accepted, rollout)
  const BackendReachable = backendReachable(seen, rollout)
  const Serving = serving(seen, rollout)
  const Stalled = stalled(Accepted, Programmed, rollout)
  return {
    Accepted,
    Programmed,
    BackendReachable,
    Ready: ready([Accepted, Programmed, BackendReachable, Serving], crowded(seen)),
    Reconciling: reconciling(Programmed, Serving, BackendReachable, Stalled),
    Stalled,
  }
}
