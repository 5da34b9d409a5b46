// Random policies that differ in all that decides about a client.
import type { PolicySpecInput } from '../../crds/schema/policy.schema.ts'
import type { Random } from '../differential/random.ts'
import { listDomains, serverAddresses } from './random-clients.ts'

const actions = ['Ignore', 'Enforce', 'Drop'] as const
const ttls = ['1h', '1d', '30d'] as const

export const policyGroups = ['greet', 'dnsbl', 'deepTests', 'access', 'denylist', 'allowlist', 'limits', 'mode'] as const

/** A part of a spec that `rulesOf` completes. */
export function randomPolicy(random: Random): Partial<PolicySpecInput> {
  return {
    ...(random.chance(0.1) && { mode: 'Audit' as const }),
    greet: {
      action: random.pick(actions),
      ttl: random.pick(ttls),
      wait: random.pick(['1s', '2s', '3s', '6s'] as const),
      ...(random.chance(0.15) && { banner: '' }),
    },
    dnsbl: dnsbl(random),
    deepTests: {
      handoff: random.pick(['SameSession', 'Reconnect'] as const),
      pipelining: deepTest(random),
      nonSMTPCommand: deepTest(random),
      bareNewline: deepTest(random),
    },
    access: random.chance(0.3)
      ? [{ action: random.pick(['Permit', 'Reject'] as const), cidrs: ['10.0.1.0/24', '2001:db8:0:10::/60'] }]
      : [],
    denylist: { action: random.pick(actions) },
    ...(random.chance(0.15) && { allowlist: { interfaces: [`!${serverAddresses[1]}`, 'all'] } }),
    ...(random.chance(0.2) && { limits: { connectionsPerClient: random.pick([1, 2]) } }),
    ...(random.chance(0.1) && { smtp: { softBounce: true } }),
  }
}

function dnsbl(random: Random): NonNullable<PolicySpecInput['dnsbl']> {
  const sites = listDomains
    .filter(() => random.chance(0.6))
    .map((domain) => ({
      domain,
      weight: domain === 'wl.test' ? random.pick([-1, -2, -3]) : random.pick([1, 1, 2, 3]),
      ...(random.chance(0.3) && { replies: random.pick(['127.0.0.2', '127.0.0.[2..11]', '127.0.0.[4;10]']) }),
    }))
  return {
    action: random.pick(actions),
    threshold: random.pick([1, 2, 3]),
    allowThreshold: random.pick([0, 0, -1, -2]),
    minTTL: random.pick(['1m', '10m'] as const),
    maxTTL: random.pick(['1h', '4h'] as const),
    sites,
  }
}

function deepTest(random: Random): { enabled: boolean; action: (typeof actions)[number]; ttl: (typeof ttls)[number] } {
  return { enabled: random.chance(0.4), action: random.pick(actions), ttl: random.pick(ttls) }
}
