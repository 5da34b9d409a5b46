// From values to places on an axis, with ticks at round numbers.

export interface Scale {
  /** The place of a value in the picture. */
  at(value: number): number
  readonly ticks: readonly number[]
}

/** An axis of less than that many powers of ten has ticks at 2 and 5 as well. */
const fewDecades = 3
const ticksWanted = 5

/**
 * @param from the place of the least value, `to` that of the most
 * @param zero whether a linear axis begins at 0
 */
export function scaleFor(kind: 'linear' | 'log', values: readonly number[], from: number, to: number, zero?: 'from zero'): Scale {
  if (values.length === 0) throw new Error('a plot needs points')
  const [least, most] = [Math.min(...values), Math.max(...values)]
  if (kind === 'log' && !(least > 0)) throw new Error(`${least} has no place on a logarithmic axis`)
  return kind === 'log' ? logScale(least, most, from, to) : linearScale(zero === undefined ? least : Math.min(0, least), most, from, to)
}

function logScale(least: number, most: number, from: number, to: number): Scale {
  const candidates = logTicks(least, most)
  const [low = least, high = most] = [
    candidates.findLast((tick) => tick <= least * 1.0001),
    candidates.find((tick) => tick >= most * 0.9999),
  ]
  const span = Math.log10(high / low) || 1
  return {
    at: (value) => from + ((to - from) * Math.log10(value / low)) / span,
    ticks: candidates.filter((tick) => tick >= low && tick <= high),
  }
}

/** Powers of ten, with 2 and 5 between where they are few, from one below `least` to one above `most`. */
function logTicks(least: number, most: number): readonly number[] {
  const [first, last] = [Math.floor(Math.log10(least)) - 1, Math.ceil(Math.log10(most)) + 1]
  const steps = Math.log10(most / least) < fewDecades ? [1, 2, 5] : [1]
  const ticks: number[] = []
  for (let power = first; power <= last; power++) for (const step of steps) ticks.push(Number(`${step}e${power}`))
  return ticks
}

function linearScale(least: number, most: number, from: number, to: number): Scale {
  const step = roundStep((most - least || Math.abs(most) || 1) / ticksWanted)
  const [low, high] = [Math.floor(least / step + 1e-9) * step, Math.ceil(most / step - 1e-9) * step || step]
  const count = Math.round((high - low) / step)
  return {
    at: (value) => from + ((to - from) * (value - low)) / (high - low || 1),
    // Not summed up: 0.1 + 0.2 would show.
    ticks: Array.from({ length: count + 1 }, (_, index) => Number((low + index * step).toPrecision(12))),
  }
}

/** The next 1, 2 or 5 times a power of ten. */
function roundStep(rough: number): number {
  const power = 10 ** Math.floor(Math.log10(rough))
  const factor = [1, 2, 5, 10].find((one) => one * power >= rough * 0.9999) ?? 10
  return factor * power
}
