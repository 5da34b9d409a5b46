// A cluster as the subcommands use it: policies and pods of one namespace or of all, and the pages and logs of pods.
import { existsSync, readFileSync } from 'node:fs'
import { inClusterConfig } from '../../operator/kube/in-cluster-config.ts'
import { connectKube, type KubeClient, type PodLogs, type PodPages } from '../../operator/kube/kube-client.ts'
import { kubeconfigNamespace } from '../../operator/kube/static-kubeconfig.ts'
import { version } from '../../runtime/version.ts'
import type { ClusterFlags } from './options.ts'

/** All that is done to a cluster: nothing is written. */
export type ClusterClient = Pick<KubeClient, 'list'> & PodPages & PodLogs

export interface Cluster {
  readonly client: ClusterClient
  /** Undefined: all namespaces. */
  readonly namespace: string | undefined
  /** Whether this process runs in a pod of the cluster, which can reach other pods. */
  readonly isInside: boolean
  close(): Promise<void>
}

const namespaceFile = '/var/run/secrets/kubernetes.io/serviceaccount/namespace'

/** A pod has its own network address; from outside only the API server reaches it. */
export const isInsideCluster = ({ kubeconfig, context }: Pick<ClusterFlags, 'kubeconfig' | 'context'>): boolean =>
  kubeconfig === undefined && context === undefined && inClusterConfig() !== undefined

/**
 * Does not connect yet. Throws if the kubeconfig cannot be used.
 * @param subcommand its name, for the log of the API server
 */
export function openCluster(flags: ClusterFlags, subcommand: string): Cluster {
  const { kubeconfig, context } = flags
  const client = connectKube({ kubeconfig, context, userAgent: `postscreen-${subcommand}/${version}` })
  return {
    client,
    namespace: flags['all-namespaces'] === true ? undefined : namespaceOf(flags),
    isInside: isInsideCluster(flags),
    close: () => client.close(),
  }
}

/** As kubectl chooses it. */
function namespaceOf(flags: ClusterFlags): string {
  if (flags.namespace !== undefined) return flags.namespace
  if (isInsideCluster(flags)) {
    const own = process.env['POD_NAMESPACE'] ?? ''
    if (own !== '') return own
    return existsSync(namespaceFile) ? readFileSync(namespaceFile, 'utf8').trim() : 'default'
  }
  return kubeconfigNamespace(flags.kubeconfig, { context: flags.context }) ?? 'default'
}
