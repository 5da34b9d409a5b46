// One connection to a Valkey, its sentinels or its cluster, with ioredis. It is never repaired: when it is lost or does
// not answer, the caller opens a new one, with secrets read again and the primary looked up again
// (valkey-reconnector.ts).
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
  /**
   * Merges a record into the stored one. The server keeps it until `retention` seconds after its last pass has expired.
   * @returns the stored record
   */
  merge(key: string, record: string, retention: number): Promise<string>
  /** @returns whether there was a record */
  remove(key: string): Promise<boolean>
  /** All keys of the database, also those of other applications. */
  count(): Promise<number>
  /** Everything with the prefix. Records that change at the same time may be missing; none comes twice. */
  entries(): AsyncGenerator<AllowlistEntry, void>
  /** Appends texts to a list whose oldest entries the server drops. */
  append(key: string, texts: readonly string[], bounds: ListBounds): Promise<void>
  /** The entries of such a list behind a position, in order. */
  entriesAfter(key: string, position: string, most: number): Promise<readonly ListEntry[]>
  /** A text of at most `longest` bytes; undefined if there is none, or something else. */
  text(key: string, longest: number): Promise<string | undefined>
  /** Replaces a text. The server keeps it for `keptMs`. */
  setText(key: string, text: string, keptMs: number): Promise<void>
  /** @returns whether the lease is granted: no other one is held. It ends after `ms`. */
  lease(key: string, ms: number): Promise<boolean>
  /** Called once when the connection is lost, not after `close`. */
  onLost(listener: (why: ValkeyError) => void): void
  close(): void
}

/** How much of a list the server keeps: so many entries, about, and for how long after the last one. */
export interface ListBounds {
  readonly most: number
  readonly keptMs: number
}

export interface ListEntry {
  /** As the server writes it. */
  readonly position: string
  readonly text: string
}

/** For TCP, TLS and login of one server, and for each command. Clients wait much less. */
const connectMs = 2000
const commandMs = 1500
/** The connection is lost when an answer is due and nothing arrives for this long. */
const silentMs = 2000
/** For all sentinels, or all nodes of a cluster, one after the other. */
const openMs = 5000
const keepAliveMs = 15_000
/** After a failover in a cluster there is no MOVED: the node that would send it is down. */
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

/**
 * Options of every connection: nothing is queued without a connection, nothing is sent twice, and ioredis does not
 * reconnect.
 */
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
    // The handshake of protocol 3 may print warnings, and nothing here needs it.
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
 * Connects. Loads ioredis, which a gateway with a local allowlist does not need.
 * @param attempt the number of the attempt: several single servers are tried in turn
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
  const { Redis } = await import('./ioredis.ts')
  const node = settings.nodes[attempt % settings.nodes.length]
  if (node === undefined) throw new ValkeyError('settings', 'no address')
  const client = new Redis({ ...commonOptions(settings), ...alone, host: node.address, port: node.port, db: settings.database })
  return connected(client, settings)
}

/** Most sentinels have no password and reject one, so they get it only when they require it. */
async function openSentinel(settings: ValkeySettings): Promise<ValkeyConnection> {
  const { Redis } = await import('./ioredis.ts')
  const { nodes, masterName, password, database, tls } = settings
  const client = (sentinelPassword?: string): Redis =>
    new Redis({
      ...commonOptions(settings),
      ...alone,
      // Distinguishes a primary from a replica.
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
  const { Cluster } = await import('./ioredis.ts')
  const nodes = settings.nodes.map(({ address, port }) => ({ host: address, port }))
  const client = new Cluster(nodes, clusterOptions(settings))
  const connection = await connected(client, settings)
  // Not with ioredis' slotsRefreshInterval, which never stops when the connection ends during a refresh (6.0.0).
  const refresh = setInterval(() => client.refreshSlotsCache(), slotsEveryMs).unref()
  client.once('end', () => clearInterval(refresh))
  // The first command to a node would wait for its connection.
  await Promise.allSettled(client.nodes('master').map((node) => node.ping()))
  return connection
}

/** ioredis rejects with "Connection is closed"; the cause was in an earlier event. */
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

  /**
   * GETRANGE, not GET, limits the answer to the length of a record, whatever another application has stored. Other
   * types are ignored.
   */
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

  /** A stream (Redis 5): an ordered list with positions. */
  async append(key: string, texts: readonly string[], { most, keptMs }: ListBounds): Promise<void> {
    const stream = this.#prefix + key
    const until = Math.ceil((Date.now() + keptMs) / 1000)
    await this.#asked(async () => {
      await Promise.all(texts.map((text) => this.#client.xadd(stream, 'MAXLEN', '~', most, '*', 'text', text)))
      await this.#client.expireat(stream, until)
    })
  }

  async entriesAfter(key: string, position: string, most: number): Promise<readonly ListEntry[]> {
    const found = await this.#asked(() => this.#client.xread('COUNT', most, 'STREAMS', this.#prefix + key, position))
    return (found ?? []).flatMap(([, entries]) => entries.map(([at, fields]) => ({ position: at, text: fields[1] ?? '' })))
  }

  async text(key: string, longest: number): Promise<string | undefined> {
    try {
      const text = await this.#client.getrange(this.#prefix + key, 0, longest)
      return text === '' || text.length > longest ? undefined : text
    } catch (error) {
      if (error instanceof Error && error.message.startsWith('WRONGTYPE')) return undefined
      throw valkeyError(error)
    }
  }

  async setText(key: string, text: string, keptMs: number): Promise<void> {
    await this.#asked(() => this.#client.set(this.#prefix + key, text, 'PX', keptMs))
  }

  async lease(key: string, ms: number): Promise<boolean> {
    return (await this.#asked(() => this.#client.set(this.#prefix + key, '1', 'PX', ms, 'NX'))) === 'OK'
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
