// What kube-proxy does, without a kernel: new connections go in turn to the gateways that say they are ready, those that stand stay where they are.
import { setTimeout as sleep } from 'node:timers/promises'
import type { GatewayProcess } from '../peers/gateway.ts'

export interface EndpointsOptions {
  /** Between two looks at a gateway's /readyz. */
  readonly everyMs?: number
  /** How long after a look its result has reached every node. */
  readonly lagMs?: number
}

/** As the operator's pods have it: two probes, two seconds apart. */
const probesMs = 3000

/** The table of ready gateways, as stale as one of a cluster. */
export class ReadyEndpoints {
  readonly #everyMs: number
  readonly #lagMs: number
  readonly #watches = new Map<GatewayProcess, NodeJS.Timeout>()
  /** Asking a gateway for its port reads its log. */
  readonly #ports = new Map<GatewayProcess, number>()
  readonly #failingSince = new Map<GatewayProcess, number>()
  #ready: readonly GatewayProcess[] = []
  #turn = 0
  #isPaused = false
  #asking = 0

  constructor({ everyMs = 100, lagMs = 0 }: EndpointsOptions = {}) {
    this.#everyMs = everyMs
    this.#lagMs = lagMs
  }

  get ready(): readonly GatewayProcess[] {
    return this.#ready
  }

  add(gateway: GatewayProcess): void {
    this.#ports.set(gateway, gateway.port)
    this.#watches.set(
      gateway,
      setInterval(() => void this.#look(gateway), this.#everyMs),
    )
  }

  remove(gateway: GatewayProcess): void {
    clearInterval(this.#watches.get(gateway))
    this.#watches.delete(gateway)
    this.#ports.delete(gateway)
    this.#failingSince.delete(gateway)
    this.#set(gateway, false)
  }

  /** The port for the next connection; undefined when no gateway is ready. */
  port(): number | undefined {
    const next = this.#ready[this.#turn++ % Math.max(1, this.#ready.length)]
    return next === undefined ? undefined : this.#ports.get(next)
  }

  close(): void {
    for (const gateway of this.#watches.keys()) this.remove(gateway)
  }

  /** Asks no gateway until `resume`, so that what a gateway holds can be counted without these connections. */
  async pause(): Promise<void> {
    this.#isPaused = true
    while (this.#asking > 0) await sleep(20)
  }

  resume(): void {
    this.#isPaused = false
  }

  async #look(gateway: GatewayProcess): Promise<void> {
    if (this.#isPaused) return
    this.#asking++
    const says = await ask(gateway)
    this.#asking--
    const isReady = this.#judge(gateway, says)
    if (this.#lagMs === 0) this.#know(gateway, isReady)
    else setTimeout(() => this.#know(gateway, isReady), this.#lagMs)
  }

  /**
   * What ends, and what is dead, is known to a cluster at once; that a gateway is not ready for other reasons takes two probes. No answer in time
   * says something about the machine that runs the test.
   */
  #judge(gateway: GatewayProcess, says: Answer): boolean {
    if (says === 'no answer') return this.#ready.includes(gateway)
    if (says !== 'not ready') {
      this.#failingSince.delete(gateway)
      return says === 'ready'
    }
    const since = this.#failingSince.get(gateway) ?? performance.now()
    this.#failingSince.set(gateway, since)
    return this.#ready.includes(gateway) && performance.now() - since < probesMs
  }

  #know(gateway: GatewayProcess, isReady: boolean): void {
    if (this.#watches.has(gateway)) this.#set(gateway, isReady)
  }

  #set(gateway: GatewayProcess, isReady: boolean): void {
    if (this.#ready.includes(gateway) === isReady) return
    this.#ready = isReady ? [...this.#ready, gateway] : this.#ready.filter((other) => other !== gateway)
  }
}

type Answer = 'ready' | 'not ready' | 'ending' | 'no answer'

async function ask({ admin }: GatewayProcess): Promise<Answer> {
  try {
    // A connection for each look, as a kubelet has it: kept ones would count among what the gateway holds.
    const answer = await fetch(`${admin}/readyz`, { headers: { connection: 'close' }, signal: AbortSignal.timeout(2000) })
    const text = await answer.text()
    if (answer.ok) return 'ready'
    return text.includes('draining') ? 'ending' : 'not ready'
  } catch (error) {
    return error instanceof DOMException ? 'no answer' : 'ending'
  }
}
