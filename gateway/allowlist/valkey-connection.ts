// One connection to a Valkey, its sentinels or its cluster, over ioredis. It is never mended: when it is lost or sick, a new one is opened,
// with secrets read anew and the primary asked for anew. Whoever uses it decides when.
import { createHash } from 'node:crypto'
import type { Cluster, ClusterOptions, Redis, RedisOptions } from 'ioredis'
import { withinBudget } from '../../runtime/time-budget.ts'
import { latestStamp } from '../core/allowlist-merge.ts'
import type { AllowlistEntry } from './allowlist-store.ts'
import { ValkeyError, valkeyError } from './valkey-errors.ts'
import { mergeScript } from './valkey-merge.ts'
import type { ValkeySettings, ValkeyTls } from './valkey-settings.ts'

/** All calls reject with a ValkeyError. Keys are without the prefix. */
export interface ValkeyConnection {
  get(key: string): Promise<string | undefined>
  /** Puts a record in, merged with the one that is there, to be kept until `retention` seconds after its last pass has expired. Gives what is there now. */
  merge(key: string, record: string, retention: number): Promise<string>
  /** Whether there was something to remove. */
  remove(key: string): Promise<boolean>
  /** Keys in the whole database, those of others included. */
  count(): Promise<number>
  /** Everything under the prefix. What comes and goes meanwhile may be missing; nothing comes twice. */
  entries(): AsyncGenerator<AllowlistEntry, void>
  /** Called once when the connection is lost, not after `close`. */
  onLost(listener: (why: ValkeyError) => void): void
  close(): void
}

/** TCP, TLS and log-in of one server, and any command after that; the waits of clients are much shorter. */
const connectMs = 2000
const commandMs = 1500
/** An answer is due and nothing at all comes: the connection is dead. */
const silentMs = 2000
/** All sentinels, or all nodes of a cluster, in turn. */
const openMs = 5000
const keepAliveMs = 15_000
/** After a failover in a cluster nobody says MOVED: the node that would is dead. */
const slotsEveryMs = 2000
const keysAtATime = 500
/** Five stamps of 16 digits have 84 characters. */
const longestRecord = 127

const scriptHash = createHash('sha1').update(mergeScript).digest('hex')

function tlsOptions({ ca, cert, key, serverName }: ValkeyTls): RedisOptions['tls'] {
  return {
    minVersion: 'TLSv1.2',
    ...(ca === undefined ? {} : { ca }),
    ...(cert === undefined || key === undefined ? {} : { cert, key }),
    ...(serverName === undefined ? {} : { servername: serverName }),
  }
}

/** What every connection has in common. Nothing is queued while there is none, nothing sent twice, nobody connects again by himself. */
function commonOptions({ username, password, tls }: ValkeySettings) {
  return {
    ...(username === undefined ? {} : { username }),
    ...(password === undefined ? {} : { password }),
    ...(tls === undefined ? {} : { tls: tlsOptions(tls) }),
    lazyConnect: true,
    connectTimeout: connectMs,
    commandTimeout: commandMs,
    socketTimeout: silentMs,
    keepAlive: keepAliveMs,
    // The warnings that the handshake of protocol 3 may print are none for our log, and nothing here needs it.
    protocol: 2,
    disableClientInfo: true,
    enableReadyCheck: false,
    maxRetriesPerRequest: 0,
    autoResendUnfulfilledCommands: false,
  } as const satisfies RedisOptions
}

const alone = { enableOfflineQueue: false, retryStrategy: () => null } as const

function clusterOptions(settings: ValkeySettings) {
  return {
    lazyConnect: true,
    enableOfflineQueue: false,
    enableReadyCheck: false,
    clusterRetryStrategy: () => null,
    // Names go to TLS as they are, to be compared with the certificate.
    dnsLookup: (address: string, callback: (error: undefined, address: string) => void) => callback(undefined, address),
    slotsRefreshTimeout: 1000,
    // A client waits 50 ms by default: what is tried again must be tried soon.
    maxRedirections: 8,
    retryDelayOnFailover: 15,
    retryDelayOnClusterDown: 15,
    retryDelayOnTryAgain: 5,
    redisOptions: commonOptions(settings),
  } satisfies ClusterOptions
}

/**
 * Connects. Loads ioredis, which a gateway with a local allowlist never does.
 * @param attempt counts up: of several single servers, each is tried in its turn
 */
export async function openValkeyConnection(settings: ValkeySettings, attempt = 0): Promise<ValkeyConnection> {
  switch (settings.mode) {
    case 'Single':
      return openSingle(settings, attempt)
    case 'Sentinel':
      return openSentinel(settings)
    case 'Cluster':
      return openCluster(settings)
  }
}

async function openSingle(settings: ValkeySettings, attempt: number): Promise<ValkeyConnection> {
  const { Redis } = await import('ioredis')
  const node = settings.nodes[attempt % settings.nodes.length]
  if (node === undefined) throw new ValkeyError('settings', 'no address')
  const client = new Redis({ ...commonOptions(settings), ...alone, host: node.address, port: node.port, db: settings.database })
  return connected(client, settings)
}

/** Sentinels mostly have no password, and complain in vain when they are given one; so they get it only when they ask. */
async function openSentinel(settings: ValkeySettings): Promise<ValkeyConnection> {
  const { Redis } = await import('ioredis')
  const { nodes, masterName, password, database, tls } = settings
  const client = (sentinelPassword?: string): Redis =>
    new Redis({
      ...commonOptions(settings),
      ...alone,
      // Tells a primary from a replica.
      enableReadyCheck: true,
      maxLoadingRetryTime: 0,
      sentinels: nodes.map(({ address, port }) => ({ host: address, port })),
      name: masterName,
      db: database,
      sentinelRetryStrategy: () => null,
      sentinelCommandTimeout: commandMs,
      ...(tls === undefined ? {} : { sentinelTLS: tlsOptions(tls) ?? {}, enableTLSForSentinelMode: true }),
      ...(sentinelPassword === undefined ? {} : { sentinelPassword }),
    })
  try {
    return await connected(client(), settings)
  } catch (error) {
    if (password === undefined || !/NOAUTH/.test(valkeyError(error).message)) throw error
    return connected(client(password), settings)
  }
}

async function openCluster(settings: ValkeySettings): Promise<ValkeyConnection> {
  const { Cluster } = await import('ioredis')
  const nodes = settings.nodes.map(({ address, port }) => ({ host: address, port }))
  const client = new Cluster(nodes, clusterOptions(settings))
  const connection = await connected(client, settings)
  // Not by ioredis' slotsRefreshInterval: that goes on for ever when the connection ends during a refresh (6.0.0).
  const refresh = setInterval(() => client.refreshSlotsCache(), slotsEveryMs).unref()
  client.once('end', () => clearInterval(refresh))
  // The first command to a node would wait for its connection.
  await Promise.allSettled(client.nodes('master').map((node) => node.ping()))
  return connection
}

/** ioredis says "Connection is closed"; why, it said in an event before. */
async function connected(client: Redis | Cluster, settings: ValkeySettings): Promise<ValkeyConnection> {
  let cause: unknown
  const keep = (error: unknown): void => {
    cause = error
  }
  client.on('error', keep).on('node error', keep)
  try {
    await withinBudget(client.connect(), openMs, () => new ValkeyError('timeout', `not connected within ${openMs / 1000} s`))
    return new IoredisConnection(client, settings.keyPrefix, () => cause)
  } catch (error) {
    client.disconnect()
    throw valkeyError(error instanceof ValkeyError ? error : (cause ?? error))
  }
}

class IoredisConnection implements ValkeyConnection {
  readonly #client: Redis | Cluster
  readonly #prefix: string
  #closed = false
  #lost: ((why: ValkeyError) => void) | undefined

  constructor(client: Redis | Cluster, prefix: string, cause: () => unknown) {
    this.#client = client
    this.#prefix = prefix
    client.on('end', () => {
      if (this.#closed) return
      this.#closed = true
      this.#lost?.(valkeyError(cause() ?? new ValkeyError('connection', 'the connection was closed')))
    })
  }

  /** Not GET: whatever somebody has put there, no more of it comes than a record can have. A value that is no text is no record. */
  async get(key: string): Promise<string | undefined> {
    try {
      const text = await this.#client.getrange(this.#prefix + key, 0, longestRecord)
      return text === '' ? undefined : text
    } catch (error) {
      if (error instanceof Error && error.message.startsWith('WRONGTYPE')) return undefined
      throw valkeyError(error)
    }
  }

  async merge(key: string, record: string, retention: number): Promise<string> {
    const args = [this.#prefix + key, record, String(retention)] as const
    const found = await this.#asked(async () => {
      try {
        return await this.#client.evalsha(scriptHash, 1, ...args)
      } catch (error) {
        if (error instanceof Error && error.message.startsWith('NOSCRIPT')) return this.#client.eval(mergeScript, 1, ...args)
        throw error
      }
    })
    return typeof found === 'string' ? found : ''
  }

  async remove(key: string): Promise<boolean> {
    return (await this.#asked(() => this.#client.del(this.#prefix + key))) > 0
  }

  async count(): Promise<number> {
    const counts = await this.#asked(() => Promise.all(this.#primaries().map((node) => node.dbsize())))
    return counts.reduce((sum, count) => sum + count, 0)
  }

  async *entries(): AsyncGenerator<AllowlistEntry, void> {
    const pattern = `${this.#prefix.replace(/[\\*?[\]]/g, '\\$&')}*`
    const seen = new Set<string>()
    for (const node of this.#primaries()) {
      let cursor = '0'
      do {
        const at = cursor
        const [next, keys] = await this.#asked(() => node.scan(at, 'MATCH', pattern, 'COUNT', keysAtATime))
        cursor = next
        const fresh = keys.map((key) => key.slice(this.#prefix.length)).filter((key) => !seen.has(key))
        const records = await Promise.all(fresh.map((key) => this.get(key)))
        for (const [i, key] of fresh.entries()) {
          const record = records[i]
          seen.add(key)
          if (record !== undefined && latestStamp(record) > 0) yield [key, record]
        }
      } while (cursor !== '0')
    }
  }

  onLost(listener: (why: ValkeyError) => void): void {
    this.#lost = listener
  }

  close(): void {
    this.#closed = true
    this.#client.disconnect()
  }

  #primaries(): readonly Redis[] {
    return 'nodes' in this.#client ? this.#client.nodes('master') : [this.#client]
  }

  async #asked<T>(question: () => Promise<T>): Promise<T> {
    try {
      return await question()
    } catch (error) {
      throw valkeyError(error)
    }
  }
}
