// Whether the cluster assigns the users of pods. OpenShift does: it gives each namespace a range of user IDs, and
// refuses a pod that asks for another ID.
import { setTimeout as sleep } from 'node:timers/promises'
import type { Logger } from 'pino'
import type { ApiGroups } from './kube/kube-client.ts'
import { describeError, KubeError } from './kube/kube-error.ts'

/**
 * The users of the gateways' pods. `fixed`: the user of the image. `assigned`: the cluster chooses. `auto`: assigned
 * where the API of OpenShift's security context constraints is served.
 */
export const podUsers = ['auto', 'fixed', 'assigned'] as const
export type PodUsers = (typeof podUsers)[number]

/** The API group of SecurityContextConstraints. */
const openShiftSecurity = 'security.openshift.io'
const retryMs = 2000

interface Discovery {
  readonly client: ApiGroups
  readonly log: Logger
  /** Ends the attempts. */
  readonly over: AbortSignal
}

/**
 * Asks again until the API server has answered, because pods with the wrong user would not start. An answer that
 * discovery is not allowed counts as no.
 * @returns whether pods must not ask for a user; undefined if `over` was aborted first
 */
export async function usersAreAssigned(users: PodUsers, { client, log, over }: Discovery): Promise<boolean | undefined> {
  if (users !== 'auto') return users === 'assigned'
  while (!over.aborted) {
    try {
      return await client.servesGroup(openShiftSecurity, { signal: over })
    } catch (error) {
      if (over.aborted) break
      log.warn(`whether ${openShiftSecurity} is served is not known: ${describeError(error)}`)
      if (error instanceof KubeError && error.status === 403) return false
      await sleep(retryMs, undefined, { signal: over }).catch(() => undefined)
    }
  }
  return undefined
}
