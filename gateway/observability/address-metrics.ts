// The metric of lost client addresses.
import { Gauge, type Registry } from 'prom-client'
import type { AddressReport, LossReason } from '../core/client-address/address-watch.ts'

const reasons: readonly LossReason[] = ['PrivateAddresses', 'OneAddress', 'OneNetwork']

/** One series for each reason. */
export function observeAddresses(registers: Registry[], report: () => AddressReport): void {
  const gauge: Gauge = new Gauge({
    name: 'postscreen_client_addresses_lost',
    help: '1 while almost all connections seem to come from private addresses, one address or one network, otherwise 0.',
    labelNames: ['reason'],
    registers,
    aggregator: 'max',
    collect: () => {
      const { loss } = report()
      for (const reason of reasons) gauge.set({ reason }, loss?.reason === reason ? 1 : 0)
    },
  })
}
