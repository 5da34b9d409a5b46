// Silent connections that stay, 10,000 and 100,000: the memory of each, and how long a good client waits for its greeting meanwhile.
import { openFilesLimit } from '../../laboratory/open-files-limit.ts'
import { permitted } from '../../laboratory/scripts.ts'
import type { Waiting } from '../../laboratory/silent-crowd.ts'
import type { BenchCase, FigureKind, Goal, Round, Setting, Started } from '../bench-case.ts'
import { scaled } from '../bench-case.ts'
import { gatewayCode } from '../code-paths.ts'
import { greetingRound } from '../greeting-round.ts'
import { heldCount, heldMemory, onNode, type Silent, withFreshServer, workersFor } from '../silent-server.ts'
import { startSinkProcess } from '../sink-process.ts'

const figures: Readonly<Record<string, FigureKind>> = {
  connections: { label: 'connections', unit: '', digits: 0 },
  bytes: { label: 'resident memory per connection', unit: 'B', digits: 0 },
  megabytes: { label: 'additional resident memory', unit: 'MB', digits: 1 },
  gone: { label: 'rejected', unit: '', digits: 0 },
  'greeting-p50': { label: 'greeting of a good client, p50', unit: 'ms', digits: 2 },
  'greeting-p99': { label: 'greeting of a good client, p99', unit: 'ms', digits: 2 },
  failed: { label: 'good clients not greeted', unit: '', digits: 0 },
}

const shown = { peer: 'postscreen', how: 'shown' } as const

const goals: readonly Goal[] = [
  {
    text: "≤ postscreen's memory per connection",
    figure: 'bytes',
    of: 'gateway',
    beside: { peer: 'postscreen', how: 'ratio' },
    bound: 'at most',
    value: 1,
  },
  { text: 'p99 ≤ 20 ms', figure: 'greeting-p99', of: 'gateway', beside: shown, bound: 'at most', value: 20 },
]

interface Contender {
  readonly name: string
  readonly place?: Waiting
  readonly workers?: number
}

/** Each contender holds `count` connections, and good clients come one after another meanwhile. */
async function startHold(setting: Setting, count: number, contenders: readonly Contender[]) {
  const sink = await startSinkProcess()
  const goodClients = scaled(500, setting)
  const round = (silent: Silent) => (): Promise<Round> =>
    withFreshServer(setting, { ...silent, backend: sink.port }, (one) =>
      heldMemory(one, count, async () => {
        const { p50, p99, failed } = await greetingRound(one.port, goodClients, permitted)
        return { 'greeting-p50': p50 ?? Number.NaN, 'greeting-p99': p99 ?? Number.NaN, failed: failed ?? Number.NaN }
      }),
    )
  const started: Started = {
    contenders: contenders.map(({ name, ...rest }) => ({ name, round: round({ who: name, ...rest }) })),
    stop: () => sink.stop(),
  }
  return started
}

export const hold: BenchCase = {
  name: 'hold',
  what: '10,000 silent connections stay, and good clients of the access list are greeted meanwhile',
  needs: ['postfix', { files: 10_200 }],
  measures: gatewayCode,
  figures,
  goals,
  rounds: 5,
  warmUp: false,
  minutes: 5,
  start: (setting) => {
    const dummy = { name: 'gateway, dummy engine', place: 'dummy engine' } as const
    return startHold(setting, heldCount(10_000, setting), [{ name: 'gateway' }, { name: onNode }, { name: 'postscreen' }, dummy])
  },
}

export const holdMore: BenchCase = {
  name: 'hold-100000',
  what: '100,000 silent connections stay, and good clients of the access list are greeted meanwhile',
  needs: [{ flag: '--workers' }],
  measures: gatewayCode,
  figures,
  goals,
  rounds: 5,
  warmUp: false,
  minutes: 25,
  start: (setting) => {
    const count = scaled(100_000, setting)
    // postscreen has one process only.
    const fitsIntoOne = openFilesLimit() > count + 1000
    return startHold(setting, count, [{ name: 'gateway', workers: workersFor(count) }, ...(fitsIntoOne ? [{ name: 'postscreen' }] : [])])
  },
}
