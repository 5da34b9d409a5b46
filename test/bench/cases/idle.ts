// A server without clients: how soon it listens, and its memory. The gateway from its sources, and as the image contains it.
import { setTimeout as sleep } from 'node:timers/promises'
import { buildProgram } from '../../laboratory/built-program.ts'
import { hold } from '../../laboratory/clients.ts'
import { bareListener } from '../bare-node.ts'
import type { BenchCase, Round, Setting } from '../bench-case.ts'
import { gatewayCode } from '../code-paths.ts'
import { gatewayServer, haproxyServer, onNodeSockets, postscreenServer, type Server } from '../servers.ts'
import { onNode, silentClient } from '../silent-server.ts'

const spec = { greet: { action: 'Drop', wait: '2s' } }
/** What a start leaves to be done, such as reading files in the background, is done by then. */
const settleMs = 2000

/** The gateway as the image contains it. */
const image = 'gateway, image'
const bareNode = 'bare Node'

type Stopped = Server & { stop(): Promise<void> }

async function idleRound(start: () => Promise<Stopped>, first?: (one: Stopped) => Promise<void>): Promise<Round> {
  const began = performance.now()
  const one = await start()
  const ms = performance.now() - began
  const cpu = one.cpu() / 1000
  try {
    await first?.(one)
    await sleep(settleMs)
    return { ...(first === undefined ? { ms, cpu } : {}), resident: one.resident() / 1e6 }
  } finally {
    await one.stop()
  }
}

/** The first client makes Postfix's master start postscreen. */
async function oneClient({ port }: Stopped): Promise<void> {
  const held = hold(port, 1, silentClient)
  await held.untilHeard(20_000)
  await held.leave('reset')
}

export const idle: BenchCase = {
  name: 'idle',
  what: 'A gateway without clients',
  needs: ['postfix', 'haproxy'],
  measures: [...gatewayCode, 'crds/schema', 'cli/gateway.ts', 'release'],
  figures: {
    ms: { label: 'start until it listens', unit: 'ms', digits: 0 },
    cpu: { label: 'CPU until it listens', unit: 'ms', digits: 0 },
    resident: { label: 'resident memory', unit: 'MB', digits: 0 },
  },
  goals: [
    { text: '≤ 300 ms', figure: 'ms', of: image, beside: { peer: bareNode, how: 'shown' }, bound: 'at most', value: 300 },
    { text: '≤ 80 MB', figure: 'resident', of: image, beside: { peer: bareNode, how: 'shown' }, bound: 'at most', value: 80 },
    {
      text: '(HAProxy, one thread)',
      figure: 'ms',
      of: 'gateway',
      beside: { peer: 'HAProxy', how: 'shown' },
      bound: 'at most',
      value: Number.POSITIVE_INFINITY,
    },
    {
      text: "(postscreen with Postfix's other processes)",
      figure: 'resident',
      of: 'gateway',
      beside: { peer: 'postscreen', how: 'shown' },
      bound: 'at most',
      value: Number.POSITIVE_INFINITY,
    },
  ],
  rounds: 5,
  warmUp: true,
  minutes: 2,
  start: async (setting: Setting) => {
    const program = await buildProgram()
    return {
      contenders: [
        { name: 'gateway', round: () => idleRound(() => gatewayServer(setting, { spec })) },
        { name: image, round: () => idleRound(() => gatewayServer(setting, { spec, program })) },
        { name: onNode, round: () => idleRound(() => gatewayServer(setting, { spec, flags: onNodeSockets })) },
        { name: bareNode, round: () => idleRound(bareListener) },
        { name: 'postscreen', round: () => idleRound(() => postscreenServer('idle', {}, {}), oneClient) },
        { name: 'HAProxy', round: () => idleRound(() => haproxyServer(1)) },
      ],
      stop: () => Promise.resolve(program.remove()),
    }
  },
}
