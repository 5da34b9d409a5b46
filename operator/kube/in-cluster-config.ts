// How a pod reaches its own cluster: environment and mounted files, as every pod with a service account has them.
//
// KubeConfig.loadFromCluster does the same. But to load @kubernetes/client-node is to load its models of every kind, of
// which the operator uses none: 40 MB of the 200 that it may have, to read two files. So in a pod the library is left
// alone (cluster-access.ts); everywhere else it is used.
import { existsSync, readFileSync } from 'node:fs'
import type { RequestOptions } from 'node:https'
import type { Cluster } from '@kubernetes/client-node'
import { formatEndpoint } from '../../crds/values/endpoint.ts'

/** What the operator needs of a configuration; KubeConfig is one. */
export interface ClusterConfig {
  getCurrentCluster(): Cluster | null
  /** Adds certificates and credentials. */
  applyToHTTPSOptions(options: RequestOptions): Promise<void>
}

const folder = '/var/run/secrets/kubernetes.io/serviceaccount'

/** The configuration of the pod that we are in; undefined when we are in none. */
export function inClusterConfig(environment: NodeJS.ProcessEnv = process.env, files = folder): ClusterConfig | undefined {
  const { KUBERNETES_SERVICE_HOST: host, KUBERNETES_SERVICE_PORT: port = '443' } = environment
  const token = `${files}/token`
  const authority = `${files}/ca.crt`
  if (host === undefined || host === '' || !existsSync(token)) return undefined
  const server = `https://${formatEndpoint({ address: host, port: Number(port) })}`
  return {
    getCurrentCluster: () => ({ name: 'in-cluster', server, caFile: authority, skipTLSVerify: false }),
    // Both are rotated: the kubelet writes a new token every hour or so.
    applyToHTTPSOptions: async (options) => {
      options.ca = readFileSync(authority)
      options.headers = { ...options.headers, Authorization: `Bearer ${readFileSync(token, 'utf8').trim()}` } as NonNullable<
        RequestOptions['headers']
      >
    },
  }
}
