// Runs one of the reliability scenarios in its long form and prints its figures: `npx node test/reliability/run.ts SCENARIO [--option N …]`. Needs root on Linux.
// Ends with code 1 when a promise was broken.
import { openFilesLimit } from '../laboratory/open-files-limit.ts'
import { parseArgs } from 'node:util'
import { acknowledged } from './acknowledged.ts'
import { backendFaults } from './backend-faults.ts'
import { dnsFault, dnsFaults, greetWaitMs, restartedServer } from './dns-faults.ts'
import { faultySoak } from './faulty-soak.ts'
import { tallyLines, wrongOf } from './figures-text.ts'
import { legitimate } from '../laboratory/mixed-clients.ts'
import { hasOwnNetwork, runInOwnNetwork } from './own-network.ts'
import { podCapacity } from './pod-capacity.ts'
import { rollout } from './rollout.ts'
import { slowLoris } from './slow-loris.ts'
import { strangers, strangersFaults, strangersScene } from './strangers.ts'
import { valkeyFaults } from './valkey-faults.ts'

const usage = `usage: npx node test/reliability/run.ts SCENARIO [--option N …]
  rollout       --rate 200 --minutes 5 --delay 10 --lag 2    gateways and Postfixes are replaced under load
  acknowledged  --messages 100000 --clients 20 --rate 300 --every 2    gateways are killed while clients deliver
  valkey        --rate 200 --seconds 15                      the Valkey is held still, cut off, full, killed
  backends      --rate 100 --seconds 10                      one of two mail servers fails in every way
  dns           --clients 500                                DNS is dead, slow, lying, restarted
  loris         --clients 19800 --seconds 60 --rate 20 [--usual-limits]    slow-loris clients hold on
  soak          --minutes 30 --rate 150 --every 5            mixed load with a fault every few seconds
  strangers     --minutes 30 --rate 60 --every 8             the same with what strangers do: tables, PROXY settings, descriptors, error codes
  pod           --rate 200 --seconds 30 --clients 9000       what one gateway takes`

const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: {
    rate: { type: 'string' },
    minutes: { type: 'string' },
    seconds: { type: 'string' },
    messages: { type: 'string' },
    clients: { type: 'string' },
    every: { type: 'string' },
    delay: { type: 'string' },
    lag: { type: 'string' },
    'usual-limits': { type: 'boolean' },
    json: { type: 'boolean' },
  },
})

type Option = Exclude<keyof typeof values, 'usual-limits' | 'json'>
const number = (name: Option, otherwise: number): number => Number(values[name] ?? otherwise)
const say = (text: string): void => {
  if (values.json !== true) console.log(text)
}

/** Figures for people, the outcome for programs, and whether all promises were kept. */
interface Report {
  readonly lines: readonly string[]
  readonly outcome: unknown
  readonly kept: boolean
}

const text = (value: object): string =>
  JSON.stringify(value, (_, one: unknown) => (typeof one === 'number' ? Math.round(one * 10) / 10 : one))
const none = (counts: object): boolean => Object.keys(counts).length === 0

const scenarios: Readonly<Record<string, () => Promise<Report>>> = {
  rollout: async () => {
    const seconds = number('minutes', 5) * 60
    const options = { perSecond: number('rate', 200), seconds, delaySeconds: number('delay', 10), lagMs: number('lag', 2) * 1000, say }
    const { tallies, ...outcome } = await rollout(options)
    const wrong = wrongOf(tallies, legitimate)
    return {
      outcome,
      kept: none(wrong) && outcome.exitCodes.every((code) => code === 0),
      lines: [...tallyLines(tallies), text(outcome)],
    }
  },
  acknowledged: async () => {
    const options = { messages: number('messages', 100_000), clients: number('clients', 20), killEveryMs: number('every', 2) * 1000 }
    const outcome = await acknowledged({ ...options, perSecond: number('rate', 300), say })
    return { outcome, kept: outcome.lost === 0 && outcome.surplus === 0, lines: [text(outcome)] }
  },
  valkey: async () => {
    const outcome = await valkeyFaults({ perSecond: number('rate', 200), seconds: number('seconds', 15), say })
    const { phases, ...rest } = outcome
    const kept = phases.every(({ wrong, addedMs }) => none(wrong) && addedMs <= 60)
    return { outcome, kept, lines: [text(rest)] }
  },
  backends: async () => {
    const outcome = await backendFaults({ perSecond: number('rate', 100), seconds: number('seconds', 10), say })
    const kept = outcome.every(({ wrong, inFirstSecond, later }) => none(wrong) && inFirstSecond.longest < 2500 && later.p99 < 100)
    return { outcome, kept, lines: [] }
  },
  dns: async () => {
    const clients = number('clients', 500)
    const outcomes: object[] = []
    let kept = true
    for (const fault of dnsFaults) {
      const outcome = await dnsFault(fault, clients)
      kept &&= outcome.served === clients && none(outcome.left) && outcome.slowestMs < greetWaitMs + 2000
      say(`${fault.what.padEnd(46)} ${text(outcome)}`)
      outcomes.push({ what: fault.what, ...outcome })
    }
    const restarted = await restartedServer(clients)
    kept &&= restarted.before === clients && restarted.dead === 0 && restarted.after === clients
    return { outcome: { outcomes, restarted }, kept, lines: [`restarted; dropped before, while it was dead, after: ${text(restarted)}`] }
  },
  loris: async () => {
    const options = {
      lorises: number('clients', Math.floor(openFilesLimit() / 2) - 400),
      seconds: number('seconds', 60),
      goodPerSecond: number('rate', 20),
    }
    const outcome = await slowLoris({ ...options, everyMs: 5000, usualLimits: values['usual-limits'] === true, say })
    return { outcome, kept: outcome.good.came === outcome.good.served, lines: [text(outcome)] }
  },
  soak: async () => {
    const options = { seconds: number('minutes', 30) * 60, perSecond: number('rate', 150), everyMs: number('every', 5) * 1000 }
    const { tallies, looks: _, ...outcome } = await faultySoak({ ...options, scene: { selfTest: '30s' }, say })
    const wrong = wrongOf(tallies, legitimate)
    const alarms = [...outcome.listAlarms, ...outcome.addressAlarms]
    const kept =
      none(wrong) &&
      none(outcome.left) &&
      alarms.length === 0 &&
      outcome.listsFoundHealthy > 0 &&
      outcome.internalErrors === 0 &&
      outcome.liveGrowth < 100
    return { outcome, kept, lines: [...tallyLines(tallies), text(outcome)] }
  },
  strangers: async () => {
    const options = { seconds: number('minutes', 30) * 60, perSecond: number('rate', 60), everyMs: number('every', 8) * 1000 }
    const outcome = await faultySoak({ ...options, faults: strangersFaults, strangers, scene: strangersScene, say })
    const { tallies, looks, ...rest } = outcome
    const wrong = wrongOf(tallies, legitimate)
    const deferred = Object.entries(wrong).reduce((sum, [how, count]) => sum + (how.includes(': 421 ') ? count : Infinity), 0)
    const kept =
      deferred <= rest.deferrable &&
      none(rest.left) &&
      none(rest.unseen) &&
      rest.episodes.every(({ begun, ended }) => begun > 0 && begun === ended) &&
      rest.internalErrors === 0 &&
      rest.liveGrowth < 100
    return { outcome: { ...rest, looks }, kept, lines: [...tallyLines(tallies), text({ ...rest, deferred })] }
  },
  pod: async () => {
    const outcome = await podCapacity({
      perSecond: number('rate', 200),
      seconds: number('seconds', 30),
      stay: number('clients', 9000),
      say,
    })
    return { outcome, kept: true, lines: [text(outcome)] }
  },
}

const scenario = scenarios[positionals[0] ?? '']
if (scenario === undefined || positionals.length !== 1) {
  console.error(usage)
  process.exit(2)
}
if (['valkey', 'backends'].includes(positionals[0] ?? '') && !hasOwnNetwork()) {
  const { code } = await runInOwnNetwork([import.meta.filename, ...process.argv.slice(2)], 'shown')
  process.exit(code ?? 1)
}
const { lines, outcome, kept } = await scenario()
for (const line of lines) say(line)
say(kept ? 'verdict: every promise was kept' : 'verdict: A PROMISE WAS BROKEN')
if (values.json === true) console.log(JSON.stringify(outcome))
process.exit(kept ? 0 : 1)
