// Silent connections: how soon 10,000 that arrive at once are accepted (`arrive`), and how much memory each takes that stays (`hold`).
import { hold as holdClients, type Held } from '../../laboratory/clients.ts'
import { clean, mute } from '../../laboratory/scripts.ts'
import { silentSpec, type Waiting } from '../../load/silent-crowd.ts'
import { type BenchCase, type Round, scaled, type Setting } from '../bench-case.ts'
import { gatewayServer, onNodeSockets, postscreenServer, type Server } from '../servers.ts'
import { roomyMainCf } from './pregreet.ts'

const silentMainCf = { ...roomyMainCf, postscreen_greet_wait: '300s', postscreen_pre_queue_limit: '100000' }
const client = (index: number) => ({ from: clean(index), script: mute })

/** The gateway with the sockets of Node. */
const onNode = 'gateway, net.Socket'

interface Fresh extends Server {
  stop(): Promise<void>
}

/** A server that has had no clients: in memory that earlier clients have freed, later ones would cost nothing. */
async function fresh(setting: Setting, who: string, place: Waiting = 'greet wait'): Promise<Fresh> {
  const one =
    who === 'postscreen'
      ? await postscreenServer('silent', {}, silentMainCf)
      : await gatewayServer(setting, { spec: silentSpec(place), flags: who === onNode ? onNodeSockets : [] })
  // The first client makes master start postscreen.
  const first = holdClients(one.port, 1, client)
  await first.untilHeard(20_000)
  await first.leave('reset')
  return one
}

/** A SYN that was dropped is sent again after 1, 3, 7, 15, 31, 63 s; the next time would be 127 s. */
const arrivalMs = 70_000

/**
 * All at once, until each has heard the server's first line. Not all need get so far: whose last ACK of the handshake the kernel dropped, since the
 * queue of those to be accepted was full, holds the connection for open and waits for ever.
 */
async function arriveAtOnce(one: Fresh, count: number): Promise<Round> {
  const before = one.cpu()
  const began = performance.now()
  const held = holdClients(one.port, count, client)
  const all = await held.untilHeard(arrivalMs).then(
    () => true,
    () => false,
  )
  const ms = performance.now() - began
  const heard = [...held.there].filter(({ heardAt }) => heardAt !== undefined).length
  const round = { accepted: (heard / count) * 100, ...(all ? { ms } : {}), cpu: (one.cpu() - before) / count, gone: held.gone.length }
  await held.leave('reset')
  return round
}

const atATime = 200

/** Connects in small groups, so that many at once are not measured. Resident memory, not only the heap: garbage that is not collected needs memory too. */
export async function heldMemory(one: Fresh, count: number): Promise<Round> {
  const before = one.resident()
  const groups: Held[] = []
  for (let from = 0; from < count; from += atATime) {
    const group = holdClients(one.port, Math.min(atATime, count - from), (index) => client(from + index))
    await group.untilHeard(60_000)
    groups.push(group)
  }
  const grown = one.resident() - before
  const gone = groups.reduce((sum, group) => sum + group.gone.length, 0)
  for (const group of groups) await group.leave('reset')
  return { bytes: grown / count, megabytes: grown / 1e6, gone }
}

/** Starts one afresh, lets `round` have it, and ends it. */
async function withFresh(setting: Setting, who: string, round: (one: Fresh) => Promise<Round>, place?: Waiting): Promise<Round> {
  const one = await fresh(setting, who, place)
  try {
    return await round(one)
  } finally {
    await one.stop()
  }
}

/** For the curve: `count` clients in the greet wait of a fresh server. */
export const heldBy = (setting: Setting, who: string, count: number): Promise<Round> =>
  withFresh(setting, who, (one) => heldMemory(one, count))

const shown = { peer: 'postscreen', how: 'shown' } as const

export const arrive: BenchCase = {
  name: 'arrive',
  what: '10,000 connections at once',
  needs: ['postfix', { files: 10_200 }],
  figures: {
    ms: { label: 'time until all are accepted', unit: 'ms', digits: 0 },
    accepted: { label: 'accepted within 70 s', unit: '%', digits: 0 },
    cpu: { label: 'CPU per connection', unit: 'µs', digits: 0 },
    gone: { label: 'rejected', unit: '', digits: 0 },
  },
  goals: [
    { text: '≤ 1 s', figure: 'ms', of: 'gateway', beside: shown, bound: 'at most', value: 1000 },
    { text: 'all accepted', figure: 'accepted', of: 'gateway', beside: shown, bound: 'at least', value: 100 },
  ],
  rounds: 3,
  warmUp: false,
  minutes: 5,
  start: (setting) => {
    const count = scaled(10_000, setting)
    const contender = (name: string) => ({ name, round: () => withFresh(setting, name, (one) => arriveAtOnce(one, count)) })
    return Promise.resolve({ contenders: ['gateway', 'postscreen'].map(contender), stop: () => Promise.resolve() })
  },
}

export const hold: BenchCase = {
  name: 'hold',
  what: '10,000 silent connections',
  needs: ['postfix', { files: 10_200 }],
  figures: {
    bytes: { label: 'resident memory per connection', unit: 'B', digits: 0 },
    megabytes: { label: 'additional resident memory', unit: 'MB', digits: 1 },
    gone: { label: 'rejected', unit: '', digits: 0 },
  },
  goals: [{ text: '≤ 4 KB per connection', figure: 'bytes', of: 'gateway', beside: shown, bound: 'at most', value: 4096 }],
  rounds: 3,
  warmUp: false,
  minutes: 2,
  start: (setting) => {
    const count = scaled(10_000, setting)
    const round = (who: string, place?: Waiting) => () => withFresh(setting, who, (one) => heldMemory(one, count), place)
    const contenders = [
      { name: 'gateway', round: round('gateway') },
      { name: onNode, round: round(onNode) },
      { name: 'postscreen', round: round('postscreen') },
      { name: 'gateway, dummy engine', round: round('gateway', 'dummy engine') },
    ]
    return Promise.resolve({ contenders, stop: () => Promise.resolve() })
  },
}
