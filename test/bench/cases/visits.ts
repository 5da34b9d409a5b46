// Clean clients that deliver 4 KiB, on their first visit and again: the costs of a visit for gateway, DNS server and Valkey, on which docs/sizing.md
// is based.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { loopbackAddress } from '../../laboratory/clients.ts'
import { mainThreadMicros } from '../../laboratory/exact-cpu.ts'
import { pidsOf } from '../../laboratory/process-use.ts'
import { lists, mail } from '../../laboratory/scripts.ts'
import { statusOf } from '../../laboratory/status.ts'
import { startRbldnsd } from '../../peers/rbldnsd.ts'
import { startValkey, type Valkey } from '../../peers/valkey.ts'
import { type BenchCase, type FigureKind, type Round, scaled, type Setting } from '../bench-case.ts'
import { gatewayCode } from '../code-paths.ts'
import { type GatewayServer, gatewayServer, onNodeSockets } from '../servers.ts'
import { sessionRound } from '../session-load.ts'
import { startSinkProcess } from '../sink-process.ts'
import { valkeyUse } from '../valkey-use.ts'

const delivered = /^250 2\.0\.0 Ok: queued[^]*^221 /m
const script = mail(4096)

/** Pregreet test and three lists. The shortest greet wait that a policy can have; the wait itself costs nothing. */
const spec = {
  greet: { action: 'Drop', wait: '1s', stressWait: '1s' },
  dnsbl: { action: 'Drop', threshold: 1, sites: lists.map((domain) => ({ domain })) },
  limits: { connectionsPerClient: 0, preQueue: 100_000, postQueue: 100_000 },
}

/** Addresses that no gateway has seen, and no list has. */
const firstNet = 80
const perNet = 65_000

/** What all gateways of the case stand between. */
interface Scene {
  readonly setting: Setting
  readonly sessions: number
  readonly resolverPid: number
  readonly valkey: Valkey
}

/** A gateway for first visits, and the one to which the same clients come again: with a shared store another one, which does not know them itself. */
interface Pair {
  readonly first: GatewayServer
  readonly again: GatewayServer
}

async function questionsOf({ process: { admin } }: GatewayServer): Promise<number> {
  const { dnsbl } = await statusOf(admin)
  return dnsbl.servers.reduce((sum, { sent }) => sum + sent, 0)
}

/** Clients from `from` on visit; the costs for each visit, with `kind` in front of their names. */
async function visit(
  { setting, sessions, resolverPid, valkey }: Scene,
  gateway: GatewayServer,
  kind: string,
  from: number,
): Promise<Round> {
  const [asked, storeBefore, resolverBefore] = [await questionsOf(gateway), await valkeyUse(valkey), mainThreadMicros(resolverPid)]
  const client = (index: number) => {
    const nth = from + index
    return { from: loopbackAddress(firstNet + Math.floor(nth / perNet), nth % perNet), script }
  }
  const round = await sessionRound(gateway, { sessions, atOnce: scaled(kind === 'first' ? 600 : 50, setting), client, heard: delivered })
  const [questions, store, resolver] = [
    (await questionsOf(gateway)) - asked,
    await valkeyUse(valkey),
    mainThreadMicros(resolverPid) - resolverBefore,
  ]
  const each = {
    cpu: round['cpu'],
    rate: round['rate'],
    load: round['load'],
    questions: questions / sessions,
    lookups: (store.lookups - storeBefore.lookups) / sessions,
    writes: (store.writes - storeBefore.writes) / sessions,
    'store-cpu': (store.cpu - storeBefore.cpu) / sessions,
    ...(questions === 0 ? {} : { 'question-cpu': resolver / questions }),
    wrong: (round['wrong'] ?? 0) + (round['hanging'] ?? 0),
  }
  return Object.fromEntries(Object.entries(each).flatMap(([name, value]) => (value === undefined ? [] : [[`${kind}-${name}`, value]])))
}

const kinds = [
  { kind: 'first', label: 'first visit' },
  { kind: 'again', label: 'remembered client' },
] as const

const figures: Readonly<Record<string, FigureKind>> = Object.fromEntries(
  kinds.flatMap(({ kind, label }) => [
    [`${kind}-cpu`, { label: `${label}: CPU per visit`, unit: 'µs', digits: 0 }],
    [`${kind}-rate`, { label: `${label}: rate`, unit: '/s', digits: 0 }],
    [`${kind}-load`, { label: `${label}: CPU of the clients`, unit: 'µs', digits: 0 }],
    [`${kind}-questions`, { label: `${label}: DNS questions`, unit: '', digits: 2 }],
    [`${kind}-question-cpu`, { label: `${label}: CPU of the DNS server per question`, unit: 'µs', digits: 1 }],
    [`${kind}-lookups`, { label: `${label}: lookups in the Valkey`, unit: '', digits: 2 }],
    [`${kind}-writes`, { label: `${label}: writes to the Valkey`, unit: '', digits: 2 }],
    [`${kind}-store-cpu`, { label: `${label}: CPU of the Valkey per visit`, unit: 'µs', digits: 1 }],
    [`${kind}-wrong`, { label: `${label}: other results`, unit: '%', digits: 1 }],
  ]),
)

export const visits: BenchCase = {
  name: 'visits',
  what: 'Clean clients deliver 4 KiB, on their first visit (3 DNS lists) and again',
  needs: ['rbldnsd', 'valkey'],
  measures: gatewayCode,
  figures,
  goals: [
    {
      text: 'a question for each list (fewer: the DNS server was too slow)',
      figure: 'first-questions',
      of: 'gateway',
      bound: 'at least',
      value: 2.99,
    },
    {
      text: '(the first visit, with a Valkey)',
      figure: 'first-cpu',
      of: 'gateway, Valkey',
      beside: { peer: 'gateway', how: 'ratio' },
      bound: 'at most',
      value: Number.POSITIVE_INFINITY,
    },
    {
      text: '(a remembered client, with a Valkey)',
      figure: 'again-cpu',
      of: 'gateway, Valkey',
      beside: { peer: 'gateway', how: 'ratio' },
      bound: 'at most',
      value: Number.POSITIVE_INFINITY,
    },
  ],
  rounds: 5,
  warmUp: true,
  minutes: 3,
  start: async (setting) => {
    const [sink, rbldnsd, valkey] = [await startSinkProcess(), await startRbldnsd(), await startValkey()]
    const folder = mkdtempSync(join(tmpdir(), 'visits-'))
    // Not limited: one gateway is given many connections a second to one mail server.
    const backend = { addresses: [`127.0.0.1:${sink.port}`], connectRate: 0, slowStart: '0s' }
    const local = (name: string, flags: readonly string[] = []): Promise<GatewayServer> =>
      gatewayServer(setting, {
        spec: { ...spec, backend },
        flags: ['--resolver', `${rbldnsd.address}:53`, '--data-dir', join(folder, name), ...flags],
      })
    const allowlist = { store: 'Valkey', valkey: { addresses: [valkey.address] } }
    const shared = (): Promise<GatewayServer> =>
      gatewayServer(setting, { spec: { ...spec, backend, allowlist }, flags: ['--resolver', `${rbldnsd.address}:53`] })
    const gateways = [await local('epoll'), await local('node', onNodeSockets), await shared(), await shared()] as const
    const resolverPid = pidsOf(`${rbldnsd.address}/53`).at(-1) ?? 0
    const scene = { setting, sessions: scaled(6000, setting), resolverPid, valkey }
    let next = 0
    const contender = (name: string, { first, again }: Pair) => ({
      name,
      round: async (): Promise<Round> => {
        const from = next
        next += scene.sessions
        return { ...(await visit(scene, first, 'first', from)), ...(await visit(scene, again, 'again', from)) }
      },
    })
    return {
      contenders: [
        contender('gateway', { first: gateways[0], again: gateways[0] }),
        contender('gateway, net.Socket', { first: gateways[1], again: gateways[1] }),
        contender('gateway, Valkey', { first: gateways[2], again: gateways[3] }),
      ],
      stop: async () => {
        await Promise.all([...gateways, sink, rbldnsd, valkey].map((one) => one.stop()))
        rmSync(folder, { recursive: true })
      },
    }
  },
}
