// The senders of a gateway process: keeps their networks, and reports on them in log and metrics.
import type { Network } from '../../crds/values/network.ts'
import { systemClock } from '../../runtime/clock.ts'
import type { ValkeyConnection } from '../allowlist/valkey-connection.ts'
import type { SenderRule } from '../core/spf/senders-of-policy.ts'
import { spfBounds } from '../core/spf/spf-bounds.ts'
import type { Log } from '../observability/log.ts'
import type { Metrics } from '../observability/metrics.ts'
import type { AskDns } from './resolve-spf.ts'
import { logRefresh, type SenderReport, senderReport } from './sender-report.ts'
import { SharedSenders } from './shared-senders.ts'
import { spfFile } from './spf-file.ts'
import { SpfKeeper } from './spf-keeper.ts'
import { alone, type SpfChannel, type SpfMessage } from './spf-sharing.ts'

export interface GatewaySendersOptions {
  readonly ask: AskDns
  /** Undefined: the only process of its gateway. */
  readonly channel: SpfChannel | undefined
  /** Undefined: results are kept in memory. */
  readonly dataDir: string | undefined
  readonly connection: () => ValkeyConnection | undefined
  /** Whether the policy has a shared server. */
  readonly isShared: () => boolean
  readonly log: Log
  readonly metrics: Metrics
  /** The permitted networks are others now. */
  readonly changed: (networks: ReadonlyMap<string, readonly Network[]>) => void
}

export class GatewaySenders {
  readonly #keeper: SpfKeeper

  constructor({ ask, channel = alone, dataDir, connection, isShared, log, metrics, changed }: GatewaySendersOptions) {
    const warn = (text: string): void => log.warning(text)
    this.#keeper = new SpfKeeper({
      ask,
      bounds: spfBounds,
      channel,
      file: dataDir === undefined ? undefined : spfFile(dataDir),
      shared: new SharedSenders({ isConfigured: isShared, connection, bounds: spfBounds, info: (text) => log.info(text), warn }),
      events: {
        changed,
        refreshed(before, after, found) {
          if (!found) return
          logRefresh(log, before, after)
          metrics.senderRefreshed(after.domain, after.problem?.reason)
        },
        warn,
      },
      now: systemClock.now,
      date: Date.now,
      random: Math.random,
    })
  }

  use(rules: readonly SenderRule[]): void {
    this.#keeper.use(rules)
  }

  hear(message: SpfMessage): void {
    this.#keeper.hear(message)
  }

  /** What is permitted now, by domain. */
  get networks(): ReadonlyMap<string, readonly Network[]> {
    return this.#keeper.permitted.networks
  }

  reports(): readonly SenderReport[] {
    const { leftOut } = this.#keeper.permitted
    return this.#keeper.senders().map((sender) => senderReport(sender, leftOut.get(sender.domain), Date.now()))
  }

  close(): Promise<void> {
    return this.#keeper.close()
  }
}
