// Clients that are listed in three DNSBLs of a real rbldnsd, 1,000 at once, dropped: cost and fate beside a real postscreen.
import { listed, lists, mute } from '../../laboratory/scripts.ts'
import { startRbldnsd } from '../../peers/rbldnsd.ts'
import { type BenchCase, scaled } from '../bench-case.ts'
import { gatewayServer, onNodeSockets, postscreenServer } from '../servers.ts'
import { sessionFigures, sessionRound } from '../session-load.ts'
import { roomyMainCf } from './pregreet.ts'
import { gatewayCode } from '../code-paths.ts'

/** Each of the sites suffices. */
export function dnsblSpec(sites: readonly string[]): object {
  return {
    greet: { action: 'Drop', wait: '2s', stressWait: '2s' },
    limits: { connectionsPerClient: 0 },
    dnsbl: { action: 'Drop', threshold: 1, sites: sites.map((domain) => ({ domain })) },
  }
}

export function dnsblMainCf(sites: readonly string[]): Readonly<Record<string, string>> {
  const greet = { postscreen_greet_action: 'drop', postscreen_greet_wait: '2s' }
  return { ...roomyMainCf, ...greet, postscreen_dnsbl_action: 'drop', postscreen_dnsbl_sites: sites.join(', ') }
}

export const dnsblLoad = {
  client: (index: number) => ({ from: listed(index), script: mute }),
  heard: /^521 .*blocked using/m,
  letThrough: /^220 /m,
}

const { cpu, rate, p50, p99, resident, load, through, hanging, wrong } = sessionFigures

export const dnsbl: BenchCase = {
  name: 'dnsbl',
  what: 'Listed clients, 3 DNS lists, 1,000 clients at once, dropped',
  needs: ['postfix', 'rbldnsd'],
  measures: gatewayCode,
  figures: { cpu, rate, p50, p99, resident, load, through, hanging, wrong },
  goals: [
    {
      text: "≤ 0.3× postscreen's CPU",
      figure: 'cpu',
      of: 'gateway',
      beside: { peer: 'postscreen', how: 'ratio' },
      bound: 'at most',
      value: 0.3,
    },
    {
      text: 'none passed',
      figure: 'through',
      of: 'gateway',
      beside: { peer: 'postscreen', how: 'shown' },
      bound: 'at most',
      value: 0,
    },
    {
      text: 'none left waiting',
      figure: 'hanging',
      of: 'gateway',
      beside: { peer: 'postscreen', how: 'shown' },
      bound: 'at most',
      value: 0,
    },
  ],
  rounds: 5,
  warmUp: true,
  minutes: 6,
  start: async (setting) => {
    const rbldnsd = await startRbldnsd()
    const gateway = await gatewayServer(setting, { spec: dnsblSpec(lists), flags: ['--resolver', `${rbldnsd.address}:53`] })
    const onNode = await gatewayServer(setting, {
      spec: dnsblSpec(lists),
      flags: ['--resolver', `${rbldnsd.address}:53`, ...onNodeSockets],
    })
    const postscreen = await postscreenServer('dnsbl', { nameServer: rbldnsd.address }, dnsblMainCf(lists))
    // Until V8 has compiled what it will compile: a quarter of its time in the first 12,000 sessions, and then nothing for weeks.
    for (const one of [gateway, onNode])
      await sessionRound(one, { ...dnsblLoad, sessions: scaled(20_000, setting), atOnce: scaled(4000, setting) })
    const crowd = { ...dnsblLoad, sessions: scaled(6000, setting), atOnce: scaled(1000, setting) }
    return {
      contenders: [
        { name: 'gateway', round: () => sessionRound(gateway, crowd) },
        { name: 'gateway, net.Socket', round: () => sessionRound(onNode, crowd) },
        { name: 'postscreen', round: () => sessionRound(postscreen, crowd) },
      ],
      stop: async () => void (await Promise.all([gateway.stop(), onNode.stop(), postscreen.stop(), rbldnsd.stop()])),
    }
  },
}
