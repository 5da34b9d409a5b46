// The active policy: a loaded policy with everything that is computed from it once, when it comes into force. Sessions
// keep the one under which they began.
import type { Problem } from '../../crds/problems.ts'
import os from 'node:os'
import { dirname } from 'node:path'
import { isDeepStrictEqual } from 'node:util'
import type { PolicySpec, PostscreenPolicy } from '../../crds/schema/policy.schema.ts'
import type { CompiledTable } from '../core/access-list.ts'
import { clientAddressRules } from '../core/client-address/address-rules.ts'
import { compileAccess, compileRules, type Rules } from '../core/rules.ts'
import { bit } from '../core/tests.ts'
import { testNames } from '../core/vocabulary.ts'
import type { CleanupRules } from '../allowlist/cleanup-run.ts'
import type { SharedStore } from '../allowlist/gateway-allowlist.ts'
import { sharedStoreOf } from '../allowlist/shared-store-of-policy.ts'
import type { BackendOptions } from '../backend/backend-options.ts'
import type { DnsTimes } from '../dns/dns-client.ts'
import type { ListPolicy } from '../dns/gateway-lists.ts'
import type { ListTestRules } from '../dns/list-monitor.ts'
import { connectionLimit } from '../smtp/capacity.ts'
import { milliseconds } from '../../crds/values/duration.ts'
import type { Network } from '../../crds/values/network.ts'
import type { Endpoint } from '../../crds/values/endpoint.ts'
import { localTime } from '../observability/log.ts'
import { openFilesLimit } from '../../runtime/open-files.ts'
import type { LoadedPolicy } from '../policy-files/loaded-policy.ts'
import { addressesIn, headerRequirement } from '../smtp/proxy-protocol.ts'
import type { ReceptionRules } from '../smtp/reception.ts'
import { dnsServers } from '../dns/dns-servers.ts'
import type { TlsMaterial } from '../policy-files/tls-context.ts'
import { backendsOf, type GatewayOptions, resolversOf } from './options.ts'

/** A policy that is ready for use. */
export interface ActivePolicy {
  readonly policy: PostscreenPolicy
  readonly hash: string
  readonly loadedAt: Date
  /** See LoadedPolicy. */
  readonly leftOut: readonly Problem[]
  readonly rules: Rules
  /** Access tables by the name of their file in the policy. */
  readonly tables: ReadonlyMap<string, CompiledTable>
  readonly reception: ReceptionRules
  readonly backends: BackendOptions
  readonly dnsServers: readonly Endpoint[]
  readonly dnsTimes: DnsTimes
  readonly listTests: ListTestRules
  readonly tls: TlsMaterial | undefined
  /** Undefined: the gateway's own allowlist. */
  readonly sharedStore: SharedStore | undefined
}

/** @param before the active policy so far */
export function activePolicy(loaded: LoadedPolicy, options: GatewayOptions, before?: ActivePolicy): ActivePolicy {
  const { policy, hash, tables, siteKeys, leftOut } = loaded
  const { spec } = policy
  const dns = dnsServers(resolversOf(options, spec))
  const shared = shareOfLimits(spec, options.worker?.of ?? 1)
  return {
    policy,
    hash,
    loadedAt: new Date(),
    leftOut,
    tables,
    rules: compileRules(shared, { hostname: os.hostname(), tables, siteKeys, localTime }),
    reception: {
      needsHeader: headerRequirement(spec.listen.proxyProtocol),
      headerTimeoutMs: milliseconds(spec.listen.proxyProtocol.timeout),
      isHealthCheck: addressesIn(spec.probes.networks),
      limit: connectionLimit(openFilesLimit(), shared.limits.connections),
    },
    backends: {
      addresses: backendsOf(options, policy),
      proxyProtocol: spec.backend.proxyProtocol,
      connectTimeoutMs: milliseconds(spec.backend.connectTimeout),
      greetingTimeoutMs: milliseconds(spec.backend.greetingTimeout),
      holdMs: milliseconds(spec.backend.holdTime),
      slowStartMs: milliseconds(spec.backend.slowStart),
      probeAfterMs: milliseconds(spec.backend.probeInterval),
      connectRate: Math.ceil(spec.backend.connectRate / (options.worker?.of ?? 1)),
      learnsKeywords: continuesSessions(spec),
    },
    dnsServers: dns.servers,
    // A certificate that cannot be used, such as one that does not fit its key yet, does not take the place of one that
    // can.
    tls: loaded.tls ?? (spec.tls.level === 'None' ? undefined : before?.tls),
    sharedStore: sharedStoreOf(spec.allowlist, dirname(options.policyFile)),
    listTests: listTestRules(spec.dnsbl),
    dnsTimes: { timeoutMs: milliseconds(spec.dnsbl.timeout), queryTimeoutMs: dns.queryTimeoutMs, attempts: dns.attempts },
  }
}

/** What a policy says about DNS lists. */
export const listPolicy = ({ rules, dnsServers: servers, dnsTimes: times, listTests: tests }: ActivePolicy): ListPolicy => ({
  dnsbl: rules.dnsbl,
  servers,
  times,
  tests,
})

/** What a policy says about the cleanup of the temporary allowlist. */
export function cleanupRules({ policy, rules }: ActivePolicy): CleanupRules {
  const { cleanupInterval, retention } = policy.spec.allowlist
  return { interval: cleanupInterval, retention, enabled: testNames.map((name) => (rules.enabled & bit[name]) !== 0) }
}

/** The same policy, with the networks that the SPF records of its senders permit now. */
export function withSenders(active: ActivePolicy, senders: ReadonlyMap<string, readonly Network[]>): ActivePolicy {
  const { access } = active.policy.spec
  if (!access.some(({ spf }) => spf !== undefined)) return active
  const compiled = compileAccess(access, { tables: active.tables, senders })
  const clientAddress = clientAddressRules(active.policy.spec, compiled)
  return { ...active, rules: { ...active.rules, access: compiled, clientAddress } }
}

/**
 * Whether nothing has changed that decides which addresses clients seem to have, and which of them are expected. After
 * such a change, what was found about them must be found again.
 */
export function haveSameAddresses({ policy: one }: ActivePolicy, { policy: other }: ActivePolicy): boolean {
  const parts = ({ clientAddress, access, listen, probes, gateway }: PolicySpec): unknown => [
    ...[clientAddress, access, listen.proxyProtocol, probes, gateway?.service],
  ]
  return isDeepStrictEqual(parts(one.spec), parts(other.spec))
}

/** Whether clients under test are handed off within their session, so that the EHLO keywords of backends matter. */
function continuesSessions({ deepTests }: PolicySpec): boolean {
  const { handoff, pipelining, nonSMTPCommand, bareNewline } = deepTests
  return handoff === 'SameSession' && (pipelining.enabled || nonSMTPCommand.enabled || bareNewline.enabled)
}

function listTestRules({ selfTest, whenUnhealthy, suspiciousShare: { window, ...bounds } }: PolicySpec['dnsbl']): ListTestRules {
  return { everyMs: milliseconds(selfTest), suspends: whenUnhealthy === 'Suspend', share: { ...bounds, windowMs: milliseconds(window) } }
}

/**
 * Each worker has its share of the limits, so that the policy's numbers hold for the gateway; rounded up, so that it is
 * at least one.
 */
function shareOfLimits(spec: PolicySpec, workers: number): PolicySpec {
  const { limits } = spec
  const part = (limit: number): number => Math.ceil(limit / workers)
  return {
    ...spec,
    limits: {
      ...limits,
      connections: part(limits.connections),
      preQueue: part(limits.preQueue),
      postQueue: part(limits.postQueue),
    },
  }
}
