// An operator at work on a number of policies, in a fresh process: the API server is one in memory, so that what is counted is the operator's own work.
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { Controller } from '../../operator/controller.ts'
import { PolicyMemories } from '../../operator/policy-memory.ts'
import { policyWith } from '../operator/policy-object.ts'
import { settings } from '../operator/observed.ts'
import { WatchedCluster } from '../operator/watched-cluster.ts'
import type { Round } from './bench-case.ts'
import { forkRound } from './forked.ts'

const program = fileURLToPath(import.meta.url)
/** All objects of a gateway are created. There are no pods, so no gateway is asked for its status. */
const spec = { gateway: { replicas: 0 }, dnsbl: { action: 'Enforce', sites: [{ domain: 'bl.example.org' }] } }
const changes = 20

/** CPU time in milliseconds: until `policies` new ones are seen to (`all`), and of one that changes among them (`one`). */
export const timePolicies = (policies: number): Promise<Round> => forkRound(program, [String(policies)])

async function measure(count: number): Promise<Round> {
  const cluster = new WatchedCluster()
  let passes = 0
  const controller = new Controller({
    client: cluster.client,
    namespaces: [],
    settings,
    ask: () => Promise.resolve(undefined),
    workers: 4,
    resyncMs: 3_600_000,
    instance: 'postscreen-system/postscreen-operator',
    memories: new PolicyMemories(),
    reporter: {
      report: () => undefined,
      statusWritten: () => undefined,
      otherOperator: () => undefined,
      statusFieldsOmitted: () => undefined,
      forget: () => undefined,
    },
    queueObserver: { added: () => undefined, began: () => undefined, postponed: () => undefined, ended: () => passes++ },
    onError: (key, error) => {
      throw new Error(key, { cause: error })
    },
    onTrouble: (text) => {
      throw new Error(text)
    },
  })
  await controller.start()
  const put = (index: number, generation: number): void => {
    const policy = policyWith({ ...spec, hostname: `mx-${generation}.example` }, { generation })
    const metadata = { ...policy.metadata, name: `mx-${index}`, uid: `uid-${index}` }
    cluster.put({ ...policy, metadata })
  }
  /** What a pass writes comes back as events, and may lead to another one: it is over when no more follow. */
  const settled = async (): Promise<void> => {
    for (let seen = -1; seen !== passes || controller.depth > 0; await sleep(50)) seen = passes
  }
  const used = async (work: () => void): Promise<number> => {
    const before = process.cpuUsage()
    work()
    await settled()
    const { user, system } = process.cpuUsage(before)
    return (user + system) / 1000
  }
  const all = await used(() => {
    for (let index = 0; index < count; index++) put(index, 1)
  })
  const some = await used(() => {
    for (let change = 0; change < changes; change++) put(change % count, 2 + change)
  })
  await controller.stop()
  return { all, one: some / Math.min(changes, count) }
}

if (process.argv[1] === program) {
  process.send?.(await measure(Number(process.argv[2])))
  process.exit()
}
