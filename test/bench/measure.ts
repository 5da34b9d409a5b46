// Lets contenders bear the load in turn, round after round, and notes the figures; and the same for a curve, step after step.
import type { BenchCase, Round, Setting } from './bench-case.ts'
import type { Curve, CurvePoint } from './curve.ts'
import type { ContenderRounds } from './results.ts'

export type Say = (text: string) => void

/** All rounds of a case. What has started is stopped, whatever happens. */
export async function measureCase(one: BenchCase, setting: Setting, rounds: number, say: Say): Promise<readonly ContenderRounds[]> {
  const started = await one.start(setting)
  try {
    const results = started.contenders.map(({ name }) => ({ name, rounds: [] as Round[] }))
    for (let round = one.warmUp ? 0 : 1; round <= rounds; round++) {
      for (const [index, contender] of started.contenders.entries()) {
        if (round > (contender.rounds ?? rounds)) continue
        const figures = await contender.round()
        if (round > 0) results[index]?.rounds.push(figures)
        say(`${round === 0 ? 'warm-up' : `round ${round}`}, ${contender.name}: ${roundText(one, figures)}`)
      }
    }
    return results
  } finally {
    await started.stop()
  }
}

export function roundText({ figures }: Pick<BenchCase, 'figures'>, round: Round): string {
  return Object.entries(figures)
    .filter(([key]) => round[key] !== undefined)
    .map(([key, { label, unit, digits }]) => `${label} ${(round[key] ?? 0).toFixed(digits)}${unit === '' ? '' : ` ${unit}`}`)
    .join(', ')
}

/** All rounds of each step, before the next step. */
export async function measureCurve(curve: Curve, setting: Setting, rounds: number, say: Say): Promise<readonly CurvePoint[]> {
  const started = await curve.start(setting)
  try {
    const points: CurvePoint[] = []
    for (const x of curve.steps(setting)) {
      const series = new Map<string, number[]>()
      for (let round = 1; round <= rounds; round++) {
        for (const [name, value] of Object.entries(await started.at(x))) series.set(name, [...(series.get(name) ?? []), value])
      }
      for (const [name, values] of series) points.push({ x, series: name, values })
      say(
        `${curve.x.label} ${x}: ${[...series].map(([name, values]) => `${name} ${values.map((one) => one.toPrecision(3)).join(', ')}`).join('; ')} ${curve.y.unit}`,
      )
    }
    return points
  } finally {
    await started.stop()
  }
}
