// The context in which the parts of a policy are read: where and for what use, and the lists that results are added to.
import type { Problem } from '../../crds/problems.ts'

/**
 * `here`: the policy is to be used on this machine, so all that it names must be there. `elsewhere`: it is to be used
 * in a cluster, whose Secrets and ConfigMaps this machine does not have.
 */
export type Use = 'here' | 'elsewhere'

export interface ReadContext {
  readonly folder: string
  readonly use: Use
  /** All files that were read or are missing. */
  readonly files: string[]
  readonly problems: Problem[]
  /** Optional parts that cannot be used. */
  readonly leftOut: Problem[]
}

/**
 * Reports an optional part that cannot be used: it is left out where the policy is used, and is a problem where the
 * policy is only checked.
 */
export function leaveOut({ use, problems, leftOut }: ReadContext, problem: Problem): void {
  if (use === 'here') leftOut.push(problem)
  else problems.push(problem)
}
