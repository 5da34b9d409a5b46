// A permitted client delivers a message: what the whole session costs the gateway in CPU, beside HAProxy in TCP mode.
import { loopbackAddress } from '../../laboratory/clients.ts'
import { mail } from '../../laboratory/scripts.ts'
import { type BenchCase, type Round, scaled, type Setting } from '../bench-case.ts'
import { barePipe } from '../bare-node.ts'
import { gatewayServer, haproxyServer, onNodeSockets, type Server } from '../servers.ts'
import { sessionFigures, sessionRound } from '../session-load.ts'
import { startSinkProcess } from '../sink-process.ts'
import { gatewayCode } from '../code-paths.ts'

const sizes = [
  { key: 'small', name: '4 KiB', bytes: 4096, sessions: 8000, goal: 1.1 },
  { key: 'large', name: '1 MiB', bytes: 1 << 20, sessions: 800, goal: 0.85 },
] as const

const { cpu, rate, p99, load, behind, wrong } = sessionFigures
const kinds = { cpu, rate, p99, load, behind, wrong }

/** HAProxy has no limit on new connections to a mail server either. The address is replaced by a flag. */
export const relaySpec = {
  access: [{ action: 'Permit', cidrs: ['127.70.0.0/16'] }],
  limits: { connectionsPerClient: 0 },
  backend: { addresses: ['127.0.0.1:1'], connectRate: 0 },
}

/** Both sizes, 20 clients at once. */
async function relayRound(server: Server, setting: Setting, behindCpu: () => number): Promise<Round> {
  const round: Record<string, number> = {}
  for (const { key, bytes, sessions } of sizes) {
    const script = mail(bytes)
    const figures = await sessionRound(server, {
      sessions: scaled(sessions, setting),
      atOnce: scaled(20, setting),
      client: (index) => ({ from: loopbackAddress(70, index), script }),
      heard: /^250 2\.0\.0 Ok: queued[^]*^221 /m,
      behindCpu,
    })
    for (const name of Object.keys(kinds)) if (figures[name] !== undefined) round[`${key}-${name}`] = figures[name]
  }
  return round
}

const figures = Object.fromEntries(
  sizes.flatMap(({ key, name }) =>
    Object.entries(kinds).map(([figure, kind]) => [`${key}-${figure}`, { ...kind, label: `${name}: ${kind.label}` }]),
  ),
)

export const relay: BenchCase = {
  name: 'relay',
  what: 'Relay of a delivered message, 4 KiB and 1 MiB',
  needs: ['loopback', 'haproxy'],
  measures: gatewayCode,
  figures,
  goals: sizes.map(({ key, name, goal }) => ({
    text: `${name}: ≤ ${goal}× HAProxy's CPU`,
    figure: `${key}-cpu`,
    of: 'gateway',
    beside: { peer: 'HAProxy', how: 'ratio' },
    bound: 'at most',
    value: goal,
  })),
  rounds: 5,
  warmUp: true,
  minutes: 3,
  start: async (setting) => {
    const sink = await startSinkProcess()
    const gateway = await gatewayServer(setting, { spec: relaySpec, flags: ['--backend', `127.0.0.1:${sink.port}`] })
    const onNode = await gatewayServer(setting, { spec: relaySpec, flags: ['--backend', `127.0.0.1:${sink.port}`, ...onNodeSockets] })
    const haproxy = await haproxyServer(sink.port)
    const bare = await barePipe(sink.port)
    return {
      contenders: [
        { name: 'gateway', round: () => relayRound(gateway, setting, sink.cpu) },
        { name: 'gateway, net.Socket', round: () => relayRound(onNode, setting, sink.cpu) },
        { name: 'HAProxy', round: () => relayRound(haproxy, setting, sink.cpu) },
        { name: 'bare Node', round: () => relayRound(bare, setting, sink.cpu) },
      ],
      stop: async () => void (await Promise.all([gateway.stop(), onNode.stop(), haproxy.stop(), bare.stop(), sink.stop()])),
    }
  },
}
