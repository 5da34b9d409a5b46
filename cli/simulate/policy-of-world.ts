// A policy file as the rules of a simulated gateway.
import os from 'node:os'
import { compileRules } from '../../gateway/core/rules.ts'
import { loadPolicy } from '../../gateway/policy-files/policy-file.ts'
import { localTime } from '../../gateway/observability/log.ts'
import { DnsblKey } from '../../gateway/core/dnsbl-key.ts'
import type { PolicySpec } from '../../crds/schema/policy.schema.ts'
import { senderName } from '../../gateway/core/spf/senders-of-policy.ts'
import type { SenderNetworks } from './senders-file.ts'
import type { WorldSettings } from './world.ts'

export interface PolicyOfWorld {
  readonly name: string
  readonly world: WorldSettings
  /** Of the keys in the temporary allowlist, as one text. */
  readonly prefix: string
  readonly isAudit: boolean
}

/**
 * Secrets and ConfigMaps of a cluster are not needed: a DNS list counts as asked with its key.
 * @param senders what SPF records permit, as far as it is known
 * @returns every problem with its file and path when the policy is not valid
 */
export function worldOfPolicy(file: string, senders: SenderNetworks = new Map()): PolicyOfWorld | { readonly problems: readonly string[] } {
  const reading = loadPolicy(file, 'elsewhere')
  if (!('loaded' in reading)) return { problems: reading.problems.map(({ path, why }) => `${file}: ${path}: ${why}`) }
  const { policy, tables, siteKeys } = reading.loaded
  const { spec } = policy
  const unread = spec.access.flatMap(({ table }, i) =>
    table?.configMap === undefined ? [] : [`${file}: spec.access[${i}].table.configMap: ${useFile}`],
  )
  if (unread.length > 0) return { problems: unread }
  const rules = compileRules(spec, { hostname: os.hostname(), localTime, tables, siteKeys: withUnknownKeys(spec, siteKeys), senders })
  return {
    name: policy.metadata.name,
    world: {
      rules,
      isLocal: spec.allowlist.store === 'Local',
      isWrittenByOthers: spec.allowlist.store === 'Valkey' || (spec.gateway?.workers ?? 1) > 1,
      hasOtherKeys: false,
      unknownSender: firstUnknownSender(spec.access, senders),
    },
    prefix: JSON.stringify(spec.allowlist.prefix),
    isAudit: rules.audit,
  }
}

/** The first entry with a domain whose networks are not known. */
function firstUnknownSender(access: PolicySpec['access'], senders: SenderNetworks): number | undefined {
  const at = access.findIndex(({ spf = [] }) => spf.some((domain) => !senders.has(senderName(domain))))
  return at < 0 ? undefined : at
}

/** No list is asked, so any key does; sites with the same Secret have the same one. */
function withUnknownKeys({ dnsbl }: PolicySpec, known: ReadonlyMap<number, DnsblKey>): ReadonlyMap<number, DnsblKey> {
  const keys = new Map(known)
  const names = dnsbl.sites.map(({ keySecret }) => JSON.stringify(keySecret))
  for (const [i, name] of names.entries()) {
    const key = name === undefined || keys.has(i) ? undefined : DnsblKey.read(`key-${names.indexOf(name)}`)
    if (key !== undefined) keys.set(i, key)
  }
  return keys
}

const useFile = 'cannot be read here; for the simulation write the table into a file, and name it: table: {file: …}'
