// Objects that another writer changes back again and again. The operator writes them at growing intervals and names the
// other writer.
import { backOffDelay } from '../runtime/back-off.ts'
import { isObject } from '../crds/is-object.ts'
import type { KubeObject } from './kube/object.ts'

/** An object that does not keep the state that the policy wants. */
export interface Contested {
  readonly object: KubeObject
  /** The field manager, other than the operator, that wrote last; undefined if there is none. */
  readonly by: string | undefined
  /** The object was not changed but deleted. */
  readonly isDeleted: boolean
  /** When it may be written again, in milliseconds from now; 0: at once. */
  readonly waitMs: number
}

/** An object that differed after it was applied. */
export interface Contest {
  readonly object: KubeObject
  readonly by: string | undefined
  readonly isDeleted: boolean
  /** How often the operator has corrected it. */
  readonly times: number
  readonly writtenAt: number
  readonly differedAt: number
}

/** The first few changes by hand are reverted at once. */
const atOnce = 3
const delays = { firstMs: 1000, longestMs: 5 * 60_000 }
/** An object that has not differed for this long, or for twice the last delay, is no longer reported. */
const calmMs = 60_000
/** After this time the count starts again at zero. */
const forgottenMs = 15 * 60_000

const delayOf = (times: number): number => (times < atOnce ? 0 : backOffDelay(delays, times - atOnce))

/**
 * Called when an object differs after it was applied. Returns the contest as it is now, and how long not to write the
 * object, in milliseconds; 0: write it now.
 * @param before the contest about this object so far
 * @param now in monotonic milliseconds
 */
export function contestAgain(
  before: Contest | undefined,
  seen: Pick<Contest, 'object' | 'by' | 'isDeleted'>,
  now: number,
): { readonly contest: Contest; readonly waitMs: number } {
  const recent = before !== undefined && now - before.differedAt < forgottenMs ? before : undefined
  const { times = 0, writtenAt = now } = recent ?? {}
  const left = writtenAt + delayOf(times) - now
  const waits = times > 0 && left > 0
  const contest = { ...seen, times: waits ? times : times + 1, writtenAt: waits ? writtenAt : now, differedAt: now }
  return { contest, waitMs: waits ? left : 0 }
}

/** The contests of a policy that are reported. */
export function reportedContests(contests: Iterable<Contest>, now: number): readonly Contested[] {
  return [...contests]
    .filter(({ times, differedAt }) => times > atOnce && now - differedAt < Math.max(calmMs, 2 * delayOf(times)))
    .map(({ object, by, isDeleted, times, writtenAt }) => ({
      object,
      by,
      isDeleted,
      waitMs: Math.max(0, writtenAt + delayOf(times) - now),
    }))
}

/**
 * The field manager other than `ours` that wrote last, with the subresource that it wrote to. Controllers write to
 * `status` and do not count.
 */
export function lastWriter({ metadata }: KubeObject, ours: readonly string[]): string | undefined {
  const { managedFields } = metadata
  const others = (Array.isArray(managedFields) ? managedFields.filter(isObject) : [])
    .filter(({ manager, subresource }) => typeof manager === 'string' && !ours.includes(manager) && subresource !== 'status')
    .toSorted((a, b) => String(a['time']).localeCompare(String(b['time'])))
  const last = others.at(-1)
  if (last === undefined) return undefined
  const { manager, subresource } = last
  return typeof subresource === 'string' && subresource !== '' ? `${String(manager)} (${subresource})` : String(manager)
}
