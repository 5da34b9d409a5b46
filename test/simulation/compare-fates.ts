// Predicts from the log of one policy what another one would do with its clients, and compares this with what it does.
import { Simulation } from '../../cli/simulate/simulation.ts'
import { LineReader } from '../../cli/simulate/line-reader.ts'
import type { Replayed } from '../../cli/simulate/replayed-session.ts'
import type { Rules } from '../../gateway/core/rules.ts'
import type { Fate } from './play-clients.ts'
import type { RandomClient } from './random-clients.ts'

export interface Prediction {
  readonly before: Replayed | undefined
  readonly after: Replayed
}

/** By `[ADDRESS]:PORT at TIME`: what the log says, and the prediction. */
export function predict(lines: readonly string[], rules: Rules, old: Rules | undefined): ReadonlyMap<string, Prediction> {
  const world = (of: Rules) => ({ rules: of, isLocal: true, isWrittenByOthers: false, hasOtherKeys: false })
  const predictions = new Map<string, Prediction>()
  const simulation = new Simulation({ policy: world(rules), old: old === undefined ? undefined : world(old) }, (session, before, after) =>
    predictions.set(nameOf(session.client.address, session.client.port, session.time), { before, after }),
  )
  const reader = new LineReader(Date.now())
  for (const line of lines) {
    const item = reader.read(line)
    if (item !== undefined) simulation.take(item)
  }
  simulation.finish()
  return predictions
}

export const nameOf = (address: string, port: number, time: number): string => `[${address}]:${port} at ${time}`

export interface Comparison {
  readonly equal: number
  readonly unknown: number
  readonly differences: readonly string[]
}

/** @param start epoch milliseconds at which the clients began to come */
export function compareFates(
  clients: readonly RandomClient[],
  start: number,
  fates: readonly Fate[],
  predictions: ReadonlyMap<string, Prediction>,
  which: 'before' | 'after',
): Comparison {
  let equal = 0
  let unknown = 0
  const differences: string[] = []
  for (const [i, { address, port, at }] of clients.entries()) {
    const name = nameOf(address, port, start + at)
    const predicted = predictions.get(name)?.[which]
    const fate = fates[i]
    if (predicted !== undefined && 'unknown' in predicted) unknown++
    else if (predicted?.outcome === fate) equal++
    else
      differences.push(
        `${name}: ${which === 'after' ? 'predicted' : 'from the log'} ${predicted?.outcome} ${predicted?.by ?? ''}, real ${fate}`,
      )
  }
  return { equal, unknown, differences }
}
