// Whether a fault shows where an operator of the gateway looks: in the log since it began, and in the metrics while it lasts.
import { closeSync, openSync, readSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Fleet } from './fleet.ts'
import type { Fault } from './soak-faults.ts'
import type { Scene } from './soak-scene.ts'

export interface Watch {
  /** What does not show, or shows and should not, once that has had some time. */
  missing(): Promise<readonly string[]>
}

/** The fault lasts meanwhile. Its line may be late on a busy machine. */
const patienceMs = 60_000

/** To be called before the fault begins. */
export function watchFor({ what, says, shows, never }: Fault, { fleet }: Scene): Watch {
  const logs = fleet.gateways.map(({ folder }) => join(folder, 'log'))
  const from = logs.map((file) => statSync(file).size)
  const metrics = (): Promise<readonly string[]> => metricsOf(fleet)
  const now = async (): Promise<readonly string[]> => {
    const written = says === undefined || logs.some((file, at) => says.test(textFrom(file, from[at] ?? 0)))
    const pages = shows === undefined && never === undefined ? [] : await metrics()
    return [
      ...(written ? [] : [`${what}: not in the log: ${says}`]),
      ...(shows === undefined || pages.some((page) => shows.test(page)) ? [] : [`${what}: not in the metrics: ${shows}`]),
      ...(never !== undefined && pages.some((page) => never.test(page)) ? [`${what}: in the metrics: ${never}`] : []),
    ]
  }
  const missing = async (): Promise<readonly string[]> => {
    for (const deadline = performance.now() + patienceMs; ; await sleep(200)) {
      const found = await now()
      if (found.length === 0 || performance.now() > deadline) return found
    }
  }
  return { missing }
}

/**
 * Each gateway's /metrics, on a connection that does not stay: what the gateways hold in the end is compared with what they held before.
 * Empty where a gateway has no descriptor for this connection just then.
 */
const metricsOf = (fleet: Fleet): Promise<readonly string[]> =>
  Promise.all(
    fleet.gateways.map(async ({ admin }) => {
      try {
        return await (await fetch(`${admin}/metrics`, { headers: { connection: 'close' } })).text()
      } catch {
        return ''
      }
    }),
  )

/** Waits until no gateway says that a DNS list fails, while clients go on to come. */
export async function untilListsWork({ fleet }: Scene): Promise<void> {
  for (const deadline = performance.now() + 120_000; performance.now() < deadline; await sleep(500)) {
    if ((await metricsOf(fleet)).every((page) => page !== '' && !listFailing.test(page))) return
  }
}

export const listFailing = /^postscreen_dnsbl_list_failing\{zone_id="[^"]+"\} 1$/m

/** How often each gateway's log has a line that begins an episode of a DNS list, and how often one that ends it. */
export function listEpisodes({ fleet }: Scene): readonly { readonly begun: number; readonly ended: number }[] {
  return fleet.gateways.map(({ folder }) => {
    const text = textFrom(join(folder, 'log'), 0)
    return { begun: text.split(/DNS list \S+ fails: /).length - 1, ended: text.split(/DNS list \S+ works again after /).length - 1 }
  })
}

/** Tests of DNS lists that have found them healthy, at all gateways. */
export async function listsFoundHealthy({ fleet }: Scene): Promise<number> {
  const samples = (await metricsOf(fleet)).flatMap((page) => [
    ...page.matchAll(/^postscreen_dnsbl_tests_total\{[^}]*result="healthy"[^}]*\} (\d+)$/gm),
  ])
  return samples.reduce((sum, [, count]) => sum + Number(count), 0)
}

/** Lines that say that a DNS list cannot be trusted. */
export function listAlarms({ fleet }: Scene): readonly string[] {
  return fleet.gateways.flatMap(
    ({ folder }) => textFrom(join(folder, 'log'), 0).match(/.*(DNS list \S+ is|DNS lists are) not healthy.*/g) ?? [],
  )
}

/** Lines that say that the addresses of clients are lost. */
export function addressAlarms({ fleet }: Scene): readonly string[] {
  return fleet.gateways.flatMap(({ folder }) => textFrom(join(folder, 'log'), 0).match(/.*the addresses of clients are lost.*/g) ?? [])
}

function textFrom(file: string, offset: number): string {
  const bytes = Buffer.alloc(Math.max(0, statSync(file).size - offset))
  const open = openSync(file, 'r')
  try {
    return bytes.toString('latin1', 0, readSync(open, bytes, 0, bytes.length, offset))
  } finally {
    closeSync(open)
  }
}
