// What gateways have asked of a Valkey, and what this cost it.
import type { Valkey } from '../peers/valkey.ts'

export interface ValkeyUse {
  /** Lookups of a record. */
  readonly lookups: number
  /** Records that were merged into the store. */
  readonly writes: number
  /** Microseconds of user and system time. */
  readonly cpu: number
}

/** Since the start of the server. A gateway reads a record with GETRANGE; the script that merges one uses other commands. */
export async function valkeyUse(valkey: Valkey): Promise<ValkeyUse> {
  const commands = await valkey.cli('info', 'commandstats')
  const calls = (command: string): number => Number(new RegExp(`^cmdstat_${command}:calls=(\\d+)`, 'm').exec(commands)?.[1] ?? 0)
  const times = await valkey.cli('info', 'cpu')
  const seconds = (key: string): number => Number(new RegExp(`^${key}:([\\d.]+)`, 'm').exec(times)?.[1] ?? 0)
  return {
    lookups: calls('getrange'),
    writes: calls('evalsha') + calls('eval'),
    cpu: (seconds('used_cpu_user') + seconds('used_cpu_sys')) * 1e6,
  }
}
