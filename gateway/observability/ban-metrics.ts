// Metrics of bans, read when they are requested. What sessions do is counted in session-metrics.ts.
import { Counter, Gauge, type Registry } from 'prom-client'
import type { BanStatus } from '../bans/ban-keeper.ts'

/** @param read undefined without bans in the policy */
export function observeBans(registers: Registry[], read: () => BanStatus | undefined): void {
  // All workers have the same bans.
  const active: Gauge = new Gauge({
    name: 'postscreen_banned_networks',
    help: 'Networks that are banned now.',
    registers,
    aggregator: 'max',
    collect: () => active.set(read()?.active ?? 0),
  })
  const waiting: Gauge = new Gauge({
    name: 'postscreen_bans_pending_writes',
    help: 'Bans and removals that the shared store does not have yet.',
    registers,
    collect: () => waiting.set(read()?.waiting ?? 0),
  })
  const dropped: Counter = new Counter({
    name: 'postscreen_bans_dropped_total',
    help: 'Bans and failing networks that made room for others because the table was full.',
    registers,
    collect: () => {
      dropped.reset()
      dropped.inc(read()?.dropped ?? 0)
    },
  })
}
