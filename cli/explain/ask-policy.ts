// Explains with a policy file alone: its rules and lists, without a gateway and its sessions.
import { dirname } from 'node:path'
import type { Endpoint } from '../../crds/values/endpoint.ts'
import { newScreening } from '../../gateway/core/clients.ts'
import { settingsOfPolicy } from '../../gateway/allowlist/valkey-settings.ts'
import { openLog } from '../../gateway/observability/log.ts'
import { type ExplainSource, explainPage, readSubject } from '../../gateway/observability/explain/explain-page.ts'
import type { LoadedPolicy } from '../../gateway/policy-files/loaded-policy.ts'
import { loadPolicy } from '../../gateway/policy-files/policy-file.ts'
import { type ActivePolicy, activePolicy, withSenders } from '../../gateway/process/active-policy.ts'
import { permittedBy } from '../../gateway/core/spf/sender.ts'
import { spfBounds } from '../../gateway/core/spf/spf-bounds.ts'
import { sendersOf } from '../../gateway/core/spf/senders-of-policy.ts'
import { messageOf } from '../../runtime/caught.ts'
import { openDirectory, openValkey, type Place } from '../allowlist/place.ts'
import { expandDomains, networksOf } from '../spf/expand-domains.ts'
import type { AskAll } from './answer.ts'

export interface PolicyPlace {
  readonly file: string
  /** Of a gateway, for its allowlist. */
  readonly dataDir: string | undefined
  readonly resolvers: readonly Endpoint[]
  readonly warn: (text: string) => void
}

/** Rejects with every problem of the policy, and if the data directory cannot be used. */
export async function policyAsk(place: PolicyPlace): Promise<{ readonly ask: AskAll; close(): Promise<void> }> {
  const reading = loadPolicy(place.file)
  if (!('loaded' in reading)) throw new Error(reading.problems.map(({ path, why }) => `${place.file}: ${path}: ${why}`).join('\n'))
  const { loaded } = reading
  const { store, problem } = await openStore(place, loaded)
  const active = await activeNow(place, loaded)
  const ask: AskAll = async (subject, server) => {
    const read = readSubject(subject)
    if ('why' in read) return [{ gateway: place.file, error: read.why }]
    try {
      return [{ gateway: place.file, page: await explainPage(sourceOf(place, active, store, problem), read.value, server) }]
    } catch (error) {
      return [{ gateway: place.file, error: messageOf(error) }]
    }
  }
  return { ask, close: async () => await store?.close() }
}

interface OpenedStore {
  readonly store: Place | undefined
  readonly problem: string | undefined
}

async function openStore({ dataDir, warn, file }: PolicyPlace, { policy }: LoadedPolicy): Promise<OpenedStore> {
  if (dataDir !== undefined) return { store: await openDirectory(dataDir, false, warn), problem: undefined }
  const { allowlist } = policy.spec
  if (allowlist.store === 'Local')
    return { store: undefined, problem: 'the records of a gateway are not known here: add --data-dir DIR, or ask the gateway' }
  try {
    return { store: await openValkey(settingsOfPolicy(allowlist.valkey, dirname(file)), allowlist.retention), problem: undefined }
  } catch (error) {
    return { store: undefined, problem: messageOf(error) }
  }
}

/** As in a gateway that has just read the SPF records of its senders. */
async function activeNow({ file, resolvers, warn }: PolicyPlace, loaded: LoadedPolicy): Promise<ActivePolicy> {
  const active = activePolicy(loaded, { policyFile: file, resolvers, log: openLog('json', '/dev/null') })
  const domains = sendersOf(loaded.policy.spec.access).map(({ domain }) => domain)
  if (domains.length === 0) return active
  const expanded = await expandDomains(domains, { servers: active.dnsServers, times: active.dnsTimes })
  const { networks, leftOut } = permittedBy(networksOf(domains, expanded), spfBounds)
  for (const [domain, { failed, unread }] of expanded) {
    const [term] = unread
    if (failed !== undefined) warn(`SPF of ${domain}: ${failed.reason}: ${failed.why}`)
    else if (term !== undefined) warn(`SPF of ${domain}: networks may be missing: ${term.term}: ${term.why}`)
    const why = leftOut.get(domain)
    if (why !== undefined) warn(`SPF of ${domain}: left out of the policy: ${why}`)
  }
  return withSenders(active, networks)
}

function sourceOf({ dataDir }: PolicyPlace, active: ActivePolicy, store: Place | undefined, problem: string | undefined): ExplainSource {
  return {
    ...{ policy: active.policy, hash: active.hash, leftOut: active.leftOut, rules: active.rules },
    screening: newScreening(),
    tlsReady: active.tls !== undefined,
    listening: active.policy.spec.listen.addresses,
    dns: { servers: active.dnsServers, times: active.dnsTimes },
    allowlist: { name: dataDir ?? active.policy.spec.allowlist.store, problem },
    recall: async (key) => await store?.get(key),
    isHealthCheck: active.reception.isHealthCheck,
    needsHeader: active.reception.needsHeader,
    isFull: false,
    listHealth: [],
    sessionsKept: 0,
    sessions: () => [],
  }
}
