// The bans of a gateway with several workers, which all have the same; each has refused visits of its own.
import type { BanAnswer, BanChange, BanEntry, BanPage } from '../../bans/ban-page.ts'
import type { AskedWorker } from './workers-explain.ts'

/** Undefined if no worker has bans. */
export async function bansOfWorkers(workers: readonly AskedWorker[]): Promise<BanPage | undefined> {
  const pages = await Promise.all(workers.map(async ({ process }) => process?.ask({ what: 'bans' })))
  const known = pages.filter((page) => page !== undefined)
  if (known.length === 0) return undefined
  const all = new Map<string, BanEntry>()
  for (const entry of known.flatMap(({ bans }) => bans)) {
    const other = all.get(entry.network)
    const longer = other === undefined || entry.until > other.until ? entry : other
    all.set(entry.network, { ...longer, refused: entry.refused + (other?.refused ?? 0) })
  }
  return { bans: [...all.values()] }
}

/** One worker makes the change, and tells the others. */
export async function changeBansOfWorkers(workers: readonly AskedWorker[], change: BanChange): Promise<BanAnswer> {
  for (const { process } of workers) {
    const answer = await process?.ask({ what: 'changeBans', change })
    if (answer !== undefined) return answer
  }
  return { code: 503, text: 'no worker is running' }
}
