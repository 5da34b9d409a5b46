// Where a gateway has handed off its clients, from its log in JSON.
import { setTimeout as sleep } from 'node:timers/promises'
import type { GatewayProcess } from '../peers/gateway.ts'

export interface HandOff {
  readonly client: { readonly address: string; readonly port: number }
  readonly backend: string
  readonly at: 'greeting' | 'RCPT' | 'STARTTLS' | 'STARTTLS, not tested'
}

/** @param client an address; without a port */
export function handOffs(gateway: GatewayProcess, client: string): readonly HandOff[] {
  return gateway
    .output()
    .split('\n')
    .filter((line) => line.includes('"HANDED OFF"') && line.includes(`"${client}"`))
    .map((line) => JSON.parse(line) as HandOff)
}

/** Waits until the log has so many of them, at most ten seconds. */
export async function untilHandedOff(gateway: GatewayProcess, client: string, count: number): Promise<void> {
  for (const end = performance.now() + 10_000; handOffs(gateway, client).length < count && performance.now() < end;) await sleep(20)
}
