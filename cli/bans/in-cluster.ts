// The bans of all gateways of a policy, as one list.
import { isObject, fieldsOf } from '../../crds/is-object.ts'
import { oneLine } from '../../operator/gateways/one-line.ts'
import type { BanEntry } from '../../gateway/bans/ban-page.ts'
import { gatewayJson } from '../cluster/gateways.ts'
import { ClusterError } from '../cluster/needs.ts'
import { onlyInPod } from '../cluster/exec-advice.ts'
import { askGateways, type PolicyPlace } from '../cluster/policy-place.ts'

/** A ban, and the gateways that have it. `refused`: by all of them. */
export interface ClusterBan extends BanEntry {
  readonly gateways: readonly string[]
}

/** Rejects with a ClusterError. */
export async function bansInCluster(
  place: PolicyPlace,
  warn: (text: string) => void,
): Promise<{ readonly bans: readonly ClusterBan[]; readonly asked: number }> {
  const answers = await askGateways(place, async (gateway) => readBans(await gatewayJson(place.cluster, gateway, 'bans')), warn)
  const all = answers.flatMap(({ gateway, answer }) => answer.map((ban) => ({ gateway, ban })))
  const bans = [...Map.groupBy(all, ({ ban }) => ban.network).values()].flatMap((some): readonly ClusterBan[] => {
    const last = some.toSorted((a, b) => (a.ban.until < b.ban.until ? 1 : -1))[0]
    if (last === undefined) return []
    const refused = some.reduce((sum, { ban }) => sum + ban.refused, 0)
    return [{ ...last.ban, refused, gateways: some.map(({ gateway }) => gateway) }]
  })
  return { bans, asked: answers.length }
}

function readBans(value: unknown): readonly BanEntry[] {
  const { bans } = fieldsOf(value)
  if (!Array.isArray(bans)) throw new ClusterError('does not answer like a gateway of this version', 200)
  const text = (one: unknown): string => (typeof one === 'string' ? oneLine(one) : '')
  const count = (one: unknown): number => (typeof one === 'number' && Number.isFinite(one) ? one : 0)
  return bans.filter(isObject).map(({ network, since, until, nth, by, refused }) => ({
    ...{ network: text(network), since: text(since), until: text(until), nth: count(nth), refused: count(refused) },
    by: by === 'administrator' ? by : 'gateway',
  }))
}

/** A gateway accepts changes only from its own pod: the error says what to run there. */
export function changeInPods(place: PolicyPlace, words: readonly string[]): Promise<ClusterError> {
  const why = 'a gateway accepts changes only from its own pod. Gateways with a shared Valkey learn them within seconds: run'
  return onlyInPod(place, `${why} this in one of them, or otherwise in each`, ['postscreen', 'bans', ...words], false)
}
