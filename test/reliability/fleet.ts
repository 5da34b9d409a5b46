// Several gateways as a Deployment has them: replaced one by one, killed and started again, with a table of those that are ready.
import { setTimeout as sleep } from 'node:timers/promises'
import { type GatewayOptions, type GatewayProcess, startGatewayProcess } from '../peers/gateway.ts'
import { untilHolds } from '../support/until-holds.ts'
import { type EndpointsOptions, ReadyEndpoints } from './ready-endpoints.ts'

export class Fleet {
  readonly endpoints: ReadyEndpoints
  readonly #options: GatewayOptions
  #gateways: GatewayProcess[] = []

  private constructor(options: GatewayOptions, endpoints: EndpointsOptions) {
    this.#options = options
    this.endpoints = new ReadyEndpoints(endpoints)
  }

  /** Starts so many and waits until all are ready. */
  static async start(count: number, options: GatewayOptions, endpoints: EndpointsOptions = {}): Promise<Fleet> {
    const fleet = new Fleet(options, endpoints)
    await Promise.all(Array.from({ length: count }, () => fleet.#another()))
    return fleet
  }

  get gateways(): readonly GatewayProcess[] {
    return this.#gateways
  }

  /**
   * A rolling update with maxSurge 1 and maxUnavailable 0: for each gateway another one is started, and SIGTERM comes when that one is ready.
   * @returns exit codes of the old ones and how long each took to end
   */
  async roll(): Promise<readonly { readonly code: number | null; readonly ms: number }[]> {
    const ends: Promise<{ code: number | null; ms: number }>[] = []
    for (const old of [...this.#gateways]) {
      await this.#another()
      ends.push(this.#retire(old))
    }
    return Promise.all(ends)
  }

  /** kill -9 of one, and another one in its place. That the killed one is gone, the table finds out by itself. */
  async kill(gateway: GatewayProcess): Promise<void> {
    gateway.signal('SIGKILL')
    await gateway.exit
    this.#gateways = this.#gateways.filter((other) => other !== gateway)
    await this.#another()
    this.endpoints.remove(gateway)
    await gateway.stop()
  }

  async stop(): Promise<void> {
    this.endpoints.close()
    await Promise.all(this.#gateways.map((gateway) => gateway.stop()))
  }

  async #another(): Promise<void> {
    const gateway = await startGatewayProcess(this.#options)
    this.#gateways.push(gateway)
    this.endpoints.add(gateway)
    let hasEnded = false
    void gateway.exit.then(() => (hasEnded = true))
    // It may be killed as soon as it is ready, before the next look.
    await untilHolds('the new gateway is ready', () => hasEnded || this.endpoints.ready.includes(gateway))
  }

  async #retire(gateway: GatewayProcess): Promise<{ code: number | null; ms: number }> {
    const began = performance.now()
    this.#gateways = this.#gateways.filter((other) => other !== gateway)
    gateway.signal('SIGTERM')
    const code = await Promise.race([gateway.exit, sleep(120_000, -1, { ref: false })])
    const ms = performance.now() - began
    this.endpoints.remove(gateway)
    await gateway.stop()
    return { code, ms }
  }
}
