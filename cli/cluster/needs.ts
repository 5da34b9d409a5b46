// What a user lacks when the API server refuses a request: the right, in the words of a role.
import { describeError, KubeError } from '../../operator/kube/kube-error.ts'

export interface Right {
  readonly verb: 'get' | 'list' | 'create'
  /** As in a role, such as `pods/log`. */
  readonly resource: string
  /** Undefined: in all namespaces. */
  readonly namespace: string | undefined
}

/** The cluster, or a part of it, cannot be asked. The message is for people. */
export class ClusterError extends Error {
  /** A right is missing. */
  readonly missing: Right | undefined
  /** The HTTP status; 0 if there was no answer. */
  readonly status: number

  constructor(message: string, status: number, missing?: Right) {
    super(message)
    this.name = 'ClusterError'
    this.status = status
    this.missing = missing
  }
}

/** Passes on the result. Rejects with a ClusterError that names the right if it is missing. */
export async function needing<T>(right: Right, asked: Promise<T>): Promise<T> {
  try {
    return await asked
  } catch (error) {
    throw clusterError(right, error)
  }
}

/** The error for a request that failed. */
export function clusterError(right: Right, error: unknown): ClusterError {
  const status = error instanceof KubeError ? error.status : 0
  if (status === 403) return new ClusterError(missingText(right), status, right)
  if (status === 401)
    return new ClusterError(`the API server does not accept the credentials: log in again (${describeError(error)})`, status)
  if (status === 404 && right.resource.startsWith('postscreenpolicies'))
    return new ClusterError(
      'the cluster does not know the kind PostscreenPolicy: is it the right cluster, and is the CRD installed?',
      status,
    )
  return new ClusterError(describeError(error), status)
}

function missingText({ verb, resource, namespace }: Right): string {
  const where = namespace === undefined ? 'all namespaces; to see a single one, add -n NAMESPACE' : `the namespace ${namespace}`
  return `you are not allowed to do this: it needs the verb ${verb} on ${resource} in ${where}`
}
