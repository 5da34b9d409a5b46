// The gateways of a policy as the place of a subcommand that has other places, too: `-n NAMESPACE --policy-name NAME`.
import { isPlugin } from '../command-name.ts'
import { type Cluster, openCluster } from './cluster.ts'
import { type Gateway, gatewaysOf, runningOf } from './gateways.ts'
import { ClusterError } from './needs.ts'
import { allNamespaces, type ClusterFlags, clusterOptions, clusterProblem, namesCluster } from './options.ts'
import { onePolicy } from './policies.ts'

export const placeOptions = { ...clusterOptions, ...allNamespaces, 'policy-name': { type: 'string' } } as const

export interface PlaceFlags extends ClusterFlags {
  readonly 'policy-name'?: string
}

/** The lines of a help text. */
export const placeHelp = `  -n, --namespace NAME   default: the namespace of the context, or of the pod
  -A, --all-namespaces   the policy is looked for in all namespaces
  --policy-name NAME     default: the only policy
  --context NAME         a context of the kubeconfig; default: its current one
  --kubeconfig FILE      default: the service account of the pod, or else KUBECONFIG or ~/.kube/config
`

/** Whether one of the flags says that a cluster is meant. */
export const namesPlace = (flags: PlaceFlags): boolean =>
  namesCluster(flags) || flags['all-namespaces'] === true || flags['policy-name'] !== undefined

/** As a plugin of kubectl, a subcommand asks a cluster if no other place is named. */
export const meansCluster = (flags: PlaceFlags, hasOtherPlace: boolean): boolean => namesPlace(flags) || (isPlugin && !hasOtherPlace)

/**
 * Why the flags cannot be used together, or undefined.
 * @param others the flags of other places that are set, such as `--gateway`
 */
export function placeProblem(flags: PlaceFlags, others: readonly string[]): string | undefined {
  const [other] = others
  if (other !== undefined && namesPlace(flags))
    return `${other} cannot be used with -n, -A, --policy-name, --context or --kubeconfig, which name gateways of a cluster`
  return clusterProblem(flags)
}

export interface PolicyPlace {
  readonly cluster: Cluster
  readonly namespace: string
  readonly policy: string
}

/** Runs `use` for the policy that is meant. Rejects with a ClusterError if there is none, or several. */
export async function atPolicy<T>(flags: PlaceFlags, subcommand: string, use: (place: PolicyPlace) => Promise<T>): Promise<T> {
  const cluster = openCluster(flags, subcommand)
  try {
    const { metadata } = await onePolicy(cluster, flags['policy-name'])
    return await use({ cluster, namespace: metadata.namespace ?? '', policy: metadata.name })
  } finally {
    await cluster.close()
  }
}

/** The running gateways of the policy. Rejects with a ClusterError if there is none. */
export async function runningAt({ cluster, namespace, policy }: PolicyPlace): Promise<readonly Gateway[]> {
  const gateways = runningOf(await gatewaysOf({ client: cluster.client, namespace }, policy))
  if (gateways.length === 0) throw new ClusterError(`no gateway of the policy ${policy} is running in the namespace ${namespace}`, 404)
  return gateways
}

/** A gateway and its answer. */
export interface Answered<T> {
  readonly gateway: string
  readonly answer: T
}

/**
 * Asks all gateways. Those that give no answer are reported by `warn`. Rejects if a right is missing, or none answers.
 */
export async function askGateways<T>(
  place: PolicyPlace,
  ask: (gateway: Gateway) => Promise<T>,
  warn: (text: string) => void,
): Promise<readonly Answered<T>[]> {
  const found: Answered<T>[] = []
  const failures: ClusterError[] = []
  await Promise.all(
    (await runningAt(place)).map(async (gateway) => {
      try {
        found.push({ gateway: gateway.name, answer: await ask(gateway) })
      } catch (error) {
        if (!(error instanceof ClusterError)) throw error
        failures.push(error)
        if (error.missing === undefined) warn(`gateway ${gateway.name}: ${error.message}`)
      }
    }),
  )
  const [first] = failures
  if (first !== undefined && (first.missing !== undefined || found.length === 0)) throw first
  return found.toSorted((a, b) => (a.gateway < b.gateway ? -1 : 1))
}
