// What the operator remembers of each policy between passes. It is lost with the process; everything in it can be
// observed again.
import type { Compilation } from './compile/compile.ts'
import type { Contest } from './contest.ts'
import type { KubeObject } from './kube/object.ts'

/** An object as it was applied last. */
export interface LastApplied {
  /** Its resource version after that: what still differs at that version differs only in notation. */
  readonly version: string | undefined
  readonly applied: string | undefined
}

/** The record of one policy. */
export interface PolicyMemory {
  /** The compilation, and what it was made of. */
  compilation?: { readonly of: string; readonly compilation: Compilation } | undefined
  /** How many passes in a row found this policy text on its way to the gateways. */
  progress?: { readonly hash: string | undefined; readonly passes: number } | undefined
  /** Since when this generation waits for something that can appear by itself, in milliseconds since 1970. */
  waiting?: { readonly generation: number | undefined; readonly since: number } | undefined
  /** Since when gateways refuse this policy text, in milliseconds since 1970. */
  refused?: { readonly hash: string; readonly since: number } | undefined
  /**
   * The policy as the API server returned it when its status was written, until the watch shows something newer than
   * version `over`.
   */
  written?: { readonly over: string | undefined; readonly policy: KubeObject } | undefined
  /** The claim of another operator, and since when it has been as it is, in monotonic milliseconds. */
  otherClaim?: { readonly claim: string; readonly since: number } | undefined
  /** The operator that the last event named as the policy's manager. */
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

  /** The record of a policy; an empty one when there is none yet. */
  of(policy: string): PolicyMemory {
    const known = this.#records.get(policy)
    if (known !== undefined) return known
    const record: PolicyMemory = { applied: new Map(), contests: new Map() }
    this.#records.set(policy, record)
    return record
  }

  /** Every record; for what is true of all policies. */
  all(): Iterable<PolicyMemory> {
    return this.#records.values()
  }

  /** The policy is gone. */
  drop(policy: string): void {
    this.#records.delete(policy)
  }
}
