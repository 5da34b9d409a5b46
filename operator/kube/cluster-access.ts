// Access to the API server: its address, our credentials, and the connections. Tokens and certificates rotate, so they
// are read again from time to time.

import { createHash } from 'node:crypto'
import type { RequestOptions } from 'node:https'
import { createRequire } from 'node:module'
import type { Cluster, KubeConfig } from '@kubernetes/client-node'
import { Agent, type buildConnector, type Dispatcher, ProxyAgent } from 'undici'
import { codeOf } from '../../runtime/caught.ts'
import type { Clock } from '../../runtime/clock.ts'
import { type ClusterConfig, inClusterConfig } from './in-cluster-config.ts'
import { KubeError, logText } from './kube-error.ts'
import { noSuchContext, staticKubeconfig } from './static-kubeconfig.ts'

/** What one request needs. */
export interface Access {
  /** The server's address, with its path if it has one, without a slash at the end. */
  readonly server: string
  readonly headers: Readonly<Record<string, string>>
  readonly requests: Dispatcher
  /** Separate connections, because each watch uses one for minutes. */
  readonly watches: Dispatcher
}

interface AccessOptions {
  /** The path of a kubeconfig file. If undefined: the pod's service account, or else KUBECONFIG or ~/.kube/config. */
  readonly kubeconfig: string | undefined
  /** The context of the kubeconfig. If undefined: its current context. */
  readonly context: string | undefined
  /** How many connections there may be besides those for watches. */
  readonly connections: number
  readonly connectTimeoutMs: number
  readonly clock: Clock
}

/** The CA, our certificate, and the name of the server. */
type TlsOptions = buildConnector.BuildOptions

/** Credentials are not read again within this time: KubeConfig reads files at each request. */
const freshMs = 1000
/** The time limit of an exec plugin. */
const longestAskMs = 60_000
const shortestReloadMs = 10_000
/** Longer than the time between two renewals of a lease, and shorter than the idle timeouts of load balancers. */
const idleConnectionMs = 20_000
const mostWatches = 256

export class ClusterAccess {
  readonly #options: AccessOptions
  #config: ClusterConfig
  #loadedAt: number
  #known: { readonly access: Access; readonly fingerprint: string } | undefined
  #knownAt = Number.NEGATIVE_INFINITY
  #asking: Promise<Access> | undefined
  #askedAt = 0
  readonly #dispatchers = new Set<Dispatcher>()

  /** Throws if the configuration has no usable cluster. */
  constructor(options: AccessOptions) {
    this.#options = options
    this.#config = loadConfig(options)
    this.#loadedAt = options.clock.now()
    clusterOf(this.#config)
  }

  /** Rejects with a KubeError (NoCredentials). */
  current(): Promise<Access> {
    const now = this.#options.clock.now()
    if (this.#known !== undefined && now - this.#knownAt < freshMs) return Promise.resolve(this.#known.access)
    if (this.#asking === undefined || now - this.#askedAt > longestAskMs) {
      this.#askedAt = now
      const asking = this.#ask().finally(() => {
        if (this.#asking === asking) this.#asking = undefined
      })
      this.#asking = asking
    }
    return this.#asking
  }

  /** The server did not accept the credentials (401), so the configuration may have been changed. */
  refused(): void {
    const now = this.#options.clock.now()
    this.#knownAt = Number.NEGATIVE_INFINITY
    if (now - this.#loadedAt < shortestReloadMs) return
    this.#loadedAt = now
    try {
      const config = loadConfig(this.#options)
      clusterOf(config)
      this.#config = config
    } catch {
      // The file is half written or missing. The present configuration may still work.
    }
  }

  /** Closes every connection. */
  async close(): Promise<void> {
    await Promise.all(Array.from(this.#dispatchers, (one) => one.destroy()))
  }

  async #ask(): Promise<Access> {
    try {
      const config = this.#config
      const options: RequestOptions = {}
      await config.applyToHTTPSOptions(options)
      const cluster = clusterOf(config)
      const tls = tlsOf(options)
      const fingerprint = fingerprintOf(cluster, tls)
      const known = this.#known?.fingerprint === fingerprint ? this.#known.access : undefined
      const dispatchers = known ?? this.#connect(cluster, tls)
      const access = {
        server: serverOf(cluster),
        headers: headersOf(options),
        requests: dispatchers.requests,
        watches: dispatchers.watches,
      }
      this.#known = { access, fingerprint }
      this.#knownAt = this.#options.clock.now()
      return access
    } catch (error) {
      throw noCredentials(error)
    }
  }

  /** Makes connections with new certificates. The old connections stay until their requests have ended. */
  #connect(cluster: Cluster, tls: TlsOptions): Pick<Access, 'requests' | 'watches'> {
    for (const old of this.#dispatchers) {
      void old.close().then(
        () => this.#dispatchers.delete(old),
        () => undefined,
      )
    }
    const { connections, connectTimeoutMs } = this.#options
    const make = (most: number): Dispatcher => dispatcherOf(cluster, tls, { connections: most, connectTimeoutMs })
    const made = { requests: make(connections), watches: make(mostWatches) }
    this.#dispatchers.add(made.requests).add(made.watches)
    return made
  }
}

/**
 * Loaded on demand, because the library is large. It is not loaded with `import()`, so that the constructor can throw
 * for a wrong configuration.
 */
const requirePackage = createRequire(import.meta.url)

/**
 * A pod uses its service account. Elsewhere, @kubernetes/client-node reads the kubeconfig, or our own reader if that
 * package is not installed.
 */
function loadConfig({ kubeconfig, context }: Pick<AccessOptions, 'kubeconfig' | 'context'>): ClusterConfig {
  const inCluster = kubeconfig === undefined && context === undefined ? inClusterConfig() : undefined
  if (inCluster !== undefined) return inCluster
  const library = clientLibrary()
  if (library === undefined) return staticKubeconfig(kubeconfig, { context })
  const config = new library.KubeConfig()
  if (kubeconfig === undefined) config.loadFromDefault()
  else config.loadFromFile(kubeconfig)
  if (context !== undefined) {
    if (config.getContextObject(context) === null) throw noSuchContext(context)
    config.setCurrentContext(context)
  }
  return config
}

function clientLibrary(): { readonly KubeConfig: new () => KubeConfig } | undefined {
  try {
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- require does not know what it finds
    return requirePackage('@kubernetes/client-node') as { readonly KubeConfig: new () => KubeConfig }
  } catch (error) {
    if (codeOf(error) === 'MODULE_NOT_FOUND') return undefined
    throw error
  }
}

function clusterOf(config: ClusterConfig): Cluster {
  const cluster = config.getCurrentCluster()
  if (cluster === null || typeof cluster.server !== 'string') throw new Error('the kubeconfig has no current cluster')
  const url = URL.parse(cluster.server)
  if (url === null || !/^https?:$/.test(url.protocol)) throw new Error('the server in the kubeconfig is not an http or https address')
  if (url.protocol === 'http:' && !cluster.skipTLSVerify) {
    throw new Error('no cluster was found; a server without TLS is used only if the kubeconfig says insecure-skip-tls-verify')
  }
  if (cluster.proxyUrl?.startsWith('socks') === true) throw new Error('proxy-url: SOCKS is not supported, HTTP is')
  return cluster
}

function serverOf(cluster: Cluster): string {
  return cluster.server.replace(/\/+$/, '')
}

function headersOf(options: RequestOptions): Record<string, string> {
  const headers: Record<string, string> = {}
  for (const [name, value] of Object.entries(options.headers ?? {})) headers[name] = String(value).trim()
  if (typeof options.auth === 'string') headers['Authorization'] = `Basic ${Buffer.from(options.auth).toString('base64')}`
  return headers
}

function tlsOf({ ca, cert, key, pfx, passphrase, rejectUnauthorized, servername }: RequestOptions): TlsOptions {
  const all = { ca, cert, key, pfx, passphrase, rejectUnauthorized, servername }
  return Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined))
}

/** A text that differs if other connections are needed. */
function fingerprintOf(cluster: Cluster, tls: TlsOptions): string {
  const parts = Object.entries(tls).map(([name, value]) => `${name} ${String(value)}`)
  const text = [cluster.server, cluster.proxyUrl ?? '', ...parts].join('\0')
  return createHash('sha256').update(text).digest('base64')
}

interface ConnectionLimits {
  readonly connections: number
  readonly connectTimeoutMs: number
}

/**
 * HTTP/1.1 with one request at a time on a connection: over HTTP/2, all requests would share one connection, and would
 * all hang if it died silently. The time limits for answers are set by the caller (Deadline).
 */
function dispatcherOf(cluster: Cluster, tls: TlsOptions, limits: ConnectionLimits): Dispatcher {
  const connect = { keepAlive: true, keepAliveInitialDelay: 30_000, timeout: limits.connectTimeoutMs }
  const options = {
    allowH2: false,
    connections: limits.connections,
    headersTimeout: 0,
    bodyTimeout: 0,
    keepAliveTimeout: idleConnectionMs,
    keepAliveMaxTimeout: idleConnectionMs,
  }
  if (cluster.proxyUrl === undefined) return new Agent({ ...options, connect: { ...tls, ...connect } })
  return new ProxyAgent({ ...options, uri: cluster.proxyUrl, requestTls: tls, connect })
}

/** A SyntaxError quotes the output of an exec plugin, which may be a token. */
function noCredentials(error: unknown): KubeError {
  const why =
    error instanceof Error && !(error instanceof SyntaxError) ? logText(error.message, 200) : 'the output of an exec plugin is not JSON'
  return new KubeError(`no credentials for the API server: ${why}`, { status: 0, reason: 'NoCredentials' })
}
