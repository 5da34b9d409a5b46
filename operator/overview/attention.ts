// What is wrong with a policy, as a sentence, and what to do about it.
import { gatewayName } from '../desired/names.ts'
import { noTransition } from '../../crds/schema/status.schema.ts'
import { conditionOf, type ConditionView, type PolicyView } from './policy-view.ts'

export interface Attention {
  readonly tone: 'bad' | 'warn' | 'going'
  readonly sentence: string
  /** What to do; empty if it passes by itself. */
  readonly advice: string
}

/** The state of a policy in one word, as in the column READY. */
export interface Verdict {
  readonly tone: 'ok' | 'warn' | 'bad' | 'going'
  readonly word: string
}

/** Mail is not taken, or clean clients are told to come again. */
const mailWaits = new Set(['Unreachable', 'ScaledToZero'])
/** On their way, unless Stalled says otherwise. */
const underWay = new Set(['Progressing', 'WaitingForDeletion', 'NoReport', 'NotChecked', 'GatewaysNotReady'])

/** The verdict from the condition Ready. */
export function verdictOf(view: PolicyView): Verdict {
  const ready = conditionOf(view, 'Ready')
  if (ready === undefined || ready.since === noTransition) return { tone: 'going', word: 'Not seen' }
  if (view.observedGeneration < view.generation) return { tone: 'going', word: 'Waiting' }
  if (ready.status === 'True') return { tone: 'ok', word: ready.reason === 'Ready' ? 'Ready' : ready.reason }
  return { tone: toneOf(view, ready), word: ready.reason }
}

function toneOf(view: PolicyView, { reason }: ConditionView): 'bad' | 'warn' | 'going' {
  if (mailWaits.has(reason) || (view.isManaged && nobodyServes(view, reason))) return 'bad'
  return underWay.has(reason) && conditionOf(view, 'Stalled')?.status !== 'True' ? 'going' : 'warn'
}

/** No gateway accepts clients, and none is known to do so soon. */
const nobodyServes = ({ gateways, total }: PolicyView, reason: string): boolean =>
  total > 0 && reason === 'GatewaysNotReady' && gateways.length > 0 && !gateways.some(({ ready }) => ready)

/** Everything about a policy that is not as it should be, the worst first. */
export function attentionOf(view: PolicyView, now: number): readonly Attention[] {
  return [
    ...readiness(view, now),
    ...lists(view, now),
    ...untrue('ClientAddressPreserved', view, now),
    ...untrue('SPFCurrent', view, now),
    ...stale(view, now),
    ...silent(view),
  ]
}

function readiness(view: PolicyView, now: number): readonly Attention[] {
  const { tone, word } = verdictOf(view)
  const ready = conditionOf(view, 'Ready')
  if (tone === 'ok') return []
  if (word === 'Not seen') return [notSeen]
  if (word === 'Waiting') return [{ tone: 'going', sentence: `the operator has not seen generation ${view.generation} yet`, advice: '' }]
  const waits = tone === 'bad' || tone === 'warn' ? tone : 'going'
  const message = sentenceOf(ready?.message ?? '')
  return [{ tone: waits, sentence: `${message}${sinceOf(ready?.since, now)}`, advice: adviceOn(view, word) }]
}

const notSeen: Attention = {
  tone: 'going',
  sentence: 'no operator has seen this policy yet',
  advice: 'Look: kubectl get pods -A -l app.kubernetes.io/component=operator',
}

/** The message of a condition ends without a full stop, or with the one of its advice. */
const sentenceOf = (message: string): string => message.replace(/\.$/, '')

/** ` (for 6 min)`. */
function sinceOf(since: string | undefined, now: number): string {
  const began = Date.parse(since ?? '')
  return Number.isNaN(began) ? '' : ` (for ${ageOf(now - began)})`
}

const units = [
  ['d', 86_400_000],
  ['h', 3_600_000],
  ['min', 60_000],
  ['s', 1000],
] as const

/** A time in its largest unit, such as `6 min`. */
export function ageOf(ms: number): string {
  const [unit, size] = units.find(([, one]) => ms >= one) ?? ['s', 1000]
  return `${Math.max(0, Math.floor(ms / size))} ${unit}`
}

/** By the reason of the condition Ready. Messages of the operator that say what to do need no more. */
function adviceOn(view: PolicyView, reason: string): string {
  const { namespace, name, backendService } = view
  switch (reason) {
    case 'Invalid':
    case 'RefusedByGateway':
    case 'LastGoodPolicy':
      return `Correct it: kubectl -n ${namespace} edit postscreenpolicy ${name}`
    case 'RefusedByTenancy':
      return 'Take the field out of the policy, or ask the administrator of the operator'
    case 'Unreachable':
      return backendService === undefined
        ? `Look at the mail servers: ${view.mailServers.map((one) => one.name).join(', ') || 'those of spec.backend'}`
        : `Look: kubectl -n ${backendService.namespace} get endpointslices -l kubernetes.io/service-name=${backendService.name}`
    case 'Progressing':
    case 'GatewaysNotReady':
    case 'ProgressDeadlineExceeded':
      return podAdvice(view)
    case 'ApplyFailed':
      return `Look: kubectl -n ${namespace} get events --field-selector involvedObject.name=${name}`
    case 'NameConflict':
      return 'Delete or rename the other object, or rename the policy'
    case 'Paused':
      return `To go on: kubectl -n ${namespace} annotate postscreenpolicy ${name} postscreen.dev/pause-`
    default:
      return ''
  }
}

function podAdvice({ namespace, name, gateways }: PolicyView): string {
  const troubled = gateways.find(({ trouble }) => trouble !== undefined)
  if (troubled !== undefined) return `Look: kubectl -n ${namespace} describe pod ${troubled.name}`
  return `Look: kubectl -n ${namespace} describe deployment ${gatewayName(name)}`
}

function lists(view: PolicyView, now: number): readonly Attention[] {
  const found = conditionOf(view, 'DNSBLHealthy')
  if (found?.status !== 'False') return []
  const sentence = `${sentenceOf(found.message)}${sinceOf(found.since, now)}`
  // In a gateway's pod, because another resolver gets other answers from some lists.
  const pod = view.gateways[0]?.name ?? `deploy/${gatewayName(view.name)}`
  const advice = `Test them: kubectl -n ${view.namespace} exec ${pod} -- postscreen lists check --policy /etc/postscreen/policy.yaml`
  return [{ tone: 'warn', sentence, advice }]
}

/** A condition whose message says what to change. */
function untrue(type: 'ClientAddressPreserved' | 'SPFCurrent', view: PolicyView, now: number): readonly Attention[] {
  const found = conditionOf(view, type)
  if (found?.status !== 'False') return []
  return [{ tone: 'warn', sentence: `${sentenceOf(found.message)}${sinceOf(found.since, now)}`, advice: '' }]
}

/** The operator has not confirmed the status for longer than it holds. */
function stale({ checkedAt, validSeconds }: PolicyView, now: number): readonly Attention[] {
  const at = Date.parse(checkedAt ?? '')
  if (Number.isNaN(at) || validSeconds === undefined || now - at <= validSeconds * 1000) return []
  const sentence = `this may be old: the operator last confirmed it ${ageOf(now - at)} ago. Gateways work without it, but changes wait`
  return [{ tone: 'warn', sentence, advice: notSeen.advice }]
}

/** Gateways that run, and give no answer. Missing rights are said once, elsewhere. */
function silent({ gateways }: PolicyView): readonly Attention[] {
  return gateways
    .filter(({ error }) => error !== undefined)
    .map(({ name, error }) => ({ tone: 'warn', sentence: `gateway ${name} gives no answer: ${error}`, advice: '' }))
}
