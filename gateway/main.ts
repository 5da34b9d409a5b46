// The gateway: listeners, sessions, relay, allowlist and admin server put together, and its life from the first policy to the end of the drain.
import { randomBytes } from 'node:crypto'
import type net from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { newScreening } from './core/clients.ts'
import type { Rules } from './core/rules.ts'
import type { DnsblAnswer, LogRecord } from './core/vocabulary.ts'
import { type InForce, inForce } from './in-force.ts'
import type { AllowlistStore } from './io/allowlist-store.ts'
import { memoryAllowlist } from './io/allowlist-memory.ts'
import { Backends } from './io/backends.ts'
import type { Connection, World } from './io/connection.ts'
import { DnsblResolver } from './io/dnsbl-resolver.ts'
import { formatEndpoint, parseEndpoint } from './io/endpoint-text.ts'
import { Linger } from './io/linger.ts'
import { listen } from './io/listener.ts'
import { type LoadedPolicy, type PolicyWatch, watchPolicy } from './io/policy-file.ts'
import { Reception } from './io/reception.ts'
import { handOff, type HandOff, type HandOffEvents } from './io/relay.ts'
import type { GatewayOptions } from './options.ts'

/** DNSBL questions that are on their way at once. */
const maxInFlight = 8192
const pollMs = 50
/** What is left to the last replies when the drain time is over. */
const lastRepliesMs = 2500

/** A gateway that runs. */
export interface Gateway {
  /** ADDR:PORT of each listening socket, also where port 0 was asked for. */
  readonly listening: readonly string[]
  readonly admin: string | undefined
  /** Reads the policy and certificates again, as SIGHUP asks. */
  reload(): void
  /** Stops accepting, lets sessions and relays end for at most `timeoutMs`, tells the rest to come again, and closes everything. */
  drain(timeoutMs: number): Promise<void>
}

/** Starts a gateway. Rejects with what is wrong: a policy with problems, a port in use, an unusable data directory. */
export async function startGateway(options: GatewayOptions): Promise<Gateway> {
  const gateway = new RunningGateway(options, memoryAllowlist())
  await gateway.open()
  return gateway
}

class RunningGateway implements Gateway {
  readonly #options: GatewayOptions
  readonly #store: AllowlistStore
  readonly #screening = newScreening()
  readonly #linger = new Linger(() => performance.now())
  readonly #relays = new Set<HandOff>()
  readonly #resolver: DnsblResolver
  readonly #reception: Reception
  #servers: readonly net.Server[] = []
  #watch: PolicyWatch | undefined
  #inForce: InForce | undefined
  #backends: Backends | undefined
  #world: World | undefined
  #draining = false

  constructor(options: GatewayOptions, store: AllowlistStore) {
    this.#options = options
    this.#store = store
    this.#resolver = new DnsblResolver({
      servers: [],
      timeoutMs: 10_000,
      queryTimeoutMs: 1500,
      attempts: 2,
      maxInFlight,
      observe: (client, answer) => this.#answered(client, answer),
    })
    this.#reception = new Reception({
      world: () => present(this.#world),
      rules: () => present(this.#inForce).reception,
      linger: this.#linger,
      warn: (session, text) => options.log.sessionWarning(session, text),
      idPrefix: `${randomBytes(4).toString('hex')}-`,
    })
  }

  get listening(): readonly string[] {
    return this.#servers.map(boundTo)
  }

  get admin(): string | undefined {
    return undefined
  }

  async open(): Promise<void> {
    await this.#firstPolicy()
    this.#servers = await this.#listen()
    this.#options.log.info(`listening on ${this.listening.join(', ')}`)
  }

  reload(): void {
    this.#watch?.reload()
  }

  async drain(timeoutMs: number): Promise<void> {
    this.#draining = true
    const deadline = performance.now() + timeoutMs
    for (const server of this.#servers) server.close()
    await until(() => this.#quiet(), deadline)
    this.#reception.shutDown()
    await until(() => this.#linger.size === 0, performance.now() + lastRepliesMs)
    this.#linger.close()
    this.#watch?.close()
    this.#backends?.close()
    this.#resolver.close()
    await this.#store.close()
  }

  #quiet(): boolean {
    return (
      this.#reception.connections.size === 0 && this.#reception.waitingForHeader === 0 && this.#relays.size === 0 && this.#linger.size === 0
    )
  }

  #firstPolicy(): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    this.#watch = watchPolicy(this.#options.policyFile, {
      onPolicy: (loaded) => {
        this.#apply(loaded)
        resolve()
      },
      onProblems: (problems) => {
        if (this.#inForce === undefined) reject(new PolicyRefused(this.#options.policyFile, problems))
        else for (const { path, why } of problems) this.#options.log.warning(`policy refused, the last good one stays: ${path}: ${why}`)
      },
    })
    return promise
  }

  #apply(loaded: LoadedPolicy): void {
    const next = inForce(loaded, this.#options)
    const backends = new Backends(next.backends, this.#backends)
    this.#backends?.close()
    this.#backends = backends
    this.#resolver.updateServers(next.dnsServers)
    this.#resolver.updateTimes(next.dnsTimes)
    this.#inForce = next
    this.#world = this.#makeWorld(next.rules, backends)
    const { name, generation } = next.policy.metadata
    this.#options.log.info(`policy ${name} is in force`, { policy: name, generation, hash: next.hash, mode: next.policy.spec.mode })
  }

  async #listen(): Promise<net.Server[]> {
    const { listen: asked } = this.#options
    const texts = asked !== undefined && asked.length > 0 ? asked : present(this.#inForce).policy.spec.listen.addresses
    const endpoints = texts.map((text) => parseEndpoint(text)).filter((endpoint) => endpoint !== undefined)
    return Promise.all(endpoints.map((endpoint) => listen(endpoint, this.#reception.accept)))
  }

  #makeWorld(rules: Rules, backends: Backends): World {
    const { log } = this.#options
    return {
      screening: this.#screening,
      linger: this.#linger,
      rules,
      tls: undefined,
      now: Date.now,
      recall: (key) => this.#store.get(key),
      remember: (key, record) => this.#store.put(key, record),
      lookup: (client, { dnsbl }, listener) => this.#resolver.lookup(client, dnsbl.domains, listener),
      relay: (sessionId, request, events) => this.#relay(sessionId, request, backends, events),
      log: (sessionId, record) => this.#happened(sessionId, record),
      tlsResult: () => undefined,
      ended: (connection: Connection) => this.#reception.forget(connection),
      bug: (sessionId, error) => log.sessionWarning(sessionId, `internal error: ${error instanceof Error ? error.stack : String(error)}`),
    }
  }

  #happened(sessionId: string, record: LogRecord): void {
    this.#options.log.session(sessionId, record)
  }

  #answered(client: string, answer: DnsblAnswer): void {
    this.#options.log.dnsbl(client, answer)
  }

  #relay(sessionId: string, request: HandOff, backends: Backends, events: HandOffEvents): void {
    this.#relays.add(request)
    handOff(request, backends, {
      onHandedOff: (backend) => events.onHandedOff(backend),
      onFailed: (how, reason, arrived) => {
        this.#relays.delete(request)
        this.#options.log.sessionWarning(
          sessionId,
          `cannot ${how === 'connect' ? 'connect' : 'pass connection'} to service smtpd: ${reason}`,
        )
        events.onFailed(how, reason, arrived)
      },
      onEnd: (stats) => {
        this.#relays.delete(request)
        events.onEnd(stats)
      },
    })
  }
}

/** The policy cannot be used; the message has every problem on a line of its own. */
export class PolicyRefused extends Error {
  constructor(file: string, problems: readonly { readonly path: string; readonly why: string }[]) {
    super(problems.map(({ path, why }) => `${file}: ${path}: ${why}`).join('\n'))
  }
}

/** What must have been set by now. */
function present<T>(value: T | undefined): T {
  if (value === undefined) throw new Error('the gateway has no policy yet')
  return value
}

function boundTo(server: net.Server): string {
  const { address, port } = server.address() as net.AddressInfo
  return formatEndpoint({ address, port })
}

async function until(done: () => boolean, deadline: number): Promise<void> {
  while (!done() && performance.now() < deadline) await sleep(pollMs)
}
