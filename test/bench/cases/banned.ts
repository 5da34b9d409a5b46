// Visits of a banned network, 200 at once, beside bots that are tested and dropped: what a ban saves.
import { loopbackAddress } from '../../laboratory/clients.ts'
import { early } from '../../laboratory/scripts.ts'
import { type BenchCase, scaled } from '../bench-case.ts'
import { gatewayCode } from '../code-paths.ts'
import { gatewayServer } from '../servers.ts'
import { sessionFigures, sessionRound } from '../session-load.ts'
import { pregreetLoad, pregreetSpec } from './pregreet.ts'

/** The whole network is banned after its first bot. */
const bannedSpec = { ...pregreetSpec, bans: { after: 1, for: '1d', prefix: { ipv4: 8 } } }

const bannedLoad = {
  client: (index: number) => ({ from: loopbackAddress(62, index), script: early }),
  heard: /^521 5\.(5\.1 Protocol error|7\.1 .* is banned)/m,
}

const { cpu, rate, p50, p99, load, wrong } = sessionFigures

export const banned: BenchCase = {
  name: 'banned',
  what: 'Visits of a banned network, 200 at once, refused',
  needs: ['loopback'],
  measures: gatewayCode,
  figures: { cpu, rate, p50, p99, load, wrong },
  goals: [
    {
      text: '≤ 0.5× the CPU of a bot that is tested and dropped',
      figure: 'cpu',
      of: 'gateway',
      beside: { peer: 'gateway, tested', how: 'ratio' },
      bound: 'at most',
      value: 0.5,
    },
  ],
  rounds: 7,
  warmUp: true,
  minutes: 1,
  start: async (setting) => {
    const gateway = await gatewayServer(setting, { spec: bannedSpec })
    const tested = await gatewayServer(setting, { spec: pregreetSpec })
    const sizes = { sessions: scaled(20_000, setting), atOnce: scaled(200, setting) }
    return {
      contenders: [
        { name: 'gateway', round: () => sessionRound(gateway, { ...bannedLoad, ...sizes }) },
        { name: 'gateway, tested', round: () => sessionRound(tested, { ...pregreetLoad, ...sizes }) },
      ],
      stop: async () => void (await Promise.all([gateway.stop(), tested.stop()])),
    }
  },
}
