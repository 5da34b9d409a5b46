// One pass over one policy: gather, decide, apply, prune, bring the policy to the gateways, write the status.
import { fieldsOf, isObject } from '../crds/is-object.ts'
import type { Applied, Applier, LiveObjects } from './apply.ts'
import { type Claims, withClaim } from './claim.ts'
import type { Compilations } from './compile/compilations.ts'
import { contained } from './containment.ts'
import { desired } from './desired/desired.ts'
import { annotation, type Owner, ownerOf } from './desired/names.ts'
import { isWorkload } from './desired/workload.ts'
import type { Settings } from './desired/settings.ts'
import { findBackendService, gather, type Gathered } from './gather.ts'
import type { Ask } from './gateways/ask.ts'
import type { Refresh } from './gateways/refresh.ts'
import type { KubeClient } from './kube/kube-client.ts'
import { keyOf, type KubeObject, splitKey } from './kube/object.ts'
import type { Aside } from './kube/work-queue.ts'
import { nextPassIn } from './next-pass.ts'
import type { Reporter } from './pass-report.ts'
import type { PolicyMemories, PolicyMemory } from './policy-memory.ts'
import { isWaitOver } from './status/awaiting.ts'
import { type Findings, findingsOf, isAwaiting, refusals } from './status/findings.ts'
import type { Observation } from './status/observation.ts'
import { statusOf } from './status/status.ts'
import type { StatusWriter } from './status/writer.ts'
import { mustStay } from './succession.ts'

/** The parts of the operator that a pass uses. */
export interface ReconcilerParts {
  readonly client: KubeClient
  readonly live: LiveObjects & { policy(key: string): KubeObject | undefined }
  readonly memories: PolicyMemories
  readonly compilations: Compilations
  readonly applier: Applier
  readonly refresh: Refresh
  readonly ask: Ask
  readonly settings: Settings
  readonly claims: Claims
  readonly statuses: StatusWriter
  readonly reporter: Reporter
  readonly now: () => Date
}

/**
 * A refusal by gateways counts after this time. The kubelet brings a policy and its tables at the same time or, rarely,
 * one after the other.
 */
const refusalLastsMs = 4000

/**
 * The passes over a policy. `again` is the number of milliseconds until the next one if nothing changes in the cluster.
 */
export class Reconciler {
  readonly #parts: ReconcilerParts

  constructor(parts: ReconcilerParts) {
    this.#parts = parts
  }

  /**
   * `aside` waits for gateways, which may be slow, without delaying other policies. Rejects with an error that a retry
   * can solve.
   */
  async reconcile(key: string, aside: Aside = (wait) => wait()): Promise<{ readonly again?: number }> {
    const { live, claims, reporter, memories } = this.#parts
    const known = live.policy(key)
    if (known === undefined) {
      this.#forget(key)
      return {}
    }
    const policy = newestOf(known, memories.of(key))
    // Kubernetes removes its objects because of their owner references.
    if (policy.metadata.deletionTimestamp !== undefined) return {}
    const other = claims.otherOwner(policy)
    if (other !== undefined) {
      reporter.otherOperator(policy, other.name)
      return { again: other.leftMs }
    }
    return this.#manage(policy, known.metadata.resourceVersion, aside)
  }

  /** A pass over a policy that this operator manages. `over` is its version in the watch. */
  async #manage(policy: KubeObject, over: string | undefined, aside: Aside): Promise<{ readonly again: number }> {
    const { claims, reporter, memories } = this.#parts
    const memory = memories.of(keyOf(policy))
    const remember = (answer: KubeObject): KubeObject => {
      memory.written = { over, policy: answer }
      return answer
    }
    const claimed = this.#mustClaim(policy) ? remember(await this.#claim(policy)) : policy
    const seen = await this.#pass(claimed, memory, aside)
    const findings = findingsOf(seen)
    const answer = await this.#writeStatus(seen, findings)
    if (answer !== undefined) remember(answer)
    reporter.statusWritten(policy)
    return { again: Math.min(nextPassIn(seen, findings, memory) ?? Infinity, claims.renewalMs) }
  }

  #forget(key: string): void {
    const { namespace, name } = splitKey(key)
    this.#parts.reporter.forget(namespace, name)
    this.#parts.memories.drop(key)
  }

  /**
   * Called before any object is created: two operators that see a new policy at the same time must not both begin. An
   * older CRD cannot store a claim.
   */
  #mustClaim(policy: KubeObject): boolean {
    const { claims, statuses } = this.#parts
    return !claims.isOurs(policy) && !statuses.omitted.includes('operator')
  }

  /** Rejects with a conflict if another writer was first. */
  async #claim(policy: KubeObject): Promise<KubeObject> {
    const { claims, statuses, now } = this.#parts
    return statuses.write(policy, withClaim(policy['status'], claims.renewed(now())), policy.metadata.resourceVersion)
  }

  async #pass(policy: KubeObject, memory: PolicyMemory, aside: Aside): Promise<Observation> {
    const { applier, client, compilations, settings, refresh, now } = this.#parts
    const owner = ownerOf(policy)
    const compilation = await compilations.of(policy)
    const compiled = 'compiled' in compilation ? compilation.compiled : undefined
    const paused = policy.metadata.annotations?.[annotation.pause] === 'true'
    const want = compiled === undefined ? [] : desired(owner, compiled, settings)
    const applied = compiled === undefined || paused ? [] : await this.#apply(want, owner)
    const drifted = paused ? applier.differing(want, owner) : []
    const contested = applier.contested(owner)
    const gathered = await gather(this.#parts, policy, { compiled, want, applied }, aside)
    const inForce = gathered.configMap?.metadata.annotations?.[annotation.hash]
    if (compiled !== undefined && !paused && inForce === compiled.hash) await refresh.bring(owner.namespace, compiled.hash, gathered.pods)
    const refused = 'problems' in compilation ? compilation : undefined
    const seen: Observation = {
      ...gathered,
      image: settings.image,
      problems: refused?.problems ?? [],
      refusedBy: refused?.by,
      awaited: refused?.awaited === true,
      waitedTooLong: false,
      backendService: await findBackendService(client, gathered),
      paused,
      drifted,
      contested,
      refusalLasts: refusalLasts(gathered, memory, now().getTime()),
    }
    if (isAwaiting(seen)) return { ...seen, waitedTooLong: isWaitOver(policy, memory, now().getTime()) }
    memory.waiting = undefined
    return seen
  }

  /**
   * Applies objects in order: an object comes before those that read it. It stops after a conflict, and after the
   * refusal of a ConfigMap: for a new pod, a policy without its tables is worse than the last valid policy.
   */
  async #apply(want: readonly KubeObject[], owner: Owner): Promise<readonly Applied[]> {
    const { applier } = this.#parts
    const least = leastReplicas(want)
    const isAutoscaler = ({ kind }: KubeObject): boolean => kind === 'HorizontalPodAutoscaler'
    // This comes first: an autoscaler that is no longer wanted must not change the number of pods that is applied.
    const applied: Applied[] = [...(await applier.prune(want, owner, isAutoscaler))]
    const lookedUp = await applier.lookUp(want)
    for (const object of want) {
      const one = await applier.apply(object, owner, { least: object.kind === 'Deployment' ? least : undefined, lookedUp })
      applied.push(one)
      if (one.is === 'conflict' || (one.is === 'refused' && object.kind === 'ConfigMap')) return applied
    }
    const workload = applied.find(
      (one) => isWorkload(one.object) && (one.is === 'created' || one.is === 'changed' || one.is === 'unchanged'),
    )
    const isOver = (object: KubeObject): boolean => !isAutoscaler(object) && !mustStay(object, want, workload?.object)
    return [...applied, ...(await applier.prune(want, owner, isOver))]
  }

  /**
   * Writes the status if it differs from the present one, and periodically to show that it is still true. Returns the
   * policy with the new status.
   */
  async #writeStatus(seen: Observation, findings: Findings): Promise<KubeObject | undefined> {
    const { statuses, claims, now, reporter } = this.#parts
    const { policy, applied } = seen
    reporter.report({ policy, applied, findings })
    const status = statusOf(seen, findings, now())
    const next = statuses.fit(withClaim(status, claims.ours(policy, now())))
    if (contained(next, policy['status']) && hasNoMore(policy['status'], next)) return undefined
    return statuses.write(policy, withClaim(status, claims.renewed(now())))
  }
}

/** The watch often lags behind a write. With the old status, the next pass would write and report everything again. */
function newestOf(policy: KubeObject, memory: PolicyMemory): KubeObject {
  if (memory.written?.over === policy.metadata.resourceVersion) return memory.written?.policy ?? policy
  memory.written = undefined
  return policy
}

/**
 * Whether gateways have refused this policy for long enough. For a short time, they may have a policy without its
 * tables. `now` is in milliseconds since 1970.
 */
function refusalLasts(seen: Pick<Gathered, 'pods' | 'compiled' | 'template'>, memory: PolicyMemory, now: number): boolean {
  const hash = seen.compiled?.hash
  if (hash === undefined || refusals(seen).length === 0) {
    memory.refused = undefined
    return false
  }
  const since = memory.refused?.hash === hash ? memory.refused.since : now
  memory.refused = { hash, since }
  return now - since >= refusalLastsMs
}

/** The minimum of the autoscaler; undefined without an autoscaler. */
function leastReplicas(want: readonly KubeObject[]): number | undefined {
  const { minReplicas } = fieldsOf(want.find(({ kind }) => kind === 'HorizontalPodAutoscaler')?.['spec'])
  return typeof minReplicas === 'number' ? minReplicas : undefined
}

/** Whether a status has no field that the new one omits. */
const hasNoMore = (before: unknown, next: Readonly<Record<string, unknown>>): boolean =>
  isObject(before) && Object.keys(before).every((field) => field in next)
