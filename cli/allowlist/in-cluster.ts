// The temporary allowlist as the gateways of a policy know it: the records of single clients. The whole list, and
// changes, are had in the pods.
import { fieldsOf } from '../../crds/is-object.ts'
import { onePolicy } from '../cluster/policies.ts'
import { answerLines } from '../explain/record-lines.ts'
import type { GatewayAnswer } from '../explain/answer.ts'
import { clusterAsk } from '../explain/ask-cluster.ts'
import { onlyInPod } from '../cluster/exec-advice.ts'
import { ClusterError } from '../cluster/needs.ts'
import type { PolicyPlace } from '../cluster/policy-place.ts'

/** Where a gateway that the operator runs has its policy and its data. */
const files = ['--policy', '/etc/postscreen/policy.yaml', '--data-dir', '/var/lib/postscreen']

export interface FoundRecords {
  readonly subject: string
  readonly answers: readonly GatewayAnswer[]
  readonly hasRecord: boolean
}

/** What the gateways know about these clients. Rejects with a ClusterError. */
export async function recordsInCluster(place: PolicyPlace, words: readonly string[]): Promise<readonly FoundRecords[]> {
  const { cluster, namespace, policy } = place
  const ask = await clusterAsk({ client: cluster.client, namespace, policy, isInside: cluster.isInside })
  const found: FoundRecords[] = []
  for (const subject of words) {
    const answers = await ask(subject, undefined)
    if (answers.every(({ page }) => page === undefined))
      throw new ClusterError(answers.map(({ gateway, error = '' }) => `${gateway}: ${error}`).join('\n'), 0)
    const hasRecord = answers.some(({ page }) =>
      [page?.address?.allowlist, ...(page?.network?.allowlist ?? [])].some((record) => record !== undefined && record.tests.length > 0),
    )
    found.push({ subject, answers, hasRecord })
  }
  return found
}

/** The lines of the records. */
export const recordsText = (found: readonly FoundRecords[]): readonly string[] =>
  found.flatMap(({ subject, answers }) => [subject, ...answers.flatMap(answerLines)])

/** For all but `get`: the error says what to run in the pods. */
export async function listInPods(place: PolicyPlace, words: readonly string[]): Promise<ClusterError> {
  const { spec } = await onePolicy(place.cluster, place.policy)
  const isShared = fieldsOf(fieldsOf(spec)['allowlist'])['store'] === 'Valkey'
  const where = isShared ? files.slice(0, 2) : files
  const why = isShared
    ? 'the gateways share the allowlist in Valkey, which only a pod of theirs reaches: run this in one of them'
    : 'each gateway has its own allowlist, in its data directory: run this in each of them'
  return onlyInPod(place, why, ['postscreen', 'allowlist', ...words, ...where], isShared)
}
