// The policy's fields about the temporary allowlist.
import { hostBitsWhy, networkWhy, readNetwork } from '../values/network.ts'
import { choice, count, documented, duration, type FormRule, group, list, text } from './field.ts'
import { valkey } from './valkey.ts'

const interfaceWhy =
  'must be all, an address or a network such as 192.0.2.1 or 192.0.2.0/24, or one of these after !; the prefix length is at most 32 for IPv4 and 128 for IPv6'

/** `all`, an address or a network, each also with `!` before it. */
function interfaceProblem(pattern: string): string | undefined {
  const plain = pattern.replace(/^!/, '')
  if (plain === 'all') return undefined
  const parsed = readNetwork(plain)
  if ('network' in parsed) return undefined
  return parsed.why === networkWhy ? interfaceWhy : parsed.why
}

/** The same for the API server. */
const interfaceRules = (): readonly FormRule[] => {
  const plain = "self.startsWith('!') ? self.substring(1) : self"
  return [
    { rule: `self in ['all', '!all'] || isCIDR(${plain}) || isIP(${plain})`, message: interfaceWhy },
    { rule: `!isCIDR(${plain}) || cidr(${plain}) == cidr(${plain}).masked()`, message: hostBitsWhy },
  ]
}

export const allowlist = group(
  {
    store: documented(choice(['Local', 'Valkey']).default('Local'), {
      doc: 'Where the temporary allowlist is kept. Local: by each gateway for itself, in its data directory or else in memory. Valkey: in a Valkey or Redis that all gateways share.',
      differs:
        'Postfix shares a cache through proxymap or memcache (postscreen_cache_map). There the last writer wins; in a Valkey the records of several gateways are merged.',
    }),
    prefix: group(
      {
        ipv4: count(
          32,
          { min: 8, max: 32 },
          {
            doc: 'How many leading bits of an IPv4 address make the key of its entry. 32: each address for itself. 24: what one client passed holds for all 256 addresses of its network.',
            unit: 'bits',
          },
        ),
        ipv6: count(
          64,
          { min: 16, max: 128 },
          {
            doc: 'The same for IPv6 addresses. A host usually has a whole /64, and can use any address of it. 128: each address for itself, as in postscreen.',
            unit: 'bits',
          },
        ),
      },
      {
        doc: 'How many leading bits of its address identify a client, in the temporary allowlist and for limits.connectionsPerClient. With networks, the pool of a sender is known after its first member, and its members share one limit. Entries of another prefix length are not found any more.',
        differs: 'postscreen knows single addresses only.',
      },
    ),
    valkey,
    interfaces: documented(
      list(text({ max: 50, why: interfaceWhy, tooLong: interfaceWhy, rules: interfaceRules(), problem: interfaceProblem }), {
        max: 100,
      }).default(['all']),
      {
        doc: 'On which server addresses clients may earn the temporary allowlist: addresses, networks or all; with ! before it (then in quotes) not on these. The first match decides; no match means not. Clients that only ever try a backup MX address never get in.',
        postfix: { own: 'postscreen_allowlist_interfaces', old: ['postscreen_whitelist_interfaces'] },
        zimbra: ['zimbraMtaPostscreenWhitelistInterfaces'],
        tenancy: 'own',
        convert: { as: 'addressMatchList' },
      },
    ),
    retention: duration(
      '7d',
      { max: '366d' },
      {
        doc: 'How long an entry is kept after all its tests have expired. In a Valkey the server drops it then.',
        postfix: { own: 'postscreen_cache_retention_time' },
        zimbra: ['zimbraMtaPostscreenCacheRetentionTime'],
      },
    ),
    cleanupInterval: duration(
      '12h',
      { min: '0s', max: '366d' },
      {
        doc: 'The time between two cleanups of the temporary allowlist, where it is kept by the gateway itself. 0s: no cleanup.',
        postfix: { own: 'postscreen_cache_cleanup_interval' },
        zimbra: ['zimbraMtaPostscreenCacheCleanupInterval'],
      },
    ),
  },
  { doc: 'The temporary allowlist: clients that passed the tests.' },
)
