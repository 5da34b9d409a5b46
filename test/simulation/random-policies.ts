// Random policies that differ in all that decides about a client.
import type { PolicySpecInput } from '../../crds/schema/policy.schema.ts'
import type { Random } from '../differential/random.ts'
import { listDomains, serverAddresses } from './random-clients.ts'

const actions = ['Ignore', 'Enforce', 'Drop'] as const
const ttls = ['1h', '1d', '30d'] as const

type Policy = Partial<PolicySpecInput>

/** What an operator tries one at a time. The sites are changed one by one: see `changed`. */
const fields: readonly (readonly string[])[] = [
  ['mode'],
  ...['action', 'wait', 'ttl', 'banner'].map((name) => ['greet', name]),
  ...['action', 'threshold', 'allowThreshold', 'minTTL', 'maxTTL', 'sites', 'sites'].map((name) => ['dnsbl', name]),
  ['deepTests', 'handoff'],
  ...['pipelining', 'nonSMTPCommand', 'bareNewline'].flatMap((test) =>
    ['enabled', 'action', 'ttl'].map((name) => ['deepTests', test, name]),
  ),
  ['access'],
  ['denylist', 'action'],
  ['allowlist'],
  ['limits'],
  ['smtp'],
]
const groups = ['greet', 'dnsbl', 'deepTests'] as const

/** A policy, and one that an operator may try instead: mostly with one or two other fields, seldom with all. */
export function policyPair(random: Random): readonly [Policy, Policy] {
  const one = randomPolicy(random)
  if (random.chance(0.1)) return [one, randomPolicy(random)]
  let other = one
  if (random.chance(0.1)) {
    const group = random.pick(groups)
    other = { ...one, [group]: randomPolicy(random)[group] }
  }
  const count = random.chance(0.6) ? 1 : 2
  // Most draws have the value that the policy has already.
  for (let draws = 0, changes = 0; changes < count && draws < 100; draws++) {
    const next = changed(random, other, random.pick(fields))
    if (JSON.stringify(next) !== JSON.stringify(other)) changes++
    other = next
  }
  return [one, other]
}

type Tree = { readonly [name: string]: unknown }

/** The policy with this field from another one. */
function changed(random: Random, policy: Policy, path: readonly string[]): Policy {
  const other = randomPolicy(random)
  if (path.at(-1) !== 'sites') return withField(policy, other, path)
  const sites = policy.dnsbl?.sites ?? []
  const site = random.pick(other.dnsbl?.sites ?? []) as (typeof sites)[number] | undefined
  if (site === undefined) return policy
  const rest = sites.filter(({ domain }) => domain !== site.domain)
  // One site more, less, or with another weight or other replies.
  const isRemoved = rest.length < sites.length && random.chance(0.4)
  return { ...policy, dnsbl: { ...policy.dnsbl, sites: isRemoved ? rest : [...rest, site] } }
}

function withField(tree: Tree, other: Tree | undefined, [name = '', ...rest]: readonly string[]): Tree {
  const { [name]: mine, ...others } = tree
  const theirs = other?.[name]
  const value = rest.length === 0 ? theirs : withField((mine ?? {}) as Tree, theirs as Tree | undefined, rest)
  return value === undefined ? others : { ...tree, [name]: value }
}

/** A part of a spec that `rulesOf` completes. */
function randomPolicy(random: Random): Policy {
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
