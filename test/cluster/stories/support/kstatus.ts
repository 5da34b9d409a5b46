// What GitOps tools make of an object's status: the documented rules of kstatus (sigs.k8s.io/cli-utils/pkg/kstatus/README.md).
import type { Anything } from './kubectl.ts'

export type Verdict = 'InProgress' | 'Failed' | 'Current' | 'Terminating'

export function kstatus(object: Anything): Verdict {
  const { metadata, status } = object
  if (metadata.deletionTimestamp !== undefined) return 'Terminating'
  if (status?.observedGeneration !== undefined && status.observedGeneration !== metadata.generation) return 'InProgress'
  const conditions: readonly Anything[] = status?.conditions ?? []
  const is = (type: string): string | undefined => conditions.find((one) => one.type === type)?.status
  if (is('Reconciling') === 'True') return 'InProgress'
  if (is('Stalled') === 'True') return 'Failed'
  const ready = is('Ready')
  return ready === undefined || ready === 'True' ? 'Current' : 'InProgress'
}
