// Reads a kubeconfig that contains its credentials: certificates, a token or a password. It is used where
// @kubernetes/client-node is not installed.
//
// The image leaves that library out, because it is half of all packages and 25 MB, and a pod does not need it. Its
// KubeConfig also runs exec plugins and logs in with OpenID Connect. A plugin is another program, and the image has
// none, so both are refused here, with advice. A test compares this reader with KubeConfig.
import { readFileSync } from 'node:fs'
import type { RequestOptions } from 'node:https'
import { homedir } from 'node:os'
import { delimiter, dirname, resolve } from 'node:path'
import type { Cluster } from '@kubernetes/client-node'
import { load } from 'js-yaml'
import { fieldsOf, isObject } from '../../crds/is-object.ts'
import { codeOf } from '../../runtime/caught.ts'
import type { ClusterConfig } from './in-cluster-config.ts'

type Fields = Readonly<Record<string, unknown>>

/** The lists and the context of one or more files. */
interface Kubeconfig {
  readonly context: string
  readonly clusters: ReadonlyMap<string, Fields>
  readonly users: ReadonlyMap<string, Fields>
  readonly contexts: ReadonlyMap<string, Fields>
}

export interface KubeconfigOptions {
  /** Default: the current context of the kubeconfig. */
  readonly context?: string | undefined
  readonly environment?: NodeJS.ProcessEnv
}

/** File names in a kubeconfig are relative to its folder. */
const fileFields = ['certificate-authority', 'client-certificate', 'client-key', 'tokenFile'] as const

/**
 * The configuration of a kubeconfig file; without `path` that of KUBECONFIG or ~/.kube/config.
 * Throws when a file cannot be read, names no cluster, or needs a program or a login for its credentials.
 */
export function staticKubeconfig(path: string | undefined, options: KubeconfigOptions = {}): ClusterConfig {
  const config = readKubeconfig(path, options)
  const context = contextOf(config, options.context)
  const cluster = clusterOf(String(context['cluster']), config.clusters.get(String(context['cluster'])))
  const user = config.users.get(String(context['user'])) ?? {}
  refuseProviders(user)
  return {
    getCurrentCluster: () => cluster ?? null,
    applyToHTTPSOptions: async (request) => apply(request, cluster, user),
  }
}

/**
 * The namespace that a context of the kubeconfig names; undefined if it names none, or if there is no such file. Its
 * credentials may be of any kind.
 */
export function kubeconfigNamespace(path: string | undefined, options: KubeconfigOptions = {}): string | undefined {
  try {
    const config = readKubeconfig(path, options)
    return text(contextOf(config, options.context)['namespace'])
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined
    throw error
  }
}

export const noSuchContext = (context: string): Error => new Error(`the kubeconfig has no context ${JSON.stringify(context)}`)

function contextOf({ context: current, contexts }: Kubeconfig, wanted: string | undefined): Fields {
  const found = contexts.get(wanted ?? current)
  if (found === undefined && wanted !== undefined) throw noSuchContext(wanted)
  return found ?? {}
}

function readKubeconfig(path: string | undefined, { environment = process.env }: KubeconfigOptions): Kubeconfig {
  const named = path ?? environment['KUBECONFIG'] ?? ''
  const files = path === undefined ? named.split(delimiter).filter((file) => file !== '') : [named]
  return merged((files.length > 0 ? files : [`${homedir()}/.kube/config`]).map(readFile))
}

function readFile(file: string): Kubeconfig {
  const folder = dirname(resolve(file))
  const content = fieldsOf(load(readFileSync(file, 'utf8')))
  const entries = (list: string, entry: string): ReadonlyMap<string, Fields> => {
    const written: readonly unknown[] = Array.isArray(content[list]) ? content[list] : []
    return new Map(written.filter(isObject).map((one) => [String(one['name']), withFullPaths(fieldsOf(one[entry]), folder)]))
  }
  return {
    context: text(content['current-context']) ?? '',
    clusters: entries('clusters', 'cluster'),
    users: entries('users', 'user'),
    contexts: entries('contexts', 'context'),
  }
}

function withFullPaths(fields: Fields, folder: string): Fields {
  const paths = fileFields.flatMap((name) => {
    const file = text(fields[name])
    return file === undefined ? [] : [[name, resolve(folder, file)] as const]
  })
  return { ...fields, ...Object.fromEntries(paths) }
}

/** Merged as kubectl does it: the first file that has a name wins. */
function merged(configs: readonly Kubeconfig[]): Kubeconfig {
  const all = (list: 'clusters' | 'users' | 'contexts') => new Map(configs.toReversed().flatMap((config) => [...config[list]]))
  const context = configs.map((config) => config.context).find((name) => name !== '') ?? ''
  return { context, clusters: all('clusters'), users: all('users'), contexts: all('contexts') }
}

function clusterOf(name: string, fields: Fields | undefined): Cluster | undefined {
  const server = text(fields?.['server'])
  if (fields === undefined || server === undefined) return undefined
  const optional = {
    caData: text(fields['certificate-authority-data']),
    caFile: text(fields['certificate-authority']),
    tlsServerName: text(fields['tls-server-name']),
    proxyUrl: text(fields['proxy-url']),
  }
  const given = Object.fromEntries(Object.entries(optional).filter(([, value]) => value !== undefined))
  return { name, server: server.replace(/\/$/, ''), skipTLSVerify: fields['insecure-skip-tls-verify'] === true, ...given }
}

function refuseProviders(user: Fields): void {
  for (const field of ['exec', 'auth-provider']) {
    if (user[field] === undefined || user[field] === null) continue
    throw new Error(
      `the kubeconfig gets its credentials with ${field}, which needs the package @kubernetes/client-node; the image does not have it: ` +
        'run the command from a checkout (npm ci), or use a kubeconfig with a token or a client certificate',
    )
  }
}

function apply(options: RequestOptions, cluster: Cluster | undefined, user: Fields): void {
  if (cluster?.skipTLSVerify === true) options.rejectUnauthorized = false
  if (cluster?.tlsServerName !== undefined) options.servername = cluster.tlsServerName
  const ca = contentOf(cluster?.caFile, cluster?.caData)
  const cert = contentOf(user['client-certificate'], user['client-certificate-data'])
  const key = contentOf(user['client-key'], user['client-key-data'])
  Object.assign(options, ca && { ca }, cert && { cert }, key && { key })
  const tokenFile = text(user['tokenFile'])
  const token = text(user['token']) ?? (tokenFile === undefined ? undefined : readFileSync(tokenFile, 'utf8').trim())
  const as = text(user['as'])
  options.headers = {
    ...(token !== undefined && { Authorization: `Bearer ${token}` }),
    ...(as !== undefined && { 'Impersonate-User': as }),
  }
  const username = text(user['username'])
  if (username !== undefined) options.auth = `${username}:${String(user['password'])}`
}

/** The contents of a file, or of base64 text. */
function contentOf(file: unknown, data: unknown): Buffer | undefined {
  const path = text(file)
  if (path !== undefined) return readFileSync(path)
  const base64 = text(data)
  return base64 === undefined ? undefined : Buffer.from(base64, 'base64')
}

const text = (value: unknown): string | undefined => (typeof value === 'string' && value !== '' ? value : undefined)
