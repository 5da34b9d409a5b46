// How a pod reaches its own cluster: with the environment and files of every pod that has a service account.
//
// KubeConfig.loadFromCluster does the same. But @kubernetes/client-node loads its models of every kind, and the
// operator uses none of them: this would take 40 of the operator's 200 MB of memory, to read two files. So the library
// is not loaded in a pod (cluster-access.ts). Everywhere else it is used.
import { existsSync, readFileSync } from 'node:fs'
import type { RequestOptions } from 'node:https'
import type { Cluster } from '@kubernetes/client-node'
import { formatEndpoint } from '../../crds/values/endpoint.ts'

/** The parts of a configuration that the operator uses; KubeConfig has them. */
export interface ClusterConfig {
  getCurrentCluster(): Cluster | null
  /** Adds certificates and credentials. */
  applyToHTTPSOptions(options: RequestOptions): Promise<void>
}

const folder = '/var/run/secrets/kubernetes.io/serviceaccount'

/** The configuration of this process's pod; undefined outside a pod. */
export function inClusterConfig(environment: NodeJS.ProcessEnv = process.env, files = folder): ClusterConfig | undefined {
  const { KUBERNETES_SERVICE_HOST: host, KUBERNETES_SERVICE_PORT: port = '443' } = environment
  const token = `${files}/token`
  const authority = `${files}/ca.crt`
  if (host === undefined || host === '' || !existsSync(token)) return undefined
  const server = `https://${formatEndpoint({ address: host, port: Number(port) })}`
  return {
    getCurrentCluster: () => ({ name: 'in-cluster', server, caFile: authority, skipTLSVerify: false }),
    // Both rotate: the kubelet writes a new token about once an hour.
    applyToHTTPSOptions: async (options) => {
      options.ca = readFileSync(authority)
      options.headers = { ...options.headers, Authorization: `Bearer ${readFileSync(token, 'utf8').trim()}` } as NonNullable<
        RequestOptions['headers']
      >
    },
  }
}
