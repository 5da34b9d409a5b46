// The options of all subcommands that speak to a cluster, with kubectl's names.

export const clusterOptions = {
  namespace: { type: 'string', short: 'n' },
  context: { type: 'string' },
  kubeconfig: { type: 'string' },
} as const

/** For subcommands that can show all namespaces. */
export const allNamespaces = { 'all-namespaces': { type: 'boolean', short: 'A' } } as const

export interface ClusterFlags {
  readonly namespace?: string
  readonly 'all-namespaces'?: boolean
  readonly context?: string
  readonly kubeconfig?: string
}

/** The lines of a help text. */
export const clusterHelp = `  -n, --namespace NAME   default: the namespace of the context, or of the pod
  --context NAME         a context of the kubeconfig; default: its current one
  --kubeconfig FILE      default: the service account of the pod, or else KUBECONFIG or ~/.kube/config
`

export const allNamespacesHelp = '  -A, --all-namespaces   policies of all namespaces\n'

/** Why the flags cannot be used together, or undefined. */
export function clusterProblem(flags: ClusterFlags): string | undefined {
  if (flags['all-namespaces'] === true && flags.namespace !== undefined) return 'expected one of --namespace and --all-namespaces'
  return flags.namespace === '' ? '--namespace: expected a name' : undefined
}

/** Whether one of the flags says that a cluster is meant. */
export const namesCluster = (flags: ClusterFlags): boolean =>
  Object.keys(clusterOptions).some((name) => flags[name as 'context'] !== undefined)
