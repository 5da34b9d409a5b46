// What one gateway needs: CPU time for the usual clients of a mail server, and memory for sessions that are under test
// or handed off.
import { setTimeout as sleep } from 'node:timers/promises'
import { hold, loopbackAddress, type Script } from '../laboratory/clients.ts'
import { gatewayFlags } from '../laboratory/gateway-flags.ts'
import { startMailSink } from '../laboratory/mail-sink.ts'
import { cpuMicros, residentBytes } from '../laboratory/process-use.ts'
import { mute } from '../laboratory/scripts.ts'
import { type GatewayProcess, startGatewayProcess } from '../peers/gateway.ts'
import { startRbldnsd } from '../peers/rbldnsd.ts'
import { startValkey } from '../peers/valkey.ts'
import { Arrivals } from '../laboratory/arrivals.ts'
import { seedKnownClients } from './known-clients.ts'
import { legitimate, mixedSpec, zombies } from '../laboratory/mixed-clients.ts'

export interface PodCapacityOptions {
  readonly perSecond: number
  readonly seconds: number
  /** Sessions that stay, of each sort. */
  readonly stay: number
  readonly say?: (text: string) => void
}

export interface PodCapacity {
  /** Of mixed clients, microseconds for each. */
  readonly cpuMicrosEach: number
  /** Mixed clients that one core is enough for, each second. */
  readonly perCore: number
  /** Resident bytes with no clients. */
  readonly idleBytes: number
  /** Resident bytes after the mixed load. */
  readonly warmBytes: number
  /** For each session that stays in the greet wait, or was handed off to the backend. */
  readonly bytesTested: number
  readonly bytesRelayed: number
  /** Sessions in the greet wait for which 512 MiB are enough, when nothing else goes on; and handed-off ones. */
  readonly testedIn512MiB: number
  readonly relayedIn512MiB: number
}

const mebibyte = 2 ** 20
/** A warm gateway needs no more than this for what it does besides. */
const limitBytes = 512 * mebibyte
const staying: Script = mute

export async function podCapacity({ perSecond, seconds, stay, say = () => undefined }: PodCapacityOptions): Promise<PodCapacity> {
  const rbldnsd = await startRbldnsd()
  const valkey = await startValkey()
  const sink = await startMailSink('header')
  await seedKnownClients(valkey)
  const flags = ['--backend', `127.0.0.1:${sink.port}`, '--resolver', `${rbldnsd.address}:53`]
  const allowlist = { store: 'Valkey', valkey: { addresses: [valkey.address] } }
  const gateway = await startGatewayProcess({ spec: { ...mixedSpec, allowlist }, flags, nodeFlags: gatewayFlags })
  await sleep(1000)
  const idleBytes = residentBytes(gateway.pid)
  // V8 compiles what will be.
  await load(gateway, perSecond, Math.min(seconds, 10))
  const cpuMicrosEach = await load(gateway, perSecond, seconds)
  const warmBytes = residentBytes(gateway.pid)
  say(`${cpuMicrosEach.toFixed(0)} µs of CPU for each mixed client`)
  await gateway.stop()
  const bytesTested = await held({ ...mixedSpec, dnsbl: {}, greet: { wait: '5m', stressWait: '5m' } }, sink.port, stay)
  const bytesRelayed = await held({ ...mixedSpec, dnsbl: {}, access: [{ action: 'Permit', cidrs: ['127.0.0.0/8'] }] }, sink.port, stay / 2)
  await Promise.all([rbldnsd.stop(), valkey.stop()])
  sink.stop()
  const room = limitBytes - warmBytes
  return {
    cpuMicrosEach,
    perCore: 1e6 / cpuMicrosEach,
    idleBytes,
    warmBytes,
    bytesTested,
    bytesRelayed,
    testedIn512MiB: Math.floor(room / bytesTested),
    relayedIn512MiB: Math.floor(room / bytesRelayed),
  }
}

/** @returns microseconds of the gateway's CPU time for each client */
async function load(gateway: GatewayProcess, perSecond: number, seconds: number): Promise<number> {
  const { port } = gateway
  const before = cpuMicros(gateway.pid)
  const arrivals = new Arrivals({ kinds: [...zombies, ...legitimate], perSecond, port: () => port })
  await sleep(seconds * 1000)
  await arrivals.stop()
  return (cpuMicros(gateway.pid) - before) / arrivals.came
}

/** @returns resident bytes for each of so many clients that stay */
async function held(spec: object, sink: number, count: number): Promise<number> {
  const gateway = await startGatewayProcess({ spec, flags: ['--backend', `127.0.0.1:${sink}`], nodeFlags: gatewayFlags })
  await sleep(1000)
  const before = residentBytes(gateway.pid)
  const there = hold(gateway.port, count, (nth) => ({ from: loopbackAddress(73, nth), script: staying }))
  await there.untilHeard(60_000)
  await sleep(1000)
  const each = (residentBytes(gateway.pid) - before) / count
  await there.leave('reset')
  await gateway.stop()
  return each
}
