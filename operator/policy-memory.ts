// What the operator remembers of each policy between passes. It is lost when the process ends; everything in it can be
// observed again.
import type { Compilation } from './compile/compile.ts'
import type { Contest } from './contest.ts'
import type { KubeObject } from './kube/object.ts'

/** An object as it was applied last. */
export interface LastApplied {
  /** Its resource version after that. What differs at the same version differs only in notation. */
  readonly version: string | undefined
  readonly applied: string | undefined
}

/** The record of one policy. */
export interface PolicyMemory {
  /** The compilation, and its inputs. */
  compilation?: { readonly of: string; readonly compilation: Compilation } | undefined
  /** How many passes in a row have found this policy text not yet at all gateways. */
  progress?: { readonly hash: string | undefined; readonly passes: number } | undefined
  /**
   * Since when this generation has waited for something that can appear without an action, in milliseconds since 1970.
   */
  waiting?: { readonly generation: number | undefined; readonly since: number } | undefined
  /** Since when gateways have refused this policy text, in milliseconds since 1970. */
  refused?: { readonly hash: string; readonly since: number } | undefined
  /**
   * The policy as the API server returned it when its status was written. Used until the watch shows a version newer
   * than `over`.
   */
  written?: { readonly over: string | undefined; readonly policy: KubeObject } | undefined
  /** The claim of another operator, and since when it has not changed, in monotonic milliseconds. */
  otherClaim?: { readonly claim: string; readonly since: number } | undefined
  /** The operator that the last event named as the manager of the policy. */
  otherOperator?: string | undefined
  /** The note of the last event about an outdated CRD. */
  outdatedCRDNote?: string | undefined
  /** By kind and name of the object. */
  readonly applied: Map<string, LastApplied>
  readonly contests: Map<string, Contest>
}

/** One record for each policy, by its key. */
export class PolicyMemories {
  readonly #records = new Map<string, PolicyMemory>()

  /** The record of a policy; a new, empty one if it does not exist yet. */
  of(policy: string): PolicyMemory {
    const known = this.#records.get(policy)
    if (known !== undefined) return known
    const record: PolicyMemory = { applied: new Map(), contests: new Map() }
    this.#records.set(policy, record)
    return record
  }

  /** All records, for changes that affect all policies. */
  all(): Iterable<PolicyMemory> {
    return this.#records.values()
  }

  /** Called after the policy was deleted. */
  drop(policy: string): void {
    this.#records.delete(policy)
  }
}
