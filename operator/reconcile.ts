// One pass over one policy: gather, decide, apply, prune, bring it to the gateways, tell the status.
import { type Applied, type Applier, isOwned, type Live } from './apply.ts'
import type { Compilations } from './compile/compilations.ts'
import type { Compiled } from './compile/compile.ts'
import { desired, type Settings } from './desired/desired.ts'
import { type Claims, withClaim } from './claim.ts'
import { annotation, gatewayName, type Owner, ownerOf, policyConfigMap } from './desired/names.ts'
import type { Ask } from './gateways/ask.ts'
import { addressOf, type GatewayPod, isEnding, podOf } from './gateways/pods.ts'
import type { Refresh } from './gateways/refresh.ts'
import type { KubeClient } from './kube/kube-client.ts'
import { fieldsOf, isObject } from '../crds/is-object.ts'
import { keyOf, type KubeObject } from './kube/object.ts'
import { Waits } from './status/awaiting.ts'
import { type Findings, findingsOf, isAwaiting, isUnknownName, refusals } from './status/findings.ts'
import type { Observation } from './status/observation.ts'
import { statusOf } from './status/status.ts'
import { resources } from './kube/resource.ts'
import type { Aside } from './kube/work-queue.ts'
import type { StatusWriter } from './status/writer.ts'
import { contained } from './containment.ts'

/** What a pass needs of the world. */
export interface World {
  readonly client: KubeClient
  readonly live: Live & { policy(key: string): KubeObject | undefined }
  readonly compilations: Compilations
  readonly applier: Applier
  readonly refresh: Refresh
  readonly ask: Ask
  readonly settings: Settings
  readonly claims: Claims
  readonly statuses: StatusWriter
  readonly now: () => Date
  /** Told of what a pass has done and found, before the status is written; for events, metrics and the log. */
  readonly tell: (told: Told) => void
  /** Told at each pass when the status is as it should be: what the cluster's CRD cannot hold of it is known now. */
  readonly statusKept: (policy: KubeObject) => void
  /** Told at each pass of a policy that another operator looks after. */
  readonly leave: (policy: KubeObject, operator: string) => void
}

export interface Told {
  readonly policy: KubeObject
  readonly applied: readonly Applied[]
  readonly findings: Findings
}

/** When to look again, in milliseconds: soon while a change is on its way, now and then to see how the gateways do. */
const looksAgain = { onItsWay: [100, 200, 500, 1000, 2000], waiting: 5000, atRest: 15_000 } as const
/** What gateways refuse for this long is refused. The kubelet brings a policy and its tables together or, seldom, one look apart. */
const refusalLastsMs = 4000

/** One policy's passes; `again` is when the next one is due without a change in the cluster. */
export class Reconciler {
  readonly #world: World
  /** How many passes in a row have found this policy text on its way. */
  readonly #onItsWay = new Map<string, { readonly hash: string | undefined; readonly passes: number }>()

  readonly #waits = new Waits()

  /** Since when gateways refuse this policy text, on the clock's time. */
  readonly #refusedSince = new Map<string, { readonly hash: string; readonly since: number }>()

  /** The policy as the API server answered when its status was written, until the watch brings something newer than `over`. */
  readonly #written = new Map<string, { readonly over: string | undefined; readonly policy: KubeObject }>()

  constructor(world: World) {
    this.#world = world
  }

  /** `aside` waits for gateways, which may be slow, without keeping other policies from their passes. Rejects with what a later try may mend. */
  async reconcile(key: string, aside: Aside = (wait) => wait()): Promise<{ readonly again?: number }> {
    const { live, compilations, applier, claims } = this.#world
    const known = live.policy(key)
    const policy = this.#newest(key, known)
    // Owner references see to what it has made.
    if (policy === undefined || policy.metadata.deletionTimestamp !== undefined) {
      this.#onItsWay.delete(key)
      this.#written.delete(key)
      this.#refusedSince.delete(key)
      this.#waits.forget(key)
      compilations.forget(key)
      applier.forget(key)
      claims.forget(key)
      return {}
    }
    const other = claims.otherOwner(policy)
    if (other !== undefined) {
      this.#world.leave(policy, other.name)
      return { again: other.leftMs }
    }
    const remember = (answer: KubeObject): KubeObject => {
      this.#written.set(key, { over: known?.metadata.resourceVersion, policy: answer })
      return answer
    }
    const claimed = this.#mustClaim(policy) ? remember(await this.#claim(policy)) : policy
    const seen = this.#waited(key, await this.#pass(claimed, aside))
    const findings = findingsOf(seen)
    const answer = await this.#writeStatus(seen, findings)
    if (answer !== undefined) remember(answer)
    this.#world.statusKept(policy)
    const { again = Infinity } = this.#again(key, seen, findings)
    return { again: Math.min(again, claims.renewalMs) }
  }

  /** Before anything is made for it: two operators that see a new policy at once must not both begin. An older CRD cannot hold a claim. */
  #mustClaim(policy: KubeObject): boolean {
    const { claims, statuses } = this.#world
    return !claims.isOurs(policy) && !statuses.omitted.includes('operator')
  }

  /** Rejects with a conflict when another writer was quicker. */
  async #claim(policy: KubeObject): Promise<KubeObject> {
    const { claims, statuses, now } = this.#world
    return statuses.write(policy, withClaim(policy['status'], claims.renewed(now())), policy.metadata.resourceVersion)
  }

  /** The watch is often behind the pass that follows a write; it would find the old status, and write and tell it all again. */
  #newest(key: string, policy: KubeObject | undefined): KubeObject | undefined {
    const written = this.#written.get(key)
    if (policy !== undefined && written !== undefined && written.over === policy.metadata.resourceVersion) return written.policy
    this.#written.delete(key)
    return policy
  }

  async #pass(policy: KubeObject, aside: Aside): Promise<Observation> {
    const { compilations, settings, refresh } = this.#world
    const owner = ownerOf(policy)
    const compilation = await compilations.of(policy)
    const compiled = 'compiled' in compilation ? compilation.compiled : undefined
    const paused = policy.metadata.annotations?.[annotation.pause] === 'true'
    const want = compiled === undefined ? [] : desired(owner, compiled, settings)
    const applied = compiled === undefined || paused ? [] : await this.#apply(want, owner)
    const { applier } = this.#world
    const drifted = paused ? applier.differing(want, owner) : []
    const contested = applier.contested(owner)
    const seen = await this.#look(policy, { compiled, want, applied }, aside)
    const written = seen.configMap?.metadata.annotations?.[annotation.hash]
    if (compiled !== undefined && !paused && written === compiled.hash) await refresh.bring(owner.namespace, compiled.hash, seen.pods)
    const problems = 'problems' in compilation ? compilation.problems : []
    const refusedBy = 'problems' in compilation ? compilation.by : undefined
    const awaited = 'problems' in compilation && compilation.awaited === true
    const backendService = await this.#backendService(seen)
    return {
      ...seen,
      paused,
      awaited,
      waitedTooLong: false,
      backendService,
      problems,
      refusedBy,
      drifted,
      contested,
      refusalLasts: this.#refusalLasts(keyOf(policy), seen),
    }
  }

  /** Looked up only when a gateway does not find it. Without the right to read it nothing is known. */
  async #backendService({
    compiled,
    pods,
    policy,
  }: Pick<Observation, 'compiled' | 'pods' | 'policy'>): Promise<Observation['backendService']> {
    const service = compiled?.policy.spec.backend.service
    const isLost = pods.some(({ report }) => report?.backends.some(({ reachable, why }) => !reachable && isUnknownName(why)))
    if (service === undefined || !isLost) return undefined
    try {
      const { namespace = policy.metadata.namespace ?? '' } = service
      const found = await this.#world.client.get(resources.Service, namespace, service.name)
      if (found === undefined) return 'missing'
      return fieldsOf(found['spec'])['clusterIP'] === 'None' ? 'headless' : 'clusterIP'
    } catch {
      return undefined
    }
  }

  #waited(key: string, seen: Observation): Observation {
    if (isAwaiting(seen)) return { ...seen, waitedTooLong: this.#waits.isOver(key, seen.policy, this.#world.now().getTime()) }
    this.#waits.forget(key)
    return seen
  }

  #refusalLasts(key: string, seen: Pick<Observation, 'pods' | 'compiled' | 'template'>): boolean {
    const hash = seen.compiled?.hash
    if (hash === undefined || refusals(seen).length === 0) {
      this.#refusedSince.delete(key)
      return false
    }
    const now = this.#world.now().getTime()
    const before = this.#refusedSince.get(key)
    const since = before?.hash === hash ? before.since : now
    this.#refusedSince.set(key, { hash, since })
    return now - since >= refusalLastsMs
  }

  /**
   * In order: what is read before what reads it. After a conflict nothing else is touched; nor when a ConfigMap is refused: a policy whose tables are
   * missing is worse for a new pod than the last one that was good.
   */
  async #apply(want: readonly KubeObject[], owner: Owner): Promise<readonly Applied[]> {
    const { applier } = this.#world
    const least = leastReplicas(want)
    const isAutoscaler = ({ kind }: KubeObject): boolean => kind === 'HorizontalPodAutoscaler'
    // First: an autoscaler that is no longer wanted must not change the number of pods that is applied.
    const applied: Applied[] = [...(await applier.prune(want, owner, isAutoscaler))]
    const lookedUp = await applier.lookUp(want)
    for (const object of want) {
      const one = await applier.apply(object, owner, { least: object.kind === 'Deployment' ? least : undefined, lookedUp })
      applied.push(one)
      if (one.is === 'conflict' || (one.is === 'refused' && object.kind === 'ConfigMap')) return applied
    }
    return [...applied, ...(await applier.prune(want, owner, (object) => !isAutoscaler(object)))]
  }

  async #look(
    policy: KubeObject,
    {
      compiled,
      want,
      applied,
    }: { readonly compiled: Compiled | undefined; readonly want: readonly KubeObject[]; readonly applied: readonly Applied[] },
    aside: Aside,
  ) {
    const { live, ask, settings } = this.#world
    const owner = ownerOf(policy)
    const all = live.ofPolicy(keyOf(policy))
    const pods = all.filter((object) => object.kind === 'Pod' && !isEnding(object))
    const mine = (kind: string, name: string): KubeObject | undefined => {
      const isIt = (object: KubeObject): boolean => object.kind === kind && object.metadata.name === name
      // What was applied just now is newer than what the watch has brought.
      const fresh = applied.find(({ object }) => isIt(object))
      if (fresh?.is === 'removed') return undefined
      if (fresh?.is === 'created' || fresh?.is === 'changed' || fresh?.is === 'unchanged') return fresh.object
      return all.find((object) => isIt(object) && isOwned(object, owner))
    }
    const askOf = async (pod: KubeObject): Promise<GatewayPod> => {
      const address = addressOf(pod)
      return podOf(pod, address === undefined ? undefined : await ask(address))
    }
    const askAll = (): Promise<GatewayPod[]> => Promise.all(pods.map(askOf))
    const asked = await (pods.some((pod) => addressOf(pod) !== undefined) ? aside(askAll) : askAll())
    return {
      policy,
      compiled,
      applied,
      configMap: mine('ConfigMap', policyConfigMap(owner.name)),
      deployment: mine('Deployment', gatewayName(owner.name)),
      service: mine('Service', gatewayName(owner.name)),
      template: templateOf(want.find(({ kind }) => kind === 'Deployment')),
      pods: asked,
      image: settings.image,
    }
  }

  /** Written when it says something else than before, and now and then to show that it is still true; the policy as it is then. */
  async #writeStatus(seen: Observation, findings: Findings): Promise<KubeObject | undefined> {
    const { statuses, claims, now, tell } = this.#world
    const { policy, applied } = seen
    tell({ policy, applied, findings })
    const status = statusOf(seen, findings, now())
    const next = statuses.fit(withClaim(status, claims.ours(policy, now())))
    if (contained(next, policy['status']) && hasNoMore(policy['status'], next)) return undefined
    return statuses.write(policy, withClaim(status, claims.renewed(now())))
  }

  #again(key: string, seen: Observation, { Reconciling, Programmed }: Findings): { readonly again?: number } {
    const hash = seen.compiled?.hash
    const before = this.#onItsWay.get(key)
    const passes = Reconciling.status === 'True' ? 1 + (before?.hash === hash ? (before?.passes ?? 0) : 0) : 0
    if (passes === 0) this.#onItsWay.delete(key)
    else this.#onItsWay.set(key, { hash, passes })
    const waits = seen.contested.map(({ waitMs }) => waitMs).filter((ms) => ms > 0)
    if (waits.length > 0) return { again: Math.min(...waits) }
    if (isAwaiting(seen)) return { again: looksAgain.waiting }
    if (passes > 0) return { again: pause(passes) }
    // Nobody tells when somebody else's object goes, or when something is allowed.
    const inTheWay = ['NameConflict', 'ApplyFailed'].includes(Programmed.reason)
    return seen.deployment === undefined && !inTheWay ? {} : { again: looksAgain.atRest }
  }
}

/** Ten looks at each pace: a second of ten looks each, and so on down to one every two seconds. */
function pause(passes: number): number {
  const { onItsWay } = looksAgain
  return onItsWay[Math.min(Math.floor(passes / 10), onItsWay.length - 1)] ?? looksAgain.waiting
}

/** How many gateways an autoscaler keeps at least; undefined without one. */
function leastReplicas(want: readonly KubeObject[]): number | undefined {
  const { minReplicas } = fieldsOf(want.find(({ kind }) => kind === 'HorizontalPodAutoscaler')?.['spec'])
  return typeof minReplicas === 'number' ? minReplicas : undefined
}

function templateOf(deployment: KubeObject | undefined): string | undefined {
  const { metadata } = fieldsOf(fieldsOf(deployment?.['spec'])['template'])
  const name = fieldsOf(fieldsOf(metadata)['annotations'])[annotation.template]
  return typeof name === 'string' ? name : undefined
}

/** Whether a status has no field that the new one leaves out. */
const hasNoMore = (before: unknown, next: Readonly<Record<string, unknown>>): boolean =>
  isObject(before) && Object.keys(before).every((field) => field in next)
