// The release's operator as one pod that is started and ended at a chosen moment, and what its metrics say.
import { eventually, kubectl, list } from './kubectl.ts'
import { system } from './release.ts'

const selector = 'app.kubernetes.io/component=operator'

/** Ends the release's operator; then no operator reconciles policies. */
export async function endOperator(): Promise<void> {
  await kubectl('scale', 'deployment/postscreen-operator', '-n', system, '--replicas=0')
  await kubectl('wait', '--for=delete', 'pods', '-n', system, '-l', selector, '--timeout=180s')
}

/** The release's usual two. */
export async function restoreOperators(): Promise<void> {
  await kubectl('scale', 'deployment/postscreen-operator', '-n', system, '--replicas=2')
  await kubectl('rollout', 'status', 'deployment/postscreen-operator', '-n', system, '--timeout=300s')
}

export class OperatorPod {
  readonly #address: string
  /** When its process was started, in milliseconds since 1970. */
  readonly startedAt: number

  private constructor(address: string, startedAt: number) {
    this.#address = address
    this.startedAt = startedAt
  }

  /** Starts one, where there is none. */
  static async start(): Promise<OperatorPod> {
    await kubectl('scale', 'deployment/postscreen-operator', '-n', system, '--replicas=1')
    return eventually('an operator', async () => {
      const [pod] = await list('pods', system, '-l', selector)
      const running = pod?.status.containerStatuses?.[0]?.state.running
      return running !== undefined && new OperatorPod(pod.status.podIP, Date.parse(running.startedAt))
    })
  }

  /** What its metrics say, by the name with its labels. */
  async metrics(): Promise<ReadonlyMap<string, number>> {
    const text = await (await fetch(`http://${this.#address}:8080/metrics`)).text()
    return new Map(
      text.split('\n').flatMap((line): [string, number][] => {
        const blank = line.lastIndexOf(' ')
        return /^[a-z]/.test(line) ? [[line.slice(0, blank), Number(line.slice(blank + 1))]] : []
      }),
    )
  }

  /** Requests to the API server so far, by verb and resource. */
  async requests(): Promise<ReadonlyMap<string, number>> {
    const counts = new Map<string, number>()
    for (const [name, value] of await this.metrics()) {
      const [, verb, resource] = /^rest_client_requests_total\{verb="(\w+)",resource="(\w+)"/.exec(name) ?? []
      if (verb !== undefined) counts.set(`${verb} ${resource}`, (counts.get(`${verb} ${resource}`) ?? 0) + value)
    }
    return counts
  }

  /** How often the kubelet has started the container again. */
  async restarts(): Promise<number> {
    const [pod] = await list('pods', system, '-l', selector)
    return pod?.status.containerStatuses?.[0]?.restartCount ?? Number.NaN
  }

  async residentBytes(): Promise<number> {
    return (await this.metrics()).get('process_resident_memory_bytes') ?? 0
  }
}
