// What clients wait while one of two mail servers fails in every way. Needs a network of its own (own-network.ts).
import { setTimeout as sleep } from 'node:timers/promises'
import { quantile } from '../laboratory/figures.ts'
import { gatewayFlags } from '../laboratory/gateway-flags.ts'
import { permits, permitted, polite } from '../laboratory/scripts.ts'
import { type GatewayProcess, startGatewayProcess } from '../peers/gateway.ts'
import { untilHolds } from '../support/until-holds.ts'
import { Arrivals, type Kind, type Tally } from '../laboratory/arrivals.ts'
import { mixedSpec } from '../laboratory/mixed-clients.ts'
import { type MoodyBackend, startMoodyBackend } from '../laboratory/moody-backend.ts'
import { heal, partition } from './own-network.ts'

export interface BackendFaultsOptions {
  readonly perSecond: number
  /** Of each fault, without its first second. */
  readonly seconds: number
  readonly say?: (text: string) => void
}

/** Milliseconds from the call to the greeting, which is the mail server's. */
interface Wait {
  readonly p50: number
  readonly p99: number
  readonly longest: number
}

export interface BackendFault {
  readonly what: string
  /** Clients that were not served, and why. */
  readonly wrong: Readonly<Record<string, number>>
  readonly inFirstSecond: Wait
  readonly later: Wait
  /** The longest that the clients' own process stood still meanwhile. */
  readonly pausedMs: number
  /** From the end of the fault until the gateway uses that mail server again. */
  readonly backAfterMs: number
}

interface Fault {
  readonly what: string
  readonly strike: (backend: MoodyBackend) => unknown
  readonly mend: (backend: MoodyBackend) => unknown
}

const well = (backend: MoodyBackend): Promise<void> => backend.turn('well')

const faults: readonly Fault[] = [
  { what: 'nothing', strike: () => undefined, mend: () => undefined },
  { what: 'refuses connections', strike: (backend) => backend.turn('refuses connections'), mend: well },
  { what: 'takes connections and says nothing', strike: (backend) => backend.turn('says nothing'), mend: well },
  { what: 'says 421', strike: (backend) => backend.turn('says 421'), mend: well },
  { what: 'hangs up', strike: (backend) => backend.turn('hangs up'), mend: well },
  { what: 'is cut off (packets dropped)', strike: ({ address }) => partition(portOf(address)), mend: heal },
]

const portOf = (address: string): number => Number(address.split(':')[1])

/** Of the access list: nothing of ours stands between the call and the greeting. */
const kinds: readonly Kind[] = [
  { what: 'is permitted', share: 1, client: (nth) => ({ from: permitted(nth), script: polite }), heard: /^221 /m },
]

export async function backendFaults({ perSecond, seconds, say = () => undefined }: BackendFaultsOptions): Promise<readonly BackendFault[]> {
  const [victim, other] = [await startMoodyBackend(19_025), await startMoodyBackend(19_026)]
  const spec = {
    ...mixedSpec,
    dnsbl: {},
    access: permits,
    backend: { addresses: [victim.address, other.address], slowStart: '0s' },
  }
  const gateway = await startGatewayProcess({ spec, nodeFlags: gatewayFlags })
  const come = async (ms: number): Promise<{ readonly tally: Tally; readonly pausedMs: number }> => {
    const arrivals = new Arrivals({ kinds, perSecond, port: () => gateway.port })
    await sleep(ms)
    await arrivals.stop()
    return { tally: arrivals.tallies.get('is permitted') as Tally, pausedMs: arrivals.longestPauseMs }
  }
  const play = async ({ what, strike, mend }: Fault): Promise<BackendFault> => {
    await strike(victim)
    // Begun without a wait for those of the first second, who may take longer than that.
    const first = come(1000)
    await sleep(1000)
    const later = await come(seconds * 1000)
    const both = [await first, later]
    const tallies = both.map(({ tally }) => tally)
    const pausedMs = Math.max(...both.map((one) => one.pausedMs))
    await mend(victim)
    const mended = performance.now()
    await untilHolds(`${what}: it is used again`, async () => (await stateOf(gateway, victim)) === 'working')
    const backAfterMs = performance.now() - mended
    const [inFirstSecond, afterwards] = tallies.map(({ firstWordMs }) => waitOf(firstWordMs)) as [Wait, Wait]
    const wrong = Object.fromEntries(tallies.flatMap((tally) => [...tally.wrong]))
    const fault = { what, wrong, inFirstSecond, later: afterwards, pausedMs, backAfterMs }
    say(faultLine(fault))
    return fault
  }
  await untilHolds('both mail servers are known', async () => {
    const states = await Promise.all([victim, other].map((one) => stateOf(gateway, one)))
    return states.every((state) => state === 'working')
  })
  // V8 compiles what will be.
  await come(seconds * 1000)
  const outcome: BackendFault[] = []
  for (const fault of faults) outcome.push(await play(fault))
  await gateway.stop()
  victim.stop()
  other.stop()
  return outcome
}

const waitOf = (firstWordMs: readonly number[]): Wait => ({
  p50: quantile(firstWordMs, 0.5),
  p99: quantile(firstWordMs, 0.99),
  longest: Math.max(...firstWordMs),
})

const waitText = ({ p50, p99, longest }: Wait): string => `p50 ${p50.toFixed(1)} p99 ${p99.toFixed(1)} longest ${longest.toFixed(1)} ms`

function faultLine({ what, wrong, inFirstSecond, later, backAfterMs }: BackendFault): string {
  const times = `first second ${waitText(inFirstSecond)}; later ${waitText(later)}; used again after ${backAfterMs.toFixed(0)} ms`
  return `${what.padEnd(36)} ${times}; wrong: ${JSON.stringify(wrong)}`
}

interface Status {
  readonly backends: readonly { readonly addresses: readonly { readonly label: string; readonly state: string }[] }[]
}

async function stateOf({ admin }: GatewayProcess, { address }: MoodyBackend): Promise<string | undefined> {
  const { backends } = (await (await fetch(`${admin}/status`)).json()) as Status
  return backends.flatMap(({ addresses }) => addresses).find(({ label }) => label === address)?.state
}
