// Makes the cluster match what a policy wants: applies what differs, removes what is no longer wanted, and does not
// change objects of other owners.
import { contained, slimConfigMap } from './containment.ts'
import { annotation, fieldManager, managedBy, type Owner, policyLabel } from './desired/names.ts'
import type { KubeClient } from './kube/kube-client.ts'
import { KubeError } from './kube/kube-error.ts'
import { fieldsOf } from '../crds/is-object.ts'
import { keyOf, type KubeObject } from './kube/object.ts'
import { resourceOf } from './kube/resource.ts'
import { isLaterVersion } from './kube/object-store.ts'
import { handOverReplicas, replicasHolder, replicasOf } from './replicas.ts'
import { contestAgain, type Contested, lastWriter, reportedContests } from './contest.ts'
import type { PolicyMemories, PolicyMemory } from './policy-memory.ts'

/** The result of applying one object. */
export type Applied =
  | { readonly is: 'unchanged' | 'created' | 'changed' | 'removed'; readonly object: KubeObject }
  /** An object with this name has another owner, or still belongs to a policy that was deleted. */
  | { readonly is: 'conflict'; readonly object: KubeObject; readonly why: string; readonly passes: boolean }
  | { readonly is: 'refused'; readonly object: KubeObject; readonly why: string }
  /** Another writer keeps changing the object back, so it is not written for a while. */
  | { readonly is: 'contested'; readonly object: KubeObject }

/** What `lookUp` found, by kind, namespace and name. */
type LookedUp = ReadonlyMap<string, KubeObject | undefined>

interface ApplyHints {
  /** For a Deployment whose number of pods an autoscaler sets: the autoscaler's minimum. */
  readonly least?: number | undefined
  /** If it is missing, the object is looked up now. */
  readonly lookedUp?: LookedUp
}

/** Objects that exist, as the watches have seen them. */
export interface LiveObjects {
  /** An object that the operator made, by kind, namespace and name. */
  object(kind: string, key: string): KubeObject | undefined
  /** All objects that carry the policy's label. */
  ofPolicy(policy: string): readonly KubeObject[]
}

const controllerOf = ({ metadata }: KubeObject) => metadata.ownerReferences?.find(({ controller }) => controller === true)

/** Whether the object is controlled by this policy (its uid). */
export const isOwned = (object: KubeObject, owner: Owner): boolean => controllerOf(object)?.uid === owner.uid

/**
 * Whether the object was kept on purpose (kubectl delete --cascade=orphan): the operator made it for a policy with this
 * name, and it has no controller now.
 */
const isOrphan = (object: KubeObject, owner: Owner): boolean =>
  controllerOf(object) === undefined &&
  object.metadata.labels?.['app.kubernetes.io/managed-by'] === managedBy['app.kubernetes.io/managed-by'] &&
  object.metadata.labels[policyLabel] === owner.name

/** Why an object with this name cannot belong to the policy; undefined if it can. */
function foreign(found: KubeObject, owner: Owner): { readonly why: string; readonly passes: boolean } | undefined {
  if (isOwned(found, owner) || isOrphan(found, owner)) return undefined
  const controller = controllerOf(found)
  const name = `${found.kind} ${found.metadata.name}`
  if (controller?.kind === owner.kind && controller.name === owner.name) {
    return { why: `${name} still belongs to an earlier policy of this name; it is about to be removed`, passes: true }
  }
  const whose = controller === undefined ? 'does not belong to the operator' : `belongs to ${controller.kind} ${controller.name}`
  return { why: `${name} exists and ${whose}; remove it, or give the policy another name`, passes: false }
}

export class Applier {
  readonly #client: KubeClient
  readonly #live: LiveObjects
  readonly #memories: PolicyMemories
  readonly #now: () => number

  /** `now` returns monotonic milliseconds. */
  constructor(client: KubeClient, live: LiveObjects, memories: PolicyMemories, now: () => number) {
    this.#client = client
    this.#live = live
    this.#memories = memories
    this.#now = now
  }

  /**
   * Reads the objects that the watches do not show, all at once: a new policy has half a dozen, and the API server may
   * be slow.
   */
  async lookUp(want: readonly KubeObject[]): Promise<LookedUp> {
    const unseen = want.filter((object) => this.#live.object(object.kind, keyOf(object)) === undefined)
    const read = unseen.map(async (object): Promise<[string, KubeObject | undefined]> => [
      idOf(object),
      await this.#client.get(resourceOf(object), object.metadata.namespace ?? '', object.metadata.name),
    ])
    return new Map(await Promise.all(read))
  }

  /**
   * Applies one object if it differs from what is wanted. Rejects only with errors that a retry can solve (no answer,
   * too many requests).
   */
  async apply(want: KubeObject, owner: Owner, { least, lookedUp }: ApplyHints = {}): Promise<Applied> {
    // An object that the watches do not show may belong to another program, because they only show objects with our
    // label.
    const known = lookedUp ?? (await this.lookUp([want]))
    const found = this.#live.object(want.kind, keyOf(want)) ?? known.get(idOf(want))
    const conflict = found && foreign(found, owner)
    const memory = this.#memoryOf(owner)
    if (conflict !== undefined) return { is: 'conflict', object: want, ...conflict }
    if (found !== undefined && isAsWanted(want, found, memory) && replicasOf(found) >= (least ?? 0))
      return { is: 'unchanged', object: found }
    if ((await this.#contest(want, found, memory)) > 0) return { is: 'contested', object: found ?? want }
    return orRefused(want, async () => {
      if (least !== undefined) await this.#keepReplicas(want, found, least)
      const object = await this.#client.apply(withUid(want, found), { fieldManager, force: true })
      const version = object.metadata.resourceVersion
      // The API server gives an object a new version only if it has changed. The version is the same if only the
      // notation differs, or if the watch is late.
      const versions = [found?.metadata.resourceVersion, memory.applied.get(idOf(want))?.version]
      memory.applied.set(idOf(want), { version, applied: appliedOf(want) })
      if (version !== undefined && versions.includes(version)) return { is: 'unchanged', object }
      return { is: found === undefined ? 'created' : 'changed', object }
    })
  }

  /** Removes what the policy owns and no longer wants. `among` selects the objects to look at. */
  async prune(
    wanted: readonly KubeObject[],
    owner: Owner,
    among: (object: KubeObject) => boolean = () => true,
  ): Promise<readonly Applied[]> {
    const names = new Set(wanted.map(idOf))
    const left = this.#live
      .ofPolicy(policyOf(owner))
      .filter((object) => object.kind !== 'Pod' && among(object) && isOwned(object, owner) && !names.has(idOf(object)))
      .filter(({ metadata }) => metadata.deletionTimestamp === undefined)
    return Promise.all(left.map((object) => this.#remove(object, owner)))
  }

  /** The policy's objects that another writer keeps changing back. */
  contested(owner: Owner): readonly Contested[] {
    return reportedContests(this.#memoryOf(owner).contests.values(), this.#now())
  }

  /** What a paused policy would change. */
  differing(want: readonly KubeObject[], owner: Owner): readonly KubeObject[] {
    return want.filter((object) => {
      const found = this.#live.object(object.kind, keyOf(object))
      return found === undefined || !isOwned(found, owner) || !isAsWanted(object, found, this.#memoryOf(owner))
    })
  }

  #memoryOf(owner: Owner): PolicyMemory {
    return this.#memories.of(policyOf(owner))
  }

  async #remove(object: KubeObject, owner: Owner): Promise<Applied> {
    const { namespace = '', name, uid } = object.metadata
    return orRefused(object, async () => {
      await this.#client.delete(resourceOf(object), namespace, name, { ...(uid !== undefined && { uid }), propagationPolicy: 'Background' })
      this.#memoryOf(owner).applied.delete(idOf(object))
      return { is: 'removed', object }
    })
  }

  /** A new Deployment begins with the autoscaler's minimum of pods, and an existing one keeps its number. */
  async #keepReplicas(want: KubeObject, found: KubeObject | undefined, least: number): Promise<void> {
    if (found === undefined) {
      const first = { ...want, spec: { ...fieldsOf(want['spec']), replicas: least } }
      await this.#client.apply(first, { fieldManager, force: true })
    }
    await handOverReplicas(this.#client, want, least)
  }

  /** How long not to write an object that differs from what was applied, in milliseconds; 0: it can be written now. */
  async #contest(want: KubeObject, found: KubeObject | undefined, memory: PolicyMemory): Promise<number> {
    const id = idOf(want)
    const last = memory.applied.get(id)
    if (last === undefined || last.applied !== appliedOf(want)) return 0
    const [before, now] = [last.version, found?.metadata.resourceVersion]
    // The watch shows the object as it was before it was applied.
    if (found !== undefined && before !== undefined && now !== undefined && !isLaterVersion(now, before)) return 0
    const { namespace = '', name } = want.metadata
    // The copies from the watches have no managedFields.
    const whole = found && (await this.#client.get(resourceOf(want), namespace, name))
    const by = whole && lastWriter(whole, [fieldManager, replicasHolder])
    const seen = { object: want, by, isDeleted: whole === undefined }
    const { contest, waitMs } = contestAgain(memory.contests.get(id), seen, this.#now())
    memory.contests.set(id, contest)
    return waitMs
  }
}

function isAsWanted(want: KubeObject, found: KubeObject, { applied }: PolicyMemory): boolean {
  if (contained(slimConfigMap(want), slimConfigMap(found))) return true
  const last = applied.get(idOf(want))
  return last !== undefined && last.version === found.metadata.resourceVersion && last.applied === appliedOf(want)
}

/** The object is not valid, not allowed or too large: a retry does not help. */
const refusals = [400, 403, 413, 422]
/**
 * Server-side apply answers with status 500 for a field that the kind does not have, or that has a value of the wrong
 * type (fieldmanager/structuredmerge.go). A patch of a policy can contain one.
 */
const isUntyped = ({ status, message }: KubeError): boolean => status === 500 && message.includes('failed to create typed patch object')

async function orRefused(object: KubeObject, request: () => Promise<Applied>): Promise<Applied> {
  try {
    return await request()
  } catch (error) {
    if (error instanceof KubeError && (refusals.includes(error.status) || isUntyped(error)))
      return { is: 'refused', object, why: error.message }
    throw error
  }
}

const policyOf = ({ namespace, name }: Owner): string => `${namespace}/${name}`

const appliedOf = ({ metadata }: KubeObject): string | undefined => metadata.annotations?.[annotation.applied]

const idOf = ({ kind, metadata }: KubeObject): string => `${kind} ${metadata.namespace ?? ''}/${metadata.name}`

/** With its uid, the API server applies it only to this object, and not to one that has replaced it. */
function withUid(want: KubeObject, found: KubeObject | undefined): KubeObject {
  const uid = found?.metadata.uid
  return uid === undefined ? want : { ...want, metadata: { ...want.metadata, uid } }
}
