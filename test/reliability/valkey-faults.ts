// What clients of two gateways wait while their Valkey is killed, held still, full, or cut off. Needs a network of its own (own-network.ts).
import { setTimeout as sleep } from 'node:timers/promises'
import { loopbackAddress } from '../laboratory/clients.ts'
import { quantile } from '../laboratory/figures.ts'
import { gatewayFlags } from '../laboratory/gateway-flags.ts'
import { startMailSink } from '../laboratory/mail-sink.ts'
import { residentBytes } from '../laboratory/process-use.ts'
import { permits, permitted, polite } from '../laboratory/scripts.ts'
import type { GatewayProcess } from '../peers/gateway.ts'
import { startValkey, type Valkey } from '../peers/valkey.ts'
import { untilHolds } from '../support/until-holds.ts'
import { Arrivals, type Kind, type Tally } from '../laboratory/arrivals.ts'
import { Fleet } from './fleet.ts'
import { seedKnownClients } from './known-clients.ts'
import { known, mixedSpec } from '../laboratory/mixed-clients.ts'
import { heal, partition } from './own-network.ts'

export interface ValkeyFaultsOptions {
  readonly perSecond: number
  /** Of each phase. */
  readonly seconds: number
  readonly say?: (text: string) => void
}

export interface Phase {
  readonly what: string
  readonly came: number
  /** Clients that were not served, and why. */
  readonly wrong: Readonly<Record<string, number>>
  /** Milliseconds from the call to the first word, of those about whom the Valkey is asked. */
  readonly firstWordMs: { readonly p50: number; readonly p99: number; readonly longest: number }
  /**
   * How much higher the p99 is than that of clients of the access list, which come at the same time and for which the
   * Valkey is not asked. So what the machine does to all clients is left out.
   */
  readonly addedMs: number
  /** Of the known ones, those that were tested again; percent. */
  readonly testedAgain: number
}

export interface ValkeyFaultsOutcome {
  readonly phases: readonly Phase[]
  /** Milliseconds from the end of the last fault until all that was learnt is written. */
  readonly writtenAfterMs: number
  /** Clients that passed in a fault and of which the Valkey does not know in the end. */
  readonly notWritten: number
  /** Resident bytes of the larger gateway after the first phase and in the end. */
  readonly residentBytes: readonly [number, number]
}

const newAddress = (nth: number): string => loopbackAddress(67, nth)

interface Fault {
  readonly what: string
  readonly strike: (valkey: Valkey) => unknown
}

const faults: readonly Fault[] = [
  { what: 'all well', strike: () => undefined },
  { what: 'held still (SIGSTOP)', strike: (valkey) => valkey.signal('SIGSTOP') },
  { what: 'goes on (SIGCONT)', strike: (valkey) => valkey.signal('SIGCONT') },
  { what: 'cut off (packets dropped)', strike: ({ port }) => partition(port) },
  { what: 'reachable again', strike: () => heal() },
  { what: 'full (maxmemory)', strike: (valkey) => valkey.cli('config', 'set', 'maxmemory', '1') },
  { what: 'no longer full', strike: (valkey) => valkey.cli('config', 'set', 'maxmemory', '0') },
  { what: 'killed', strike: (valkey) => valkey.kill() },
  { what: 'started again, empty', strike: (valkey) => valkey.restart() },
]

export async function valkeyFaults({ perSecond, seconds, say = () => undefined }: ValkeyFaultsOptions): Promise<ValkeyFaultsOutcome> {
  // Outside the range of the ports of clients: a rule for the Valkey's port must match nothing else.
  const valkey = await startValkey({ port: 6379 })
  const sink = await startMailSink('header')
  await seedKnownClients(valkey)
  const spec = { ...mixedSpec, dnsbl: {}, access: permits }
  const allowlist = { store: 'Valkey', valkey: { addresses: [valkey.address] } }
  const flags = ['--backend', `127.0.0.1:${sink.port}`]
  const fleet = await Fleet.start(2, { spec: { ...spec, allowlist }, flags, nodeFlags: gatewayFlags })
  const phases: Phase[] = []
  // Each phase has others: a gateway remembers by itself who came in the last minute.
  let acquaintances = 0
  let strangers = 0
  // Before the first word both wait only for the Valkey; those that are tested wait for their greeting after it.
  const kinds: readonly Kind[] = [
    { what: 'is known', share: 5, client: () => ({ from: known(acquaintances++), script: polite }), heard: /^221 /m },
    { what: 'is permitted', share: 2, client: (nth) => ({ from: permitted(nth), script: polite }), heard: /^221 /m },
    { what: 'is new', share: 1, client: () => ({ from: newAddress(strangers++), script: polite }), heard: /^221 /m },
  ]
  const play = async ({ what, strike }: Fault): Promise<void> => {
    const before = await passes(fleet)
    const arrivals = new Arrivals({ kinds, perSecond, port: () => fleet.endpoints.port() })
    await strike(valkey)
    await sleep(seconds * 1000)
    await arrivals.stop()
    const phase = summary(what, arrivals.tallies, (await passes(fleet)) - before)
    phases.push(phase)
    say(phaseLine(phase))
  }
  // V8 compiles what will be, so that the next phase is what the others are compared with.
  await play({ what: 'warming up', strike: () => undefined })
  phases.length = 0
  const memory = (): number => Math.max(...fleet.gateways.map(({ pid }) => residentBytes(pid)))
  let residentBefore = 0
  for (const fault of faults) {
    await play(fault)
    if (residentBefore === 0) residentBefore = memory()
  }
  const began = performance.now()
  await untilHolds('all is written', async () => (await pendingWrites(fleet)) === 0)
  const writtenAfterMs = performance.now() - began
  // Those of the last two phases: the restart has emptied it.
  const lastNew = phases
    .slice(-2)
    .map(({ came }) => Math.floor(came / 6))
    .reduce((sum, count) => sum + count)
  const recent = Array.from({ length: lastNew }, (_, i) => `postscreen:${newAddress(strangers - 1 - i)}`)
  const notWritten = recent.length - Number(await valkey.cli('exists', ...recent))
  const outcome = { phases, writtenAfterMs, notWritten, residentBytes: [residentBefore, memory()] as const }
  await fleet.stop()
  await valkey.stop()
  sink.stop()
  return outcome
}

export function phaseLine({ what, came, firstWordMs, addedMs, testedAgain, wrong }: Phase): string {
  const { p50, p99, longest } = firstWordMs
  const times = `first word p50 ${p50.toFixed(1)} p99 ${p99.toFixed(1)} longest ${longest.toFixed(1)} ms, p99 added ${addedMs.toFixed(1)} ms`
  return `${what.padEnd(28)} ${String(came).padStart(6)} clients, ${times}, ${testedAgain.toFixed(0)} % of the known tested again, wrong: ${JSON.stringify(wrong)}`
}

function summary(what: string, tallies: ReadonlyMap<string, Tally>, passedNew: number): Phase {
  const of = (kind: string): Pick<Tally, 'came' | 'firstWordMs'> => tallies.get(kind) ?? { came: 0, firstWordMs: [] }
  const [old, fresh, exempt] = [of('is known'), of('is new'), of('is permitted')]
  const words = [...old.firstWordMs, ...fresh.firstWordMs]
  const wrong = Object.fromEntries([...tallies].flatMap(([kind, tally]) => [...tally.wrong].map(([how, n]) => [`${kind}: ${how}`, n])))
  const p99 = quantile(words, 0.99)
  return {
    what,
    came: old.came + fresh.came,
    wrong,
    firstWordMs: { p50: quantile(words, 0.5), p99, longest: Math.max(...words) },
    addedMs: p99 - quantile(exempt.firstWordMs, 0.99),
    testedAgain: (100 * Math.max(0, passedNew - fresh.came)) / Math.max(1, old.came),
  }
}

/** PASS NEW of all gateways. */
const passes = (fleet: Fleet): Promise<number> => sumOf(fleet.gateways, 'postscreen_passes_total{type="new"}')
const pendingWrites = (fleet: Fleet): Promise<number> => sumOf(fleet.gateways, 'postscreen_allowlist_pending_writes')

async function sumOf(gateways: readonly GatewayProcess[], metric: string): Promise<number> {
  const texts = await Promise.all(gateways.map(async ({ admin }) => (await fetch(`${admin}/metrics`)).text()))
  const values = texts.map((text) =>
    Number(
      text
        .split('\n')
        .find((line) => line.startsWith(`${metric} `))
        ?.split(' ')[1] ?? 0,
    ),
  )
  return values.reduce((sum, value) => sum + value, 0)
}
