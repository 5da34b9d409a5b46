// Which operator manages a policy: the one that `status.operator` names. Otherwise two operators with overlapping
// scopes would undo each other's work. It works like a Lease: a claim that is not renewed for `validSeconds`, by the
// clock of the waiting operator, can be taken over.
import { fieldsOf, isObject } from '../crds/is-object.ts'
import { keyOf, type KubeObject } from './kube/object.ts'
import type { PolicyMemories } from './policy-memory.ts'

/** `status.operator`. */
export interface Claim {
  readonly name: string
  /** RFC 3339. */
  readonly checkedAt: string
  readonly validSeconds: number
}

export interface ClaimOptions {
  /** Names the installation as NAMESPACE/NAME. All its pods have the same name. */
  readonly instance: string
  /** How many policies have claims to renew. */
  readonly policies: () => number
  /** Returns monotonic milliseconds. */
  readonly elapsed: () => number
  readonly memories: PolicyMemories
}

/** The renewals of all policies together are at most one write a second. */
const shortestRenewalMs = 60_000
const renewalPerPolicyMs = 1000
const renewalsMissed = 3
const longestValidSeconds = 24 * 3600

function claimOf({ status }: KubeObject): Claim | undefined {
  const { name, checkedAt, validSeconds } = fieldsOf(fieldsOf(status)['operator'])
  if (typeof name !== 'string' || name === '') return undefined
  const isNumber = typeof validSeconds === 'number' && validSeconds > 0
  return {
    name,
    checkedAt: typeof checkedAt === 'string' ? checkedAt : '',
    validSeconds: Math.min(isNumber ? validSeconds : (renewalsMissed * shortestRenewalMs) / 1000, longestValidSeconds),
  }
}

export class Claims {
  readonly #options: ClaimOptions

  constructor(options: ClaimOptions) {
    this.#options = options
  }

  /** How long a claim lasts before it is renewed. */
  get renewalMs(): number {
    return Math.max(shortestRenewalMs, renewalPerPolicyMs * this.#options.policies())
  }

  isOurs(policy: KubeObject): boolean {
    return claimOf(policy)?.name === this.#options.instance
  }

  /**
   * The operator that manages the policy instead, and the milliseconds until its claim ends; undefined: the claim is
   * ours, or the policy is free.
   */
  otherOwner(policy: KubeObject): { readonly name: string; readonly leftMs: number } | undefined {
    const memory = this.#options.memories.of(keyOf(policy))
    const claim = claimOf(policy)
    if (claim === undefined || claim.name === this.#options.instance) {
      memory.otherClaim = undefined
      return undefined
    }
    const now = this.#options.elapsed()
    const text = `${claim.name} ${claim.checkedAt}`
    const since = memory.otherClaim?.claim === text ? memory.otherClaim.since : now
    memory.otherClaim = { claim: text, since }
    const leftMs = since + claim.validSeconds * 1000 - now
    return leftMs > 0 ? { name: claim.name, leftMs } : undefined
  }

  /** Our claim as it should be written: the present one while it is fresh, else a new one. */
  ours(policy: KubeObject, now: Date): Claim {
    const present = claimOf(policy)
    const isOurs = present?.name === this.#options.instance
    const age = isOurs ? now.getTime() - Date.parse(present.checkedAt) : Number.NaN
    return age >= 0 && age < this.renewalMs ? present! : this.renewed(now)
  }

  renewed(now: Date): Claim {
    const checkedAt = `${now.toISOString().slice(0, 19)}Z`
    return { name: this.#options.instance, checkedAt, validSeconds: Math.ceil((renewalsMissed * this.renewalMs) / 1000) }
  }
}

/** The status with the claim. */
export const withClaim = (status: unknown, operator: Claim): Readonly<Record<string, unknown>> => ({
  ...(isObject(status) ? status : {}),
  operator,
})
