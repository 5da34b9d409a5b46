// What the live page costs while five people look at it: the CPU time of a gateway at 200 connections a second, with them and without.
import { setTimeout as sleep } from 'node:timers/promises'
import { Arrivals, type Kind } from '../../laboratory/arrivals.ts'
import { loopbackAddress } from '../../laboratory/clients.ts'
import { early, permits, permitted, polite } from '../../laboratory/scripts.ts'
import type { BenchCase, Round } from '../bench-case.ts'
import { gatewayCode } from '../code-paths.ts'
import { type GatewayServer, gatewayServer } from '../servers.ts'
import { startSinkProcess } from '../sink-process.ts'

const perSecond = 200
const viewers = 5
const withViewers = 'gateway, five viewers'

const spec = {
  access: permits,
  greet: { action: 'Drop', wait: '1s', stressWait: '1s' },
  limits: { connectionsPerClient: 0 },
}

/** Three of four are bots. */
const kinds: readonly Kind[] = [
  { what: 'bot', share: 3, client: (nth) => ({ from: loopbackAddress(61, nth), script: early }), heard: /^521 5\.5\.1 Protocol error/m },
  { what: 'good', share: 1, client: (nth) => ({ from: permitted(nth), script: polite }), heard: /^221 /m },
]

/** Reads the stream as a browser does. @returns the bytes so far, and how to leave */
async function watch(admin: string): Promise<{ readonly bytes: () => number; leave(): void }> {
  const over = new AbortController()
  const { body } = await fetch(`${admin}/live/events`, { signal: over.signal })
  let bytes = 0
  const read = async (): Promise<void> => {
    for await (const piece of body ?? []) bytes += (piece as Uint8Array).length
  }
  read().catch(() => undefined)
  return { bytes: () => bytes, leave: () => over.abort() }
}

async function round(gateway: GatewayServer, seconds: number, count: number): Promise<Round> {
  const watching = await Promise.all(Array.from({ length: count }, () => watch(gateway.process.admin)))
  const arrivals = new Arrivals({ kinds, perSecond, port: () => gateway.port })
  // The first update has everything.
  await sleep(2000)
  const [began, cpu, came, bytes] = [performance.now(), gateway.cpu(), arrivals.came, watching.map((one) => one.bytes())]
  await sleep(seconds * 1000)
  const ms = performance.now() - began
  const sent = watching.reduce((sum, one, i) => sum + one.bytes() - (bytes[i] ?? 0), 0)
  const figures = { cpu: (gateway.cpu() - cpu) / 10 / ms, rate: ((arrivals.came - came) / ms) * 1000 }
  for (const one of watching) one.leave()
  await arrivals.stop()
  return { ...figures, ...(count > 0 && { sent: sent / count / (ms / 1000) / 1000 }) }
}

export const viewersCase: BenchCase = {
  name: 'viewers',
  what: 'Five viewers of the live page, at 200 connections a second',
  needs: [],
  measures: [...gatewayCode, 'runtime'],
  figures: {
    cpu: { label: 'CPU of the gateway', unit: '% of a core', digits: 2 },
    rate: { label: 'connections', unit: '/s', digits: 0 },
    sent: { label: 'sent to each viewer', unit: 'kB/s', digits: 1 },
  },
  goals: [
    {
      text: '≤ 1 % of a core for five viewers',
      figure: 'cpu',
      of: withViewers,
      beside: { peer: 'gateway', how: 'difference' },
      bound: 'at most',
      value: 1,
    },
  ],
  rounds: 7,
  warmUp: true,
  minutes: 5,
  start: async (setting) => {
    const sink = await startSinkProcess()
    const gateway = await gatewayServer(setting, { spec, flags: ['--backend', `127.0.0.1:${sink.port}`] })
    const seconds = Math.max(1, Math.round(15 * setting.scale))
    return {
      contenders: [
        { name: 'gateway', round: () => round(gateway, seconds, 0) },
        { name: withViewers, round: () => round(gateway, seconds, viewers) },
      ],
      stop: async () => {
        await gateway.stop()
        await sink.stop()
      },
    }
  },
}
