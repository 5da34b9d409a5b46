// Describes in one line what a pass has created, changed and removed.
import type { Applied } from './apply.ts'

/** An object that is not as it was before the pass. */
export type Change = Applied & { readonly is: 'created' | 'changed' | 'removed' }

export const isChange = (one: Applied): one is Change => one.is === 'created' || one.is === 'changed' || one.is === 'removed'

const verbs = { created: 'Created', changed: 'Updated', removed: 'Removed' } as const
const order = ['created', 'changed', 'removed'] as const

/** The limit of the API server (ValidateEvent) for the note of an event, in bytes. Kinds and names are ASCII. */
const longest = 1024
const andMore = (count: number): string => ` and ${count} more`

/** The reason of the event: what was done to all of them, or that the policy's objects were updated. */
export function changeReason(changes: readonly Change[]): string {
  const [first, ...others] = new Set(changes.map(({ is }) => is))
  return first === undefined || others.length > 0 ? verbs.changed : verbs[first]
}

/** `Created ConfigMap mx-policy, Deployment mx-gateway; removed Service mx-gateway`, of at most 1024 bytes. */
export function changeNote(changes: readonly Change[]): string {
  const sorted = order.flatMap((is) => changes.filter((one) => one.is === is))
  let note = ''
  for (const [at, { is, object }] of sorted.entries()) {
    const before = sorted[at - 1]
    const name = `${object.kind} ${object.metadata.name}`
    const verb = before === undefined ? `${verbs[is]} ` : `; ${verbs[is].toLowerCase()} `
    const longer = `${note}${before?.is === is ? ', ' : verb}${name}`
    const left = sorted.length - at
    if (longer.length + (left > 1 ? andMore(left).length : 0) > longest) return `${note}${andMore(left)}`
    note = longer
  }
  return note
}
