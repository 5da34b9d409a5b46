// Rolling restarts under load: three gateways with one Valkey and two Postfixes behind them; all gateways are replaced, then both Postfixes, over and over.
import { setTimeout as sleep } from 'node:timers/promises'
import { gatewayFlags } from '../laboratory/gateway-flags.ts'
import { startRbldnsd } from '../peers/rbldnsd.ts'
import { startValkey } from '../peers/valkey.ts'
import { Arrivals, type Tally } from '../laboratory/arrivals.ts'
import { Fleet } from './fleet.ts'
import { seedKnownClients } from './known-clients.ts'
import { legitimate, mixedSpec, zombies } from '../laboratory/mixed-clients.ts'
import { RollingPostfix } from './rolling-postfix.ts'

export interface RolloutOptions {
  readonly perSecond: number
  /** Rounds are begun until this much time is over; at least one. */
  readonly seconds: number
  /** `--drain-delay` of the gateways. */
  readonly delaySeconds: number
  /** How late the nodes learn that a gateway is no longer ready. */
  readonly lagMs: number
  readonly say?: (text: string) => void
}

export interface RolloutOutcome {
  readonly tallies: ReadonlyMap<string, Tally>
  readonly came: number
  readonly seconds: number
  readonly gatewaysReplaced: number
  readonly postfixesReplaced: number
  /** Exit codes of the gateways that were replaced. */
  readonly exitCodes: readonly (number | null)[]
  /** From SIGTERM to the end, the longest. */
  readonly longestDrainMs: number
  /** Lines of the gateways' logs that report a mistake of ours. */
  readonly internalErrors: number
}

/** The time that legitimate clients are alone with gateways and Postfixes that all are well, at both ends. */
const calmMs = 1500
const goneMs = 1500

export async function rollout(options: RolloutOptions): Promise<RolloutOutcome> {
  const { perSecond, seconds, delaySeconds, lagMs, say = () => undefined } = options
  const began = performance.now()
  const rbldnsd = await startRbldnsd()
  const valkey = await startValkey()
  const postfixes = [await RollingPostfix.start(), await RollingPostfix.start()]
  await seedKnownClients(valkey)
  const spec = {
    ...mixedSpec,
    backend: { addresses: postfixes.map(({ address }) => address) },
    allowlist: { store: 'Valkey', valkey: { addresses: [valkey.address] } },
  }
  const flags = ['--resolver', `${rbldnsd.address}:53`, '--drain-delay', `${delaySeconds}s`, '--drain-timeout', '60s']
  const fleet = await Fleet.start(3, { spec, flags, nodeFlags: gatewayFlags }, { lagMs })
  const started = performance.now()
  say(`three gateways, two Postfixes and a Valkey are there after ${((started - began) / 1000).toFixed(0)} s`)
  const arrivals = new Arrivals({ kinds: [...zombies, ...legitimate], perSecond, port: () => fleet.endpoints.port() })
  const ends: { readonly code: number | null; readonly ms: number }[] = []
  let postfixesReplaced = 0
  await sleep(calmMs)
  do {
    ends.push(...(await fleet.roll()))
    say(`all gateways replaced (${ends.length} so far), ${arrivals.came} clients so far`)
    for (const postfix of postfixes) {
      await postfix.roll(goneMs)
      postfixesReplaced++
    }
    say(`both Postfixes replaced, ${arrivals.came} clients so far`)
  } while (performance.now() - started < seconds * 1000)
  await sleep(calmMs)
  await arrivals.stop()
  const internalErrors = fleet.gateways.filter((gateway) => gateway.output().includes('internal error')).length
  const outcome = {
    tallies: arrivals.tallies,
    came: arrivals.came,
    seconds: (performance.now() - started) / 1000,
    gatewaysReplaced: ends.length,
    postfixesReplaced,
    exitCodes: ends.map(({ code }) => code),
    longestDrainMs: Math.max(...ends.map(({ ms }) => ms)),
    internalErrors,
  }
  await fleet.stop()
  await Promise.all([rbldnsd.stop(), valkey.stop(), ...postfixes.map((postfix) => postfix.stop())])
  return outcome
}
