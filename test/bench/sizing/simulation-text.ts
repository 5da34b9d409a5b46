// What the sizing page says of the simulation.
import { grouped } from '../verdict.ts'
import { longestWaitMs, suffices } from './simulate.ts'
import type { SimulationResult } from './simulation-result.ts'
import { table } from './table.ts'

const stageNames: Readonly<Record<SimulationResult['stages'][number]['stage'], string>> = {
  gateway: 'CPU of the gateways',
  dns: 'DNS servers',
  valkey: 'Valkey',
  postfix: 'sessions of Postfix',
}

const limitTexts: Readonly<Record<keyof SimulationResult['fullest'], string>> = {
  preQueue: '`limits.preQueue`',
  openFiles: 'open files',
  conntrack: 'conntrack entries',
  ports: 'local ports towards Postfix',
}

const percent = (share: number): string => `${grouped(share * 100, share < 0.1 ? 1 : 0)} %`
const ms = (value: number): string => `${grouped(value, value < 10 ? 2 : 0)} ms`

/** A column for each run: load, waiting times, and how full each limit became. */
export function simulationText(runs: readonly SimulationResult[]): string {
  const heads = ['', ...runs.map(({ pods }) => `${pods} pods`)]
  const [first] = runs
  const stages = (first?.stages ?? []).flatMap(({ stage }) => {
    const of = (text: (result: SimulationResult['stages'][number]) => string): readonly string[] =>
      runs.map((run) =>
        run.stages
          .filter((one) => one.stage === stage)
          .map(text)
          .join(''),
      )
    return [
      [`${stageNames[stage]}: load`, ...of(({ utilisation }) => percent(utilisation))],
      [`${stageNames[stage]}: wait p50, p99`, ...of(({ p50, p99 }) => `${ms(p50)}, ${ms(p99)}`)],
    ]
  })
  const limits = (Object.keys(limitTexts) as (keyof typeof limitTexts)[]).map((name) => [
    `${limitTexts[name]} at the fullest moment`,
    ...runs.map(({ fullest }) => percent(fullest[name])),
  ])
  const rows = [
    ['visits', ...runs.map(({ arrived }) => grouped(arrived, 0))],
    ...stages,
    ...limits,
    ['refused', ...runs.map(({ refused }) => percent(refused))],
    ['longest wait for the CPU of a gateway', ...runs.map(({ longestWait }) => ms(longestWait * 1000))],
    ['limit that is reached first', ...runs.map(firstLimit)],
    [`enough (nothing refused, each p99 ≤ ${longestWaitMs} ms)`, ...runs.map((run) => (suffices(run) ? 'yes' : '**no**'))],
  ]
  return table(heads, rows)
}

/** Of all loads and limits the one with the highest share. */
function firstLimit({ stages, fullest }: SimulationResult): string {
  const shares = [
    ...stages.map(({ stage, utilisation }) => ({ text: stageNames[stage], share: utilisation })),
    ...Object.entries(fullest).map(([name, share]) => ({ text: limitTexts[name as keyof typeof limitTexts], share })),
  ]
  return shares.reduce((most, one) => (one.share > most.share ? one : most)).text
}
