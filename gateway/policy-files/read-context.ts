// What the readers of a policy's parts need to know, and where they put what they find.
import type { Problem } from '../../crds/problems.ts'

/**
 * `here`: the policy is to be used on this machine, so all that it names must be there. `elsewhere`: it is to be used in a cluster, whose Secrets
 * and ConfigMaps this machine does not have.
 */
export type Use = 'here' | 'elsewhere'

/** What reading needs to know, and what it finds. */
export interface ReadContext {
  readonly folder: string
  readonly use: Use
  readonly files: string[]
  readonly problems: Problem[]
  readonly leftOut: Problem[]
}

/** A part that mail does not depend on is left out where the policy is in use, and a problem where it is only checked. */
export function leaveOut({ use, problems, leftOut }: ReadContext, problem: Problem): void {
  if (use === 'here') leftOut.push(problem)
  else problems.push(problem)
}
