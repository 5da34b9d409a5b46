// Relayed sessions in which nothing is said: the memory of each, beside HAProxy in TCP mode.
import { hold as holdClients } from '../../laboratory/clients.ts'
import { mute, permits, permitted } from '../../laboratory/scripts.ts'
import { type BenchCase, type Round, scaled, type Setting } from '../bench-case.ts'
import { gatewayCode } from '../code-paths.ts'
import { gatewayServer, haproxyServer, onNodeSockets, type Server } from '../servers.ts'
import { onNode } from '../silent-server.ts'
import { startSinkProcess } from '../sink-process.ts'

/** All arrive at once, so that the limits on clients that wait for a mail server would refuse some. */
const spec = (port: number): object => ({
  access: permits,
  limits: { connectionsPerClient: 0, postQueue: 100_000 },
  backend: { addresses: [`127.0.0.1:${port}`], connectRate: 0 },
})
const client = (index: number) => ({ from: permitted(index), script: mute })

type Stopped = Server & { stop(): Promise<void> }

async function relayedMemory(one: Stopped, count: number): Promise<Round> {
  try {
    const first = holdClients(one.port, 1, client)
    await first.untilHeard(20_000)
    const before = one.resident()
    const held = holdClients(one.port, count, client)
    await held.untilHeard(60_000)
    const bytes = (one.resident() - before) / count
    const gone = held.gone.length
    await held.leave('reset')
    await first.leave('reset')
    return { bytes, gone }
  } finally {
    await one.stop()
  }
}

export const holdRelayed: BenchCase = {
  name: 'hold-relayed',
  what: '2,000 relayed sessions in which nothing is said',
  needs: ['loopback', 'haproxy', { files: 5000 }],
  measures: gatewayCode,
  figures: {
    bytes: { label: 'resident memory per session', unit: 'B', digits: 0 },
    gone: { label: 'ended', unit: '', digits: 0 },
  },
  goals: [
    { text: 'none ended', figure: 'gone', of: 'gateway', bound: 'at most', value: 0 },
    {
      text: '≤ 16 KB per session',
      figure: 'bytes',
      of: 'gateway',
      beside: { peer: 'HAProxy', how: 'shown' },
      bound: 'at most',
      value: 16_384,
    },
  ],
  rounds: 5,
  warmUp: false,
  minutes: 1,
  start: async (setting: Setting) => {
    const sink = await startSinkProcess()
    const count = scaled(2000, setting)
    const policy = spec(sink.port)
    const round = (start: () => Promise<Stopped>) => async (): Promise<Round> => relayedMemory(await start(), count)
    return {
      contenders: [
        { name: 'gateway', round: round(() => gatewayServer(setting, { spec: policy })) },
        { name: onNode, round: round(() => gatewayServer(setting, { spec: policy, flags: onNodeSockets })) },
        { name: 'HAProxy', round: round(() => haproxyServer(sink.port)) },
      ],
      stop: () => sink.stop(),
    }
  },
}
