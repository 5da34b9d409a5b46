// Bots that talk before the greeting, 200 at once, dropped: what each costs the gateway beside a real postscreen.
import { loopbackAddress } from '../../laboratory/clients.ts'
import { early } from '../../laboratory/scripts.ts'
import { type BenchCase, scaled } from '../bench-case.ts'
import { bareDrop } from '../bare-node.ts'
import { gatewayServer, onNodeSockets, postscreenServer } from '../servers.ts'
import { sessionFigures, sessionRound } from '../session-load.ts'
import { gatewayCode } from '../code-paths.ts'

export const pregreetSpec = { greet: { action: 'Drop', wait: '2s', stressWait: '2s' }, limits: { connectionsPerClient: 0 } }

/** postscreen gets the limits that the gateway has by default: with its own, most of a crowd would be refused for want of room. */
export const roomyMainCf = { postscreen_pre_queue_limit: '10000', postscreen_post_queue_limit: '1000' }

export const pregreetLoad = {
  client: (index: number) => ({ from: loopbackAddress(61, index), script: early }),
  heard: /^521 5\.5\.1 Protocol error/m,
}

const { cpu, rate, p50, p99, resident, load, wrong } = sessionFigures

export const pregreet: BenchCase = {
  name: 'pregreet',
  what: 'Bots that speak before the greeting, 200 at once, dropped',
  needs: ['postfix'],
  measures: gatewayCode,
  figures: { cpu, rate, p50, p99, resident, load, wrong },
  goals: [
    {
      text: "≤ 0.55× postscreen's CPU",
      figure: 'cpu',
      of: 'gateway',
      beside: { peer: 'postscreen', how: 'ratio' },
      bound: 'at most',
      value: 0.55,
    },
    {
      text: "≥ 1.5× postscreen's rate",
      figure: 'rate',
      of: 'gateway',
      beside: { peer: 'postscreen', how: 'ratio' },
      bound: 'at least',
      value: 1.5,
    },
  ],
  rounds: 7,
  warmUp: true,
  minutes: 1,
  start: async (setting) => {
    const gateway = await gatewayServer(setting, { spec: pregreetSpec })
    const onNode = await gatewayServer(setting, { spec: pregreetSpec, flags: onNodeSockets })
    const bare = await bareDrop()
    const mainCf = { ...roomyMainCf, postscreen_greet_action: 'drop', postscreen_greet_wait: '2s' }
    const postscreen = await postscreenServer('pregreet', {}, mainCf)
    const sessions = { ...pregreetLoad, sessions: scaled(20_000, setting), atOnce: scaled(200, setting) }
    return {
      contenders: [
        { name: 'gateway', round: () => sessionRound(gateway, sessions) },
        { name: 'gateway, net.Socket', round: () => sessionRound(onNode, sessions) },
        { name: 'postscreen', round: () => sessionRound(postscreen, sessions) },
        { name: 'bare Node', round: () => sessionRound(bare, sessions) },
      ],
      stop: async () => void (await Promise.all([gateway.stop(), onNode.stop(), postscreen.stop(), bare.stop()])),
    }
  },
}
