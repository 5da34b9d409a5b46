// Which operator looks after a policy: the one that `status.operator` names. Two operators whose scopes overlap would
// otherwise undo each other's work. It works like a Lease: what is not renewed for `validSeconds`, by the clock of the
// one that waits, may be taken.
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
  /** Names the installation, NAMESPACE/NAME; the same for all its pods. */
  readonly instance: string
  /** How many policies are renewed. */
  readonly policies: () => number
  /** Milliseconds that never go back. */
  readonly elapsed: () => number
  readonly memories: PolicyMemories
}

/** Renewals of all policies together are one write a second at most. */
const shortestRenewalMs = 60_000
const renewalPerPolicyMs = 1000
const renewalsMissed = 3
const longestValidSeconds = 24 * 3600

export function claimOf({ status }: KubeObject): Claim | undefined {
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
   * The operator that looks after the policy instead, and in how many milliseconds its claim ends; undefined: it is
   * ours, or free.
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

  /** Ours as it is to be written: the present one while it is fresh, else one of now. */
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

/** A status with the claim in it. */
export const withClaim = (status: unknown, operator: Claim): Readonly<Record<string, unknown>> => ({
  ...(isObject(status) ? status : {}),
  operator,
})
