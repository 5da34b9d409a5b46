// The work of one leadership. Nothing of it outlives the leadership: when this process leads again, it begins with an
// empty memory and reads everything from the cluster, as a new process does.
import { Controller } from './controller.ts'
import type { Settings } from './desired/settings.ts'
import { EventReporter } from './event-reporter.ts'
import type { Ask } from './gateways/ask.ts'
import { EventRecorder } from './kube/event-recorder.ts'
import type { KubeClient } from './kube/kube-client.ts'
import { describeError } from './kube/kube-error.ts'
import { leaderClient } from './kube/leader-client.ts'
import type { OperatorMetrics } from './operator-metrics.ts'
import type { OperatorOptions } from './operator-options.ts'
import type { WatchedPolicy } from './live/operator-state.ts'
import { type RecentEvent, RecentEvents } from './live/recent-events.ts'
import { PolicyMemories } from './policy-memory.ts'

export interface TermParts {
  readonly options: OperatorOptions
  /** The client of the process, which a term does not close. */
  readonly client: KubeClient
  readonly metrics: OperatorMetrics
  readonly ask: Ask
  /** The cluster assigns users to pods. */
  readonly usersAreAssigned: boolean
  /** Whether this process leads at this moment. */
  readonly isLeading: () => boolean
}

export class Term {
  readonly #parts: TermParts
  readonly #controller: Controller
  readonly #events: EventRecorder
  readonly #recent: RecentEvents
  /** Epoch milliseconds. */
  readonly began = Date.now()
  readonly #over = new AbortController()
  #ended: Promise<void> | undefined

  /** Starts to watch and to work. */
  constructor(parts: TermParts) {
    this.#parts = parts
    const { options, metrics, ask, isLeading } = parts
    const { log } = options
    const client = leaderClient(parts.client, { isLeading, over: this.#over.signal })
    const memories = new PolicyMemories()
    this.#events = new EventRecorder({
      client,
      controller: 'postscreen.dev/operator',
      instance: options.election?.identity ?? 'postscreen-operator',
      onTrouble: (text) => log.debug(text),
    })
    this.#recent = new RecentEvents(this.#events, Date.now)
    this.#controller = new Controller({
      client,
      namespaces: options.namespaces,
      settings: { ...settingsOf(options), usersAreAssigned: parts.usersAreAssigned },
      instance: options.instance,
      ask,
      workers: options.workers,
      resyncMs: options.resyncMs,
      memories,
      reporter: new EventReporter(this.#recent, metrics, log, memories),
      queueObserver: metrics.queue,
      onError: (key, error) => this.#tell(() => log.warn({ policy: key }, `the pass failed and will be retried: ${describeError(error)}`)),
      onTrouble: (text) => this.#tell(() => log.warn(text)),
    })
    this.#controller.start().then(
      () => log.info(`${this.#controller.policies.length} policies found`),
      // It was stopped before the watches were complete.
      () => undefined,
    )
  }

  /** The policies, and the pods of their gateways. */
  watched(): readonly WatchedPolicy[] {
    return this.#controller.watched()
  }

  /** The last events, the newest first. */
  recentEvents(): readonly RecentEvent[] {
    return this.#recent.list()
  }

  get depth(): number {
    return this.#controller.depth
  }

  get progress(): Controller['progress'] {
    return this.#controller.progress
  }

  lastHeard(): ReturnType<Controller['lastHeard']> {
    return this.#controller.lastHeard()
  }

  /** Finishes the work in progress. Resolves when it has ended and the waiting events have been sent. */
  end(): Promise<void> {
    return (this.#ended ??= this.#end())
  }

  /** Aborts the work in progress: this process no longer leads. Resolves when all of it has ended. */
  abort(): Promise<void> {
    this.#over.abort()
    return this.end()
  }

  async #end(): Promise<void> {
    await this.#controller.stop()
    await this.#events.close()
    this.#parts.metrics.forgetAll()
  }

  /** The errors of aborted work say nothing. */
  #tell(write: () => void): void {
    if (!this.#over.signal.aborted) write()
  }
}

const settingsOf = ({ gatewayImage, gatewayPullSecrets, ownNamespace, metricsFrom, tenants }: OperatorOptions): Settings => ({
  image: gatewayImage,
  pullSecrets: gatewayPullSecrets,
  operatorNamespace: ownNamespace,
  metricsFrom,
  tenants,
})
