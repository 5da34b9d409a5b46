// Many random pairs of policies: what the second one would do with the clients of the first one's log, and what it does.
import { wordsOf } from '../../cli/simulate/tally.ts'
import { seeded } from '../differential/random.ts'
import type { Rules } from '../../gateway/core/rules.ts'
import { rulesOf } from '../support/core-session.ts'
import { compareFates, predict } from './compare-fates.ts'
import { playClients, startTime } from './play-clients.ts'
import { randomClients } from './random-clients.ts'
import { policyPair } from './random-policies.ts'

export interface CampaignSettings {
  readonly pairs: number
  readonly sessions: number
  readonly seed: number
  /** Only the pair of this number. */
  readonly only?: number
}

export interface CampaignResult {
  readonly pairs: number
  readonly equal: number
  readonly unknown: number
  readonly different: number
  /** Verdicts that change when a log is simulated under the policy that wrote it; none should. */
  readonly changedByOwnPolicy: number
  /** Of those under their own policy. */
  readonly unknownByOwnPolicy: number
  /** How many are not known for which reason. */
  readonly reasons: ReadonlyMap<string, number>
}

/** Every pair is settled by the seed and its number alone. @param tell told of each difference */
export function campaign({ pairs, sessions, seed, only }: CampaignSettings, tell: (pair: number, text: string) => void): CampaignResult {
  const reasons = new Map<string, number>()
  const sum = { pairs: 0, equal: 0, unknown: 0, different: 0, changedByOwnPolicy: 0, unknownByOwnPolicy: 0, reasons }
  for (let pair = only ?? 0; pair < (only === undefined ? pairs : only + 1); pair++) {
    const random = seeded(seed, pair)
    const [one, other] = policyPair(random).map((policy) => rulesOf(policy)) as [Rules, Rules]
    const clients = randomClients(random, sessions)
    const [first, second] = [playClients(one, clients), playClients(other, clients)]
    // Every second time the policy that wrote the log is given as well.
    const old = pair % 2 === 0 ? undefined : one
    const predictions = predict(first.lines, other, old)
    const before = compareFates(clients, startTime, first.fates, predictions, 'before')
    const after = compareFates(clients, startTime, second.fates, predictions, 'after')
    const own = compareFates(clients, startTime, first.fates, predict(first.lines, one, old), 'after')
    for (const text of [...before.differences, ...after.differences]) tell(pair, text)
    for (const text of own.differences) tell(pair, `under its own policy ${text}`)
    for (const { after: result } of predictions.values()) {
      const why = 'unknown' in result ? wordsOf(result.unknown) : undefined
      if (why !== undefined) reasons.set(why, (reasons.get(why) ?? 0) + 1)
    }
    sum.pairs++
    sum.equal += after.equal
    sum.unknown += after.unknown
    sum.different += after.differences.length + before.differences.length
    sum.changedByOwnPolicy += own.differences.length
    sum.unknownByOwnPolicy += own.unknown
  }
  return sum
}
